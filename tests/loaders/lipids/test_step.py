"""The cache: names are read once, by dataset dialect, and a killed step loses little."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from loaders.lipids import rules, step
from loaders.lipids.conventions import find_convention
from loaders.lipids.normalise import normalise
from loaders.lipids.pool import read_names
from loaders.lipids.step import normalise_new_names
from loaders.load import LoadRequest, SilentProgress, load, prepare
from tests.conftest import REPOSITORY
from warehouse.connection import connect
from warehouse.ledger import start_run
from warehouse.settings import Settings


@pytest.fixture
def conn(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A database in which files can be loaded."""
    with connect(settings) as opened:
        prepare(opened)
        yield opened


def _land(
    conn: psycopg.Connection[Any],
    names: list[str],
    *,
    file_id: int = 1,
    source: str = "lipidomics",
    finished: bool = True,
) -> None:
    load_id = f"load-{source}-{file_id}"
    conn.execute(
        f"insert into raw_{source}.files (file_id, dataset_key, status, _dlt_load_id) "
        "values (%s, %s, 'loaded', %s)",
        (file_id, f"{file_id}.csv", load_id),
    )
    table = "components" if source == "signatures" else "feature_rows"
    for row, name in enumerate(names):
        conn.execute(
            f"insert into raw_{source}.{table} (file_id, row_number, reported_name, _dlt_load_id) "
            "values (%s, %s, %s, %s)",
            (file_id, row, name, load_id),
        )
    if source == "signatures":
        conn.execute("update raw_signatures.components set feature_type = 'lipid'")
    if finished:
        _finish(conn, file_id, source)


def _finish(conn: psycopg.Connection[Any], file_id: int, source: str = "lipidomics") -> None:
    conn.execute(
        f"insert into raw_{source}._dlt_loads (load_id, status, inserted_at) values (%s, 0, now())",
        (f"load-{source}-{file_id}",),
    )


def _cached(conn: psycopg.Connection[Any]) -> dict[tuple[str, str], tuple[str, str | None]]:
    rows = conn.execute(
        "select name, dialect, status, normalized from raw_features.lipid_names"
    ).fetchall()
    return {(name, dialect): (status, normalized) for name, dialect, status, normalized in rows}


def _run(conn: psycopg.Connection[Any], settings: Settings) -> step.LipidNamesReport:
    return normalise_new_names(conn, settings, SilentProgress())


def test_names_of_finished_loads_are_read_once(
    conn: psycopg.Connection[Any], settings: Settings
) -> None:
    _land(conn, ["PC 34:1", "PC(16:0/18:1)", "nonsense"])
    _land(conn, ["TG 52:3"], file_id=2, finished=False)
    first = _run(conn, settings)
    assert first.by_status == {"mapped": 2, "unparsed": 1}
    assert ("TG 52:3", "") not in _cached(conn), "a load that is not finished was read"
    assert _run(conn, settings).looked_at == 0
    _finish(conn, 2)
    assert _run(conn, settings).read == 1
    row = conn.execute(
        "select species, molecular_species, sn_position, level, formula, exact_mass, chains "
        "from raw_features.lipid_names where name = 'PC(16:0/18:1)'"
    ).fetchone()
    assert row is not None
    assert row[:5] == ("PC 34:1", "PC 16:0_18:1", "PC 16:0/18:1", "SN_POSITION", "C42H82NO8P")
    assert row[5] == pytest.approx(759.57781, abs=1e-4)
    assert [chain["carbons"] for chain in row[6]] == [16, 18]


def test_a_dialect_has_rows_of_its_own_only_where_it_matters(
    conn: psycopg.Connection[Any], settings: Settings
) -> None:
    _land(conn, ["PC aa C34:1", "lysoPC a C18:0", "C18:1"])
    _land(conn, ["C18:1", "PC 34:1"], file_id=2)
    _land(conn, ["Cer 16:0", "Cer 24:1", "SM 18:0", "PC 34:1"], file_id=3)
    _land(conn, ["Cer 34:0", "Cer 42:2", "SM 36:1"], file_id=4)
    _run(conn, settings)
    dialects = dict(
        conn.execute("select file_id, dialect from raw_features.lipid_conventions").fetchall()
    )
    assert dialects == {1: "biocrates", 2: "", 3: "nacyl_only", 4: "sums"}
    cached = _cached(conn)
    assert cached["C18:1", ""][0] == "ambiguous"
    assert cached["C18:1", "biocrates"] == ("mapped", "CAR 18:1")
    assert ("PC aa C34:1", "biocrates") not in cached
    assert cached["Cer 16:0", "nacyl_only"][0] == "ambiguous"
    assert cached["Cer 34:0", ""][0] == "ambiguous"
    assert cached["Cer 34:0", "sums"] == ("mapped", "Cer 34:0;O2")


