"""The road of a file that is not understood: asked, answered by column roles, loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from tests.end_to_end.conftest import Omics
from warehouse import exits


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A file whose first column could be anything."""
    path = tmp_path / "results" / "metabolomics" / "odd.csv"
    path.parent.mkdir(parents=True)
    path.write_text("key,x1,x2\nfoo,1,2\nbar,3,4\n")
    return path


def test_column_roles_written_completed_and_replayed_load_the_file(
    odd: Path, omics: Omics, marts: psycopg.Connection[Any], tmp_path: Path
) -> None:
    folder, roles = str(odd.parent.parent), tmp_path / "roles.yml"
    omics("load", "--dir", folder, codes=(exits.PARTIAL,))
    assert quarantined(omics) == [str(odd)]
    shown = omics("quarantine", "show", str(odd), "--write-mapping", str(roles)).stdout
    assert f"--mapping {roles}" in " ".join(shown.split())
    written = roles.read_text()

    # An answer that does not belong to the file is refused, and the question stays.
    other = tmp_path / "other.yml"
    other.write_text(written.replace('"x2"', '"y2"'))
    replay = ("quarantine", "replay", str(odd), "--mapping")
    omics(*replay, str(other), codes=(exits.PARTIAL,))
    assert quarantined(omics) == [str(odd)]

    answer = yaml.safe_load(written)
    answer["columns"][0]["role"] = "feature"
    for column in answer["columns"][1:]:
        column["role"] = "assay"
    roles.write_text(yaml.safe_dump(answer))
    # Nobody's answers are written over.
    again = omics(
        "quarantine", "show", str(odd), "--write-mapping", str(roles), codes=(exits.FAILED,)
    )
    assert "exists already" in again.stderr
    omics(*replay, str(roles))
    rows = marts.execute(
        "select reported_name, quantities from raw_metabolomics.feature_rows order by row_number"
    ).fetchall()
    assert rows == [("foo", "{1,2}"), ("bar", "{3,4}")]
    assert quarantined(omics) == []

    # A later load of the folder neither asks again nor loads it twice.
    report = json.loads(omics("load", "--dir", folder, "--json").stdout)
    assert report["counts"]["files_unchanged"] == 1
    assert report["counts"]["files_loaded"] == 0


def test_column_roles_load_a_file_that_was_never_asked_about(
    odd: Path, omics: Omics, marts: psycopg.Connection[Any], tmp_path: Path
) -> None:
    roles = tmp_path / "roles.yml"
    roles.write_text(
        "columns:\n  - {header: key, role: feature}\n"
        "  - {header: x1, role: assay}\n  - {header: x2, role: ignore}\n"
    )
    omics("load", "metabolomics", "--file", str(odd), "--mapping", str(roles))
    (assays,) = marts.execute(
        "select n_assays from raw_metabolomics.files where source_path = %s", (str(odd),)
    ).fetchall()
    assert assays == (1,)


def test_column_roles_belong_to_one_kind_of_file(odd: Path, omics: Omics) -> None:
    usage = (exits.USAGE,)
    omics("load", "--dir", str(odd.parent), "--mapping", "roles.yml", codes=usage)
    omics("quarantine", "replay", "--mapping", "roles.yml", codes=usage)


def quarantined(omics: Omics) -> list[str]:
    """Paths of the files in quarantine."""
    files = json.loads(omics("quarantine", "list", "--json").stdout)
    return [file["source_path"] for file in files]


def test_given_roles_are_remembered_for_the_next_file_of_the_kind(
    omics: Omics, marts: psycopg.Connection[Any], tmp_path: Path
) -> None:
    folder = tmp_path / "results" / "metabolomics"
    folder.mkdir(parents=True)
    first, second, other = (folder / name for name in ("run1.tsv", "run2.tsv", "other.tsv"))
    first.write_text("Nr\tCmpd\tRTm\tQty_a\tQty_b\tHgt_a\tHgt_b\nx1\tfoo\t1.5\t10\t20\t1\t2\n")
    # Other samples, one more of them, and a column fewer: still the same kind of file.
    second.write_text(
        "Nr\tCmpd\tQty_c\tHgt_c\tQty_d\tHgt_d\tQty_e\tHgt_e\nx7\tbar\t30\t3\t40\t4\t50\t5\n"
    )
    # A column that nobody explained: not of the kind, whatever else it has.
    other.write_text("Nr\tCmpd\tRTm\tQty_a\tSize\nx1\tbaz\t1.5\t10\t20\n")
    load = ("load", "--dir", str(folder.parent))
    omics(*load, codes=(exits.PARTIAL,))
    assert set(quarantined(omics)) >= {str(first), str(other)}

    roles = tmp_path / "kind.yml"
    omics("quarantine", "show", str(first), "--write-mapping", str(roles))
    answer = yaml.safe_load(roles.read_text())
    given = ["ignore", "feature", "annotation", "assay", "assay", "ignore", "ignore"]
    for column, role in zip(answer["columns"], given, strict=True):
        column["role"] = role
    answer |= {"format": "House report", "unit": "nmol"}
    roles.write_text(yaml.safe_dump(answer))
    report = omics("load", "metabolomics", "--file", str(first), "--mapping", str(roles), "--json")
    (kept,) = json.loads(report.stdout)["mappings"]

    omics(*load, codes=(exits.PARTIAL,))
    assert quarantined(omics) == [str(other)]
    shown = json.loads(omics("quarantine", "show", str(other), "--json").stdout)
    assert shown["nearest_format"] == f"mapping {kept}"
    assert "'Size'" in shown["differs"]
    read = marts.execute(
        """
        select f.format, f.unit, f.role_evidence::jsonb #>> '{mapping,mapping_id}', r.quantities
        from raw_metabolomics.files as f
        inner join raw_metabolomics.feature_rows as r using (file_id, _dlt_load_id)
        where f.source_path = %s
        """,
        (str(second),),
    ).fetchall()
    assert read == [("House report", "nmol", kept, "{30,40,50}")]

    # Forgotten: what was loaded stays, and the next one is asked about.
    omics("mappings", "forget", kept[:6])
    left = json.loads(omics("mappings", "list", "--json").stdout)
    assert kept not in {entry["mapping_id"] for entry in left}
    third = folder / "run3.tsv"
    third.write_text("Nr\tCmpd\tQty_f\tHgt_f\nx9\tqux\t60\t6\n")
    omics(*load, codes=(exits.PARTIAL,))
    assert set(quarantined(omics)) == {str(other), str(third)}
