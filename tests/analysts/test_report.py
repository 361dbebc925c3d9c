"""The quality report of the example files, of nothing, and of a large and hostile warehouse."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.analysts import browser
from tests.analysts.conftest import copied
from tests.conftest import REPOSITORY
from tests.end_to_end.conftest import Omics
from warehouse.errors import OmicsError
from warehouse.report import write
from warehouse.report.content import build, texts
from warehouse.report.model import Report, Section
from warehouse.report.reading import Limits, Marts
from warehouse.settings import Settings

HOSTILE = """</script><img src=x onerror="document.title='owned'">"""

LARGE = "00000000-0000-0000-0000-00000000abcd"

needs_multiqc = pytest.mark.skipif(
    importlib.util.find_spec("multiqc") is None,
    reason=f"MultiQC is not installed: {write.INSTALL}",
)


def _sections(report: Report) -> dict[str, Section]:
    return {
        f"{chapter.anchor}/{section.anchor}": section
        for chapter in report.chapters
        for section in chapter.sections
    }


@pytest.fixture
def report(example_marts: psycopg.Connection[Any]) -> Report:
    return build(Marts(example_marts, Limits()))


# -- what it says ----------------------------------------------------------------------------------


def test_the_examples_fill_every_section(report: Report) -> None:
    sections = _sections(report)
    assert set(sections) == {
        f"{chapter}/{section}"
        for chapter, words in texts()["chapters"].items()
        for section in words["sections"]
    }
    assert all(section.plot is not None for section in sections.values())


def test_the_general_table_holds_the_marts(
    report: Report, example_marts: psycopg.Connection[Any]
) -> None:
    rows = example_marts.execute(
        "select name, omics_type, n_features, n_assays, missing_fraction from datasets"
    ).fetchall()
    assert len(report.general) == len(rows)
    for name, omics_type, n_features, n_assays, missing in rows:
        shown = report.general[name]
        assert (shown["omics_type"], shown["n_features"]) == (omics_type, n_features)
        assert shown.get("n_assays", 0) == n_assays
        assert shown.get("missing_fraction") == missing


def test_plots_hold_what_the_facts_say(
    report: Report, example_marts: psycopg.Connection[Any]
) -> None:
    """Counted again from the facts, not from the marts that sum them up."""
    sections = _sections(report)
    plot = sections["missing/assays"].plot
    assert plot is not None
    labels = [view["name"] for view in plot.options["data_labels"]]
    lipids = plot.data[labels.index("Hepatocyte lipids")]
    counted = example_marts.execute(
        "select a.name, count(f.abundances[a.position]), count(*) from dataset_features as f "
        "join assays as a using (dataset_id) join datasets as d using (dataset_id) "
        "where d.name = 'Hepatocyte lipids' group by a.name"
    ).fetchall()
    assert lipids == {n: {"observed": seen, "missing": total - seen} for n, seen, total in counted}

    volcano = sections["results/volcano"].plot
    assert volcano is not None
    labels = [view["name"] for view in volcano.options["data_labels"]]
    points = volcano.data[labels.index("statin_vs_vehicle_deseq2: contrast")]
    (higher,) = example_marts.execute(
        "select count(*) from differential_results as r join datasets as d using (dataset_id) "
        "where d.name = 'statin_vs_vehicle_deseq2' and adjusted_p_value < 0.05 "
        "and log2_fold_change >= 1"
    ).fetchall()
    coloured = [p for named in points.values() for p in named if p["group"] == "higher"]
    assert len(coloured) == higher[0] > 0

    scores = sections["signatures/scores"].plot
    assert scores is not None
    columns, rows = scores.axes
    at = columns.index("statin_vs_vehicle_limma: contrast")
    (statistic,) = example_marts.execute(
        "select s.statistic from dataset_signatures as s join datasets as d using (dataset_id) "
        "join signatures as g using (signature_id) "
        "where d.name = 'statin_vs_vehicle_limma' and g.name = 'Statin response' "
        "and method = 'ulm'"
    ).fetchall()
    assert scores.data[0][rows.index("Statin response")][at] == statistic[0]


def test_components_tell_the_groups_apart(report: Report) -> None:
    plot = _sections(report)["pca/components"].plot
    assert plot is not None
    labels = [view["name"] for view in plot.options["data_labels"]]
    points = [p for (p,) in plot.data[labels.index("hepatocyte_gene_counts")].values()]
    assert {point["group"] for point in points} == {"statin", "vehicle"}
    assert len({point["color"] for point in points}) == 2
    # The statin is the strongest effect in the invented study, on one of the two components.
    split = [
        max(p[axis] for p in points if p["group"] == one)
        < min(p[axis] for p in points if p["group"] == other)
        for axis in ("x", "y")
        for one, other in (("statin", "vehicle"), ("vehicle", "statin"))
    ]
    assert any(split)


def test_chosen_datasets_only(example_marts: psycopg.Connection[Any]) -> None:
    ((dataset,),) = example_marts.execute(
        "select dataset_id from datasets where name = 'Medium lipids'"
    ).fetchall()
    report = build(Marts(example_marts, Limits(), [dataset]))
    assert set(report.general) == {"Medium lipids"}
    assert "chosen datasets" in report.comment
    assert _sections(report)["results/volcano"].plot is None


def test_empty_marts_say_what_to_do(example_settings: Settings) -> None:
    with copied(example_settings) as conn:
        # Some marts are views on what was landed.
        tables = conn.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables "
            "where schemaname in ('marts', 'intermediate') or schemaname like 'raw%' "
            "or (schemaname, tablename) = ('ops', 'quarantine')"
        ).fetchall()
        conn.execute(f"truncate {', '.join(table for (table,) in tables)}")
        report = build(Marts(conn, Limits()))
    assert "omics load" in report.comment
    assert report.general == {}
    words = texts()["chapters"]
    for name, section in _sections(report).items():
        chapter, anchor = name.split("/")
        assert section.plot is None, name
        assert section.description == words[chapter]["sections"][anchor]["none"]


def _enlarge(conn: psycopg.Connection[Any]) -> None:
    """Makes the examples a warehouse of 700 matrices, one of 3,000 x 400, and a long contrast."""
    conn.execute(
        "insert into datasets select (jsonb_populate_record(d, jsonb_build_object("
        "'dataset_id', md5(n::text), 'name', 'copy ' || n, 'quality_status', 'pass'))).* "
        "from datasets as d, generate_series(1, 700) as n where d.name = 'Medium lipids'"
    )
    for table in ("assays", "dataset_features"):
        conn.execute(
            f"insert into {table} select (jsonb_populate_record(t, jsonb_build_object("
            "'dataset_id', md5(n::text)))).* "
            f"from {table} as t join datasets as d using (dataset_id), "
            "generate_series(1, 700) as n where d.name = 'Medium lipids' "
            # As many as are drawn, and a few more: those that were loaded last by their ids.
            "and md5(n::text)::uuid in (select dataset_id from datasets "
            "where quality_status = 'pass' "
            "order by dataset_id limit 30)"
        )
    conn.execute(
        "insert into datasets select (jsonb_populate_record(d, jsonb_build_object("
        f"'dataset_id', '{LARGE}', 'name', 'large', 'quality_status', 'fail', 'n_assays', 400, "
        "'n_features', 3000, 'n_values', 1200000))).* "
        "from datasets as d where name = 'Medium lipids'"
    )
    conn.execute(
        "insert into assays (dataset_id, assay_id, position, name, n_observed, missing_fraction, "
        f"abundance_quantiles, n_zeros, n_negatives) select '{LARGE}', md5(p::text)::uuid, p, "
        "'assay ' || p, 3000, 0, array[1, 1, 2, 3, 4, 5, 6, 7]::float8[], 0, 0 "
        "from generate_series(1, 400) as p"
    )
    conn.execute(
        "insert into dataset_features (dataset_id, row_number, reported_name, abundances, "
        "n_observed, mean, sd, is_contaminant, is_decoy, is_internal_standard) "
        f"select '{LARGE}', r, 'row ' || r, array(select 1 + (hashint4(r * 1000 + p) & 1023) "
        "from generate_series(1, 400) as p), 400, 500, 100, false, false, false "
        "from generate_series(1, 3000) as r"
    )
    conn.execute(
        "insert into differential_results "
        "select (jsonb_populate_record(null::differential_results, to_jsonb(r) || "
        "jsonb_build_object('row_number', 1000 + n, 'p_value', n / 20000.0, "
        "'log2_fold_change', mod(n, 7) - 3.0, 'reported_name', 'gene ' || n, "
        "'feature_id', null))).* "
        "from generate_series(0, 19999) as n, lateral (select r.* from differential_results as r "
        "join datasets as d using (dataset_id) where d.name = 'statin_vs_vehicle_deseq2' "
        "limit 1) as r"
    )
    conn.execute(
        "insert into rejected_rows select (jsonb_populate_record("
        "null::rejected_rows, to_jsonb(r) || jsonb_build_object("
        "'reason_code', 'reason_' || n, 'rejected_row_id', md5('r' || n)))).* "
        "from generate_series(1, 300) as n, lateral (select * from rejected_rows limit 1) as r"
    )
    conn.execute("update datasets set name = %s where name = 'Hepatocyte lipids'", (HOSTILE,))
    conn.execute("update assays set name = %s where name = 'Statin_2'", (HOSTILE,))
    conn.execute("update source_files set reason = %s where reason is not null", (HOSTILE,))


@pytest.fixture(scope="module")
def large(
    example_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Report, Path | None]:
    """The report of a large and hostile warehouse, and its page where MultiQC is installed."""
    page = tmp_path_factory.mktemp("large") / "report.html"
    with copied(example_settings) as conn:
        _enlarge(conn)
        report = build(Marts(conn, Limits()))
        if importlib.util.find_spec("multiqc") is None:
            return report, None
        write.write_report(conn, page)
    return report, page


def test_large_marts_are_capped_and_the_page_says_how(large: tuple[Report, Path | None]) -> None:
    report, _ = large
    sections = _sections(report)
    limits = Limits()
    assert len(report.general) == limits.datasets
    assert "Shown are 500 of 710 datasets" in report.comment
    # Problems first: the failing one, then those that warn.
    assert next(iter(report.general)) == "large"
    assay_plot = sections["missing/assays"].plot
    assert assay_plot is not None
    assert len(assay_plot.data) == limits.matrices
    assert len(assay_plot.data[0]) == limits.assays
    assert "20 of 708 matrices" in sections["missing/assays"].description
    assert "200 assays are drawn" in sections["missing/assays"].description
    components = sections["pca/components"].plot
    assert components is not None
    assert "from 2,000 features" in components.options["data_labels"][0]["ylab"]
    volcano = sections["results/volcano"].plot
    assert volcano is not None
    most = max(sum(map(len, view.values())) for view in volcano.data)
    assert 0.9 * limits.points < most <= limits.points
    strongest = [p for view in volcano.data for named in view.values() for p in named]
    # p = 0 stands at a tenth of the smallest above it.
    assert max(point["y"] for point in strongest) < 40
    rejects = sections["files/rejects"]
    assert rejects.plot is not None
    assert len(rejects.plot.data[0]) == limits.rows
    assert "Shown are the first 200 of" in rejects.description


def test_nothing_that_a_file_says_is_markup(large: tuple[Report, Path | None]) -> None:
    report, _ = large
    text = json.dumps({**report.document(), "comment": ""}, ensure_ascii=False)
    assert "onerror=" in text, "the hostile names are not in the report at all"
    assert "<" not in text


# -- the page --------------------------------------------------------------------------------------


def test_without_multiqc_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from omics import cli

    monkeypatch.setattr(write, "find_spec", lambda name: None)
    assert cli.run(["report"]) == 1
    said = capsys.readouterr().err
    assert "pip install -e '.[report]' -c constraints.txt" in said
    assert "MultiQC" in said


@needs_multiqc
def test_a_report_needs_marts_and_a_folder(
    conn: psycopg.Connection[Any], example_marts: psycopg.Connection[Any], tmp_path: Path
) -> None:
    with pytest.raises(OmicsError, match="not built") as refusal:
        write.write_report(conn, tmp_path / "report.html")
    assert "omics build" in str(refusal.value)
    with pytest.raises(OmicsError, match="does not exist"):
        write.write_report(example_marts, tmp_path / "nowhere" / "report.html")
    with pytest.raises(OmicsError, match="no dataset is called 'lipid'") as unknown:
        write.write_report(example_marts, tmp_path / "report.html", names=["lipid"])
    assert "Medium lipids" in str(unknown.value)
    assert list(tmp_path.iterdir()) == []


def test_drawing_cannot_reach_the_network() -> None:
    code = (
        "import sys, socket\n"
        "from warehouse.report.render import _refuse_network\n"
        "sys.addaudithook(_refuse_network)\n"
        "for reach in (lambda: socket.create_connection(('127.0.0.1', 9), 1),\n"
        "              lambda: socket.getaddrinfo('localhost', 80)):\n"
        "    try:\n"
        "        reach()\n"
        "    except OSError as error:\n"
        "        assert 'without the network' in str(error), error\n"
        "    else:\n"
        "        raise SystemExit('it was reached')\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


@pytest.fixture(scope="module")
def page(omics: Omics, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the example files, as the command writes it."""
    target = tmp_path_factory.mktemp("report") / "report.html"
    said = json.loads(omics("report", "--out", str(target), "--json").stdout)
    assert said["path"] == str(target)
    assert said["datasets"] == 9
    return target


