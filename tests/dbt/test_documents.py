"""What the documents say, and what makes them change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.dbt.landing import Matrix, Results, create_landing, land
from warehouse import connection
from warehouse.settings import Settings

LIPIDS = Matrix(rows=[("PC 34:1", ["10", "12"]), ("TG 52:2", ["900", "1000"])])
GENES = Results(
    {
        "drug vs control": [
            {"reported_name": "LOUD", "log2_fold_change": "9", "adjusted_p_value": "0.8"},
            {"reported_name": "SURE", "log2_fold_change": "2.5", "adjusted_p_value": "0.00001"},
            {"reported_name": "LESS", "log2_fold_change": "-1.25", "adjusted_p_value": "0.01"},
        ]
    }
)

Documents = dict[str, dict[str, tuple[str, dict[str, Any], str]]]


def _documents(settings: Settings) -> Documents:
    found: Documents = {}
    with connection.connect(settings) as conn:
        for title, chunk, text, metadata, content in conn.execute(
            "select title, chunk, text, metadata, content_hash from marts.documents"
        ):
            name = str(title).split(":")[0]
            found.setdefault(name, {})[str(chunk)] = (text, metadata, content)
    return found


@pytest.fixture(scope="module")
def after(
    module_settings: Settings, marts: psycopg.Connection[Any], dbt: Callable[..., Any]
) -> dict[str, Any]:
    """Documents after a build, after a page with a note came and a dataset changed, and in full."""
    create_landing(marts)
    land(marts, "lipidomics", "/d/lipids.csv", LIPIDS, minute=1)
    land(marts, "transcriptomics", "/d/genes.csv", GENES, minute=2)
    land(marts, "metabolomics", "/d/leaves.csv", LIPIDS, minute=3)
    states: dict[str, Any] = {}
    dbt(module_settings, "run")
    states["first"] = _documents(module_settings)
    dataset = marts.execute(
        "select dataset_id, build_key, updated_at from marts.datasets where name = 'genes'"
    ).fetchone()
    assert dataset is not None
    marts.execute(
        "insert into sync.targets (target_id, service, entity_type)"
        " values ('notion:dataset', 'notion', 'dataset')"
    )
    marts.execute(
        "insert into sync.items (target_id, entity_id, remote_id, state)"
        " values ('notion:dataset', %s, 'page-1', 'synced')",
        (dataset[0],),
    )
    marts.execute(
        "insert into sync.narratives (entity_type, entity_id, page_id, markdown, body_hash)"
        " values ('dataset', %s, 'page-1', 'What people saw.', 'h')",
        (dataset[0],),
    )
    land(marts, "lipidomics", "/d/lipids.csv", Matrix(rows=[("CE 18:1", ["1", "2"])]), minute=11)
    marts.execute(
        "insert into ops.dataset_states (dataset_key, source_path, state, since)"
        " values ('/d/leaves.csv', '/d/leaves.csv', 'removed', now())"
    )
    dbt(module_settings, "run")
    states["second"] = _documents(module_settings)
    states["page"] = marts.execute(
        "select notion_page_id, narrative, build_key, updated_at from marts.datasets"
        " where name = 'genes'"
    ).fetchone()
    states["dataset"] = dataset
    dbt(module_settings, "run", "--full-refresh", "--select", "documents")
    states["full"] = _documents(module_settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMICS_FEATURE_DOCUMENTS", "true")
        dbt(module_settings, "run", "--select", "documents")
    states["features"] = _documents(module_settings)
    return states


def test_effects_that_are_sure_come_first_with_direction_and_p(after: dict[str, Any]) -> None:
    text, metadata, _ = after["first"]["genes"]["features.1"]
    assert text.startswith("Strongest changes of transcriptomics in drug vs control")
    assert "SURE (log2 fold change 2.5, adjusted p 1e-05); LOUD" in text
    assert "Down: LESS (log2 fold change -1.25, adjusted p 0.01)" in text
    assert metadata["features"] == ["SURE", "LOUD", "LESS"]
    assert metadata["omics_type"] == "transcriptomics"


def test_a_matrix_names_what_is_most_abundant(after: dict[str, Any]) -> None:
    text, metadata, _ = after["first"]["lipids"]["abundant"]
    assert metadata["features"] == ["TG 52:2", "PC 34:1"]
    assert "2 features in 2 assays" in after["first"]["lipids"]["overview"][0]
    assert "TG 52:2" in text


def test_keys_are_those_of_the_vocabulary(after: dict[str, Any]) -> None:
    words = yaml.safe_load((REPOSITORY / "sync" / "metadata.yml").read_text("utf-8"))["document"]
    used = {
        key
        for chunks in after["second"].values()
        for _, metadata, _ in chunks.values()
        for key in metadata
    }
    assert used <= set(words)
    assert "quality_status" in used


def test_a_note_of_people_is_a_chunk_and_a_page_reaches_its_dataset(after: dict[str, Any]) -> None:
    assert after["second"]["genes"]["narrative.1"][0] == "What people saw."
    assert after["page"][:2] == ("page-1", "What people saw.")
    # The facts of the dataset were not built anew for that.
    assert after["page"][2:] == after["dataset"][1:]


def test_long_texts_are_cut_by_meaning_and_keep_their_names(
    after: dict[str, Any], marts: psycopg.Connection[Any]
) -> None:
    sentences = " ".join(f"Sentence {n} says something." for n in range(400))
    text = f"Before.\n\n# Day 7\n\n{sentences}\n\n## Ärger\nUgly.\n\n# Day 7\nAgain."

    def pieces(content: str) -> dict[str, str]:
        query = "select piece, body from stats.text_pieces(%s, 4000)"
        return dict(marts.execute(query, (content,)).fetchall())

    cut = pieces(text)
    assert list(cut) == ["1", *(f"day-7.{n}" for n in (1, 2, 3)), "rger.1", "day-7-2.1"]
    assert all(len(body) <= 4000 for body in cut.values())
    # Whole sentences, and nothing lost.
    assert all(body.endswith(".") for body in cut.values())
    assert " ".join(" ".join(cut.values()).split()) == " ".join(text.split())
    # An edit under one heading leaves the others as they were.
    edited = pieces(text.replace("Before.", "Before.\n\n" + "Much more. " * 800))
    assert len(edited) > len(cut)
    assert all(edited[name] == body for name, body in cut.items())
    # What has no sentence, no blank and no end is cut all the same.
    assert [len(body) for body in pieces("x" * 9000).values()] == [4000, 4000, 1000]
    assert pieces("  \n ") == {}


def test_only_what_changed_changes(after: dict[str, Any]) -> None:
    first, second = after["first"], after["second"]
    assert "leaves" in first
    assert "leaves" not in second
    assert second["lipids"]["abundant"][1]["features"] == ["CE 18:1"]
    for chunk, document in first["genes"].items():
        assert second["genes"][chunk] == document


def test_features_have_documents_on_request(after: dict[str, Any]) -> None:
    assert "SURE" not in after["full"]
    text, metadata, _ = after["features"]["SURE"]["overview"]
    assert text.startswith("SURE is a gene.")
    assert (metadata["source_type"], metadata["features"]) == ("feature", ["SURE"])


def test_a_full_refresh_gives_the_same(after: dict[str, Any]) -> None:
    assert after["full"] == after["second"]
