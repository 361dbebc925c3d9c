"""`omics why` and `omics impact` on the example files: each answer is held to the file itself."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import REPOSITORY
from tests.end_to_end.conftest import Omics
from tests.end_to_end.lineage import keys_of, unresolved
from warehouse.lineage.routes import routes

#: One row of these per value of the column: the row and the assay are walked in full by themselves.
_ONE_PER = {"measurements": "dataset_id, assay_id"}

#: Marts that only pages of Notion fill.
_OF_NOTION = {"notion_pages", "program_signatures"}

_SIGNATURE = """signature,lipid,direction
Membrane answer,PC 32:0,down
Membrane answer,PC 32:1,down
Membrane answer,PC 32:2,down
Membrane answer,PC 34:1,up
Membrane answer,PC 34:2,up
Membrane answer,PC 36:2,up
Membrane answer,PC 36:4,up
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example files, where they may be edited."""
    return Path(shutil.copytree(REPOSITORY / "examples", tmp_path_factory.mktemp("e") / "results"))


@pytest.fixture(scope="module")
def built(folder: Path, omics: Omics, marts: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """The examples loaded and built; one of the files is a second version of itself."""
    (folder / "signatures").mkdir(exist_ok=True)
    (folder / "signatures" / "membrane answer.csv").write_text(_SIGNATURE, encoding="utf-8")
    edited = folder / "lipidomics" / "medium_lipids_samples_in_rows.csv"
    text = edited.read_text("utf-8")
    edited.write_text(text + text.splitlines()[-1].replace("Statin_4", "Late_1") + "\n", "utf-8")
    omics("load", "--dir", str(folder), codes=(2,))
    edited.write_text(text, encoding="utf-8")
    omics("load", "--dir", str(folder), codes=(2,))
    omics("build")
    return marts


def why(omics: Omics, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(omics("why", *arguments, "--json").stdout)
    return answer


def impact(omics: Omics, file: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(omics("impact", file, "--json").stdout)
    answer["counts"] = {one["mart"]: one["count"] for one in answer["resting"]}
    return answer


@pytest.mark.parametrize("mart", sorted(routes()))
def test_every_row_of_every_mart_leads_to_a_file(built: psycopg.Connection[Any], mart: str) -> None:
    count, wrong = unresolved(built, mart, keys_of(built, mart, one_per=_ONE_PER.get(mart)))
    assert wrong == []
    # No page of Notion is among the examples; tests/dbt/test_notion.py has some.
    assert (count > 0) != (mart in _OF_NOTION)


def test_a_measurement_leads_to_the_digits_of_its_cell(
    built: psycopg.Connection[Any], omics: Omics, folder: Path
) -> None:
    path = folder / "lipidomics" / "hepatocyte_lipids.csv"
    lines = path.read_text("utf-8").splitlines()
    header, cells = next(csv.reader(lines[:1])), next(csv.reader(lines[4:5]))
    column = header.index("Statin_1")
    answer = why(omics, str(path), "--feature", cells[0], "--assay", "Statin_1")
    assert answer["subject"]["mart"] == "measurements"
    assert answer["value"]["landed"] == cells[column]
    assert answer["value"]["abundance"] == float(cells[column])
    (origin,) = answer["origins"]
    assert (origin["file"]["path"], origin["place"]["row_number"]) == (str(path), 5)
    assert origin["file_text"] == {"state": "found", "text": lines[4]}
    assert origin["raw"][0]["columns"]["reported_name"] == cells[0]
    assert origin["models"][0] == "raw_lipidomics.feature_rows"
    assert origin["run"]["command"] == "load"
    assert origin["reading"]["role_evidence"]["orientation"] == "features_in_rows"
    (decision,) = answer["decisions"]
    assert decision["reported_name"] == cells[0]
    assert decision["status"] == "mapped"
    assert decision["rules_version"]


def test_a_feature_is_found_by_its_row_its_id_and_any_spelling_of_the_dataset(
    built: psycopg.Connection[Any], omics: Omics
) -> None:
    by_row = why(omics, "Hepatocyte lipids", "--feature", "row 5")
    for dataset in ("hepatocyte lipids", "hepatocyte_lipids.csv", by_row["row"]["dataset_id"]):
        again = why(omics, dataset, "--feature", by_row["row"]["feature_id"])
        assert again["subject"]["key"] == by_row["subject"]["key"]


def test_samples_in_rows_lead_to_a_column(
    built: psycopg.Connection[Any], omics: Omics, folder: Path
) -> None:
    path = folder / "lipidomics" / "medium_lipids_samples_in_rows.csv"
    table = list(csv.reader(path.read_text("utf-8").splitlines()))
    answer = why(omics, "medium_lipids_samples_in_rows", "--feature", table[0][6])
    (origin,) = answer["origins"]
    assert (origin["place"]["unit"], origin["place"]["row_number"]) == ("column", 7)
    assert origin["file_text"]["text"] == " | ".join(row[6] for row in table)


def test_a_sheet_of_a_workbook_leads_to_its_row(
    built: psycopg.Connection[Any], omics: Omics
) -> None:
    answer = why(omics, "Polar metabolites", "--feature", "row 7")
    (origin,) = answer["origins"]
    assert origin["file"]["part"] == "sheet=Polar metabolites"
    assert origin["place"]["unit"] == "row"
    assert answer["row"]["reported_name"] in origin["file_text"]["text"]


def test_a_result_leads_to_its_line_in_a_packed_file(
    built: psycopg.Connection[Any], omics: Omics
) -> None:
    answer = why(omics, "statin_vs_vehicle_deseq2", "--feature", "row 9", "--contrast", "contrast")
    (origin,) = answer["origins"]
    landed = origin["raw"][0]["columns"]
    assert answer["subject"]["mart"] == "differential_results"
    assert float(landed["log2_fold_change"]) == answer["row"]["log2_fold_change"]
    assert landed["log2_fold_change"] in origin["file_text"]["text"]


def test_a_reject_leads_to_its_cell(built: psycopg.Connection[Any], omics: Omics) -> None:
    answer = why(omics, "partner_lab_lipids_mol_percent", "--feature", "row 71")
    (origin,) = answer["origins"]
    assert answer["subject"]["mart"] == "rejected_rows"
    assert answer["row"]["raw_text"] in origin["file_text"]["text"]


def test_what_sheets_describe_leads_to_their_lines(
    built: psycopg.Connection[Any], omics: Omics, folder: Path
) -> None:
    program = why(omics, "LIP")
    (origin,) = program["origins"]
    line = (folder / "programs" / "programs.csv").read_text("utf-8").splitlines()[1]
    assert origin["file_text"]["text"] == line
    sample = why(omics, "Statin-1")
    assert sample["origins"][0]["file"]["path"] == str(folder / "programs" / "samples.csv")
    assert {one["mart"] for one in sample["related"]} == {"experiments"}
    dataset = why(omics, "Hepatocyte lipids")
    assert {one["mart"] for one in dataset["related"]} == {"programs", "experiments"}
    assert [origin["role"] for origin in dataset["origins"]] == [
        "holds the dataset",
        "describes it",
    ]


def test_a_gene_leads_to_its_rows_and_to_the_line_of_the_reference(
    built: psycopg.Connection[Any], omics: Omics
) -> None:
    answer = why(omics, "hgnc:399")
    assert answer["row"]["name"] == "ALB"
    texts: dict[str, list[str]] = {}
    for origin in answer["origins"]:
        texts.setdefault(origin["role"], []).append(origin["file_text"]["text"])
    assert any("ALB" in text for text in texts["knows the molecule"])
    # The files call it by its symbol and by its Ensembl id.
    names = {decision["reported_name"] for decision in answer["decisions"]}
    assert len(names) > 1
    assert all(any(name in text for name in names) for text in texts["reports the name"])
    assert all(decision["reference_release"] for decision in answer["decisions"])


def test_a_signature_and_its_score_lead_to_the_line_that_defines_it(
    built: psycopg.Connection[Any], omics: Omics
) -> None:
    signature = why(omics, "Membrane answer")
    (origin,) = signature["origins"]
    assert origin["place"]["row_number"] == 2
    assert origin["file_text"]["text"] == _SIGNATURE.splitlines()[1]
    (method,) = built.execute(
        "select s.method from marts.dataset_signatures as s "
        "inner join marts.datasets as d on s.dataset_id = d.dataset_id "
        "where d.name = 'Hepatocyte lipids' group by s.method having count(*) = 1 limit 1"
    ).fetchone() or ("",)
    chosen = ("Hepatocyte lipids", "--signature", "Membrane answer", "--method", method)
    score = why(omics, *chosen)
    assert score["subject"]["mart"] == "dataset_signatures"
    files = [origin["file"]["path"].rsplit("/", 1)[1] for origin in score["origins"]]
    assert files == ["hepatocyte_lipids.csv", "membrane answer.csv"]


def test_any_row_is_reached_by_its_key(built: psycopg.Connection[Any], omics: Omics) -> None:
    (dataset_id,) = built.execute("select dataset_id from marts.datasets limit 1").fetchone() or ()
    answer = why(
        omics,
        "dataset_quality",
        "--key",
        f"dataset_id={dataset_id}",
        "--key",
        "check_name=missing_overall",
    )
    assert answer["row"]["check_name"] == "missing_overall"


def test_the_tree_names_file_line_and_text(built: psycopg.Connection[Any], omics: Omics) -> None:
    shown = omics("why", "Hepatocyte lipids", "--feature", "row 5", "--assay", "Statin_1").stdout
    for part in (
        "hepatocyte_lipids.csv",
        "line: 5",
        "sha256",
        "raw_lipidomics.feature_rows",
        "way",
    ):
        assert part in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("Hepatocyte lipid",), "Hepatocyte lipids"),
        (("Hepatocyte lipids", "--feature", "unicorn"), "no row for 'unicorn'"),
        (("Hepatocyte lipids", "--assay", "Statin_9"), "Statin_4"),
        (("Hepatocyte lipids", "--feature", "row 5", "--assay", "Nobody"), "no assay 'Nobody'"),
        (("dataset_quality", "--key", "check_name=x"), "dataset_id"),
        (("datasets", "--key", "dataset_id=x"), "no row of datasets"),
        (("pancakes", "--key", "a=b"), "no mart 'pancakes'"),
        (("00000000-0000-0000-0000-000000000000",), "nothing is called"),
    ],
)
def test_what_does_not_fit_is_said(
    built: psycopg.Connection[Any], omics: Omics, arguments: tuple[str, ...], says: str
) -> None:
    answer = omics("why", *arguments, codes=(1,))
    assert says in answer.stderr


def test_several_that_fit_are_listed(built: psycopg.Connection[Any], omics: Omics) -> None:
    answer = omics("impact", "samples", codes=(0,))
    assert "samples.csv" in answer.stdout
    answer = omics("impact", "statin_vs_vehicle_deseq2.csv.gz", codes=(0,))
    assert "differential_results" in answer.stdout


@pytest.mark.parametrize("option", [("--kind", "pancake"), ("--assay", "a", "--contrast", "b")])
def test_wrong_options_are_wrong_usage(omics: Omics, option: tuple[str, ...]) -> None:
    omics("why", "x", *option, codes=(64,))


def test_a_file_that_changed_or_went_is_not_quoted(
    built: psycopg.Connection[Any], omics: Omics, folder: Path
) -> None:
    path = folder / "proteomics" / "statin_vs_vehicle_limma.tsv"
    kept = path.read_bytes()
    state = ("statin_vs_vehicle_limma", "--feature", "row 9")
    path.write_bytes(kept + b"\n")
    assert why(omics, *state)["origins"][0]["file_text"]["state"] == "changed"
    path.unlink()
    assert why(omics, *state)["origins"][0]["file_text"]["state"] == "gone"
    assert why(omics, *state, "--no-file")["origins"][0]["file_text"] is None
    path.write_bytes(kept)
    assert why(omics, *state)["origins"][0]["file_text"]["state"] == "found"


# -- impact ----------------------------------------------------------------------------------------


def test_impact_counts_what_the_marts_hold(
    built: psycopg.Connection[Any], omics: Omics, folder: Path
) -> None:
    answer = impact(omics, str(folder / "metabolomics" / "hepatocyte_metabolites.xlsx"))
    assert answer["datasets"] == ["Polar metabolites", "Sterols and bile acids"]
    ids = [v["dataset_id"] for v in answer["versions"]]
    for mart in ("datasets", "assays", "dataset_features", "measurements", "dataset_quality"):
        (count,) = built.execute(
            f"select count(*) from marts.{mart} where dataset_id = any(%s::uuid[])", (ids,)
        ).fetchone() or (0,)
        assert answer["counts"][mart] == count > 0
    (features,) = built.execute(
        "select count(distinct feature_id) from marts.dataset_features "
        "where dataset_id = any(%s::uuid[])",
        (ids,),
    ).fetchone() or (0,)
    assert answer["counts"]["features"] == features


def test_what_impact_names_leads_back_to_the_file(
    built: psycopg.Connection[Any], omics: Omics, folder: Path
) -> None:
    from warehouse.lineage.explain import explain

    for file in (
        "proteomics/statin_vs_vehicle_limma.tsv",
        "lipidomics/partner_lab_lipids_mol_percent.csv",
        "programs/programs.csv",
        "features/hgnc_subset_2018-04-06.tsv",
    ):
        path = str(folder / file)
        answer = impact(omics, path)
        named = [(one["mart"], key) for one in answer["resting"] for key in one["examples"]]
        assert named
        for mart, key in named:
            paths = {origin.file["path"] for origin in explain(built, mart, key).origins}
            assert path in paths or mart == "feature_names", (file, mart, key)


def test_impact_of_sheets_and_references(built: psycopg.Connection[Any], omics: Omics) -> None:
    samples = impact(omics, "samples.csv")
    assert samples["counts"]["samples"] == 8
    assert samples["counts"]["assays"] > 8
    assert "Hepatocyte lipids" in samples["datasets"]
    experiments = impact(omics, "experiments.csv")["counts"]
    assert experiments["experiments"] == experiments["program_experiments"] == 1
    signatures = impact(omics, "membrane answer.csv")["counts"]
    assert (signatures["signatures"], signatures["signature_components"]) == (1, 7)
    assert impact(omics, "hgnc_subset_2018-04-06.tsv")["counts"]["features"] > 10


def test_impact_tells_replaced_and_refused_content(
    built: psycopg.Connection[Any], omics: Omics
) -> None:
    refused = impact(omics, "secreted_factors.csv")
    assert "quarantine" in refused["verdict"]
    assert refused["counts"] == {"source_files": 1}
    answer = impact(omics, "medium_lipids_samples_in_rows.csv")
    assert sorted(v["status"] for v in answer["versions"]) == ["loaded", "superseded"]
    (old,) = (v for v in answer["versions"] if v["status"] == "superseded")
    by_id = impact(omics, str(old["source_file_id"]))
    assert "replaced" in by_id["verdict"]
    assert by_id["datasets"] == []
    assert set(by_id["counts"]) == {"source_files", "loads"}
    assert "took its place" in omics("why", str(old["source_file_version_id"])).stdout


def test_an_unknown_file_is_said(built: psycopg.Connection[Any], omics: Omics) -> None:
    assert "no file is" in omics("impact", "nowhere.csv", codes=(1,)).stderr