@needs_multiqc
def test_the_page_needs_nothing_else(page: Path) -> None:
    html = page.read_text("utf-8")
    assert html.lower().startswith("<!doctype html>")
    markup = re.sub(r"(<script\b[^>]*>).*?</script>", r"\1", html, flags=re.DOTALL)
    loaded = re.findall(
        r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"([^\"]+)", markup
    )
    assert [url for url in loaded if not url.startswith(("data:", "#"))] == []
    for chapter in texts()["chapters"].values():
        assert chapter["name"] in html
        for section in chapter["sections"].values():
            assert section["name"] in html
    assert [other.name for other in page.parent.iterdir()] == [page.name]


needs_browser = pytest.mark.skipif(
    browser.find_browser() is None,
    reason=f"no browser to look at the page with: {', '.join(browser.NAMES)}",
)


def _drawn(seen: browser.Seen) -> int:
    return len(re.findall(r"class=\"[^\"]*\bjs-plotly-plot\b", seen.dom))


@needs_multiqc
@needs_browser
def test_plots_are_drawn_in_a_browser_without_an_error(page: Path, report: Report) -> None:
    program = browser.find_browser()
    assert program is not None
    seen = browser.look(program, page)
    assert seen.console == ()
    plots = [s for s in _sections(report).values() if s.plot and s.plot.kind != "table"]
    assert _drawn(seen) >= len(plots) > 8
    tables = set(re.findall(r"<table[^>]+id=\"(\w+)_table\"", seen.dom))
    assert {"general_stats_table", "checks_table", "rejects_table", "quarantine_table"} <= tables


@needs_multiqc
@needs_browser
def test_a_large_and_hostile_warehouse_is_drawn_too(large: tuple[Report, Path | None]) -> None:
    program = browser.find_browser()
    report, page = large
    assert program is not None
    assert page is not None
    assert page.stat().st_size < 20e6
    seen = browser.look(program, page)
    assert seen.console == ()
    assert "<title>owned" not in seen.dom
    assert "onerror=" in seen.dom
    assert not re.search(r"<img[^>]+onerror", seen.dom)
    plots = [s for s in _sections(report).values() if s.plot and s.plot.kind != "table"]
    assert _drawn(seen) >= len(plots)


def test_the_picture_in_the_docs_is_small() -> None:
    picture = REPOSITORY / "docs" / "report.png"
    head = picture.read_bytes()
    assert head.startswith(b"\x89PNG")
    assert len(head) < 400_000