def test_which_datasets_are_looked_at(conn: psycopg.Connection[Any], settings: Settings) -> None:
    _land(conn, ["PC 34:1", "PE 36:2", "glucose"], source="metabolomics")
    _land(conn, ["glucose", "lactate", "CE 18:1"], source="metabolomics", file_id=2)
    _land(conn, ["DG 34:2"], source="signatures")
    _run(conn, settings)
    names = {name for name, _ in _cached(conn)}
    assert names == {"PC 34:1", "PE 36:2", "glucose", "DG 34:2"}


def test_a_killed_step_keeps_what_it_read_and_ends_the_same(
    conn: psycopg.Connection[Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"PC {carbons}:{bonds}" for carbons in range(20, 60) for bonds in range(4)]
    _land(conn, names)
    written: list[int] = []
    write = step._Cache._write

    def dies(self: Any, cursor: Any, rows: Any) -> None:
        if written:
            raise KeyboardInterrupt
        write(self, cursor, rows)
        written.append(len(rows))

    monkeypatch.setattr(step, "ROWS_PER_BATCH", 50)
    monkeypatch.setattr(step._Cache, "_write", dies)
    with pytest.raises(KeyboardInterrupt):
        _run(conn, settings)
    assert len(_cached(conn)) == 50
    monkeypatch.undo()
    report = _run(conn, settings)
    assert (report.looked_at, report.read) == (1, len(names) - 50)
    assert len(_cached(conn)) == len(names)


def test_new_rules_read_everything_again(
    conn: psycopg.Connection[Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _land(conn, ["PC 34:1", "Cholesterol"])
    _run(conn, settings)
    monkeypatch.setattr(rules, "version", lambda: "newer")
    assert _run(conn, settings).read == 2
    versions = conn.execute("select distinct rules_version from raw_features.lipid_names")
    assert versions.fetchall() == [("newer",)]


def test_processes_read_as_this_one_does() -> None:
    names = [(f"PC 16:0/{carbons}:1(9Z);OH", "") for carbons in range(12, 30)] * 10
    found = [row for rows in read_names(names, workers=2) for row in rows]
    assert len(found) == 180
    by_name = {row.name: row for row in found}
    assert by_name[names[3][0]] == normalise(names[3][0])


def test_a_load_reads_the_names_it_brings(
    conn: psycopg.Connection[Any], settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "lipidomics"
    folder.mkdir()
    (folder / "a.csv").write_text("Lipid,S1,S2\nPC 34:1,1,2\nPE 36:2,3,4\nTG 52:3,5,6\n")
    report = load(
        settings, conn, LoadRequest(folder=str(tmp_path)), run_id=start_run(conn, "load", {})
    )
    assert report.counts["lipid_names_mapped"] == 3


def test_votes_say_what_decided() -> None:
    found = find_convention(["Cer 16:0", "Cer 24:1", "SM 18:0", "PC 34:1"])
    assert (found.nacyl_only, found.evidence["median_carbons"]) == (True, 18)
    assert find_convention(["x"], format_words="Biocrates MetIDQ").dialect == "biocrates"


def test_pygoslin_is_not_imported_for_plain_names() -> None:
    program = (
        "import sys\n"
        "from loaders.lipids.normalise import normalise\n"
        "assert normalise('TG(16:0/18:1/18:2)').normalized\n"
        "assert not any(n.split('.')[0] in ('pygoslin', 'scipy', 'numpy') for n in sys.modules)\n"
        "assert normalise('Cer(d18:1(4E)/16:0)').normalized\n"
        "assert 'pygoslin' in sys.modules and 'scipy.stats' not in sys.modules\n"
        "import scipy.stats\n"
        "assert scipy.stats.binom.cdf(1, 2, 0.5) > 0\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True, timeout=120)
