"""Postgres first, Notion first, and back: each by the flag and ``omics refresh``, nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.end_to_end.conftest import Omics
from tests.loading.files import write_lipids
from tests.standins.notion import NotionStandIn

_DATASETS = """File,Name,Summary,Methods
../lipidomics/lipids.csv,Liver lipids,Ours.,LC-MS.
../lipidomics/others.csv,Other lipids,Of nobody else.,LC-MS.
"""
_PROGRAMS = """Program ID,Name,Description
P1,Statins,Ours.
"""


@dataclass(frozen=True)
class Drill:
    """What the marts said at each stage, and what is in Notion at the end."""

    marts: dict[str, dict[str, Any]]
    writes: dict[str, int]
    notion: NotionStandIn


def _said(marts: psycopg.Connection[Any]) -> dict[str, Any]:
    """Everything that a person can see in a page, and the numbers behind it."""
    return {
        table: marts.execute(query).fetchall()
        for table, query in {
            "datasets": "select name, summary, methods, n_features, narrative from marts.datasets"
            " order by 1",
            "programs": "select name, description from marts.programs order by 1",
            "values": "select dataset_id, row_number, assay_id, abundance from marts.measurements"
            " order by 1, 2, 3",
        }.items()
    }


@pytest.fixture(scope="module")
def drill(
    omics: Omics, marts: psycopg.Connection[Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Drill]:
    """Three refreshes; people edit pages after the first."""
    folder = tmp_path_factory.mktemp("drill")
    write_lipids(folder / "lipidomics" / "lipids.csv")
    write_lipids(folder / "lipidomics" / "others.csv", seed=1)
    (folder / "programs").mkdir()
    (folder / "programs" / "datasets.csv").write_text(_DATASETS, encoding="utf-8")
    (folder / "programs" / "programs.csv").write_text(_PROGRAMS, encoding="utf-8")
    with NotionStandIn() as notion, pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "ENABLE_NOTION_SYNC": "true",
            "NOTION_TOKEN": notion.token,
            "NOTION_BASE_URL": notion.url,
            "NOTION_PARENT_PAGE": notion.add_page("Omics"),
            "NOTION_REQUESTS_PER_SECOND": "100",
        }.items():
            patch.setenv(name, value)
        said, writes = {}, {}

        def refresh(stage: str) -> None:
            notion.forget_calls()
            omics("refresh", "--dir", str(folder))
            said[stage] = _said(marts)
            writes[stage] = notion.count("PATCH", "") + notion.count("POST", "^/v1/pages$")

        # Times of Notion are rounded to minutes: what is edited at once is told by its content.
        notion.clock = lambda: time.time() - 7200
        refresh("postgres first")
        notion.clock = lambda: time.time() - 3600
        (page,) = _pages(notion, "Experimental Data Assets", "Experiment Name", "Liver lipids")
        notion.edit(page, body="They shine.", Summary="Theirs.", Experiment_Name="Renamed")
        (page,) = _pages(notion, "Programs", "Program", "Statins")
        notion.edit(page, Description="Theirs.")
        patch.setenv("USE_POSTGRES_AS_SOT", "false")
        refresh("notion first")
        patch.setenv("USE_POSTGRES_AS_SOT", "true")
        refresh("back")
        refresh("again")
        yield Drill(said, writes, notion)


def _pages(notion: NotionStandIn, title: str, column: str, name: str) -> list[Any]:
    return [page for page in notion.rows(title) if notion.text(page, column) == name]


def test_what_people_wrote_shows_while_notion_is_first(drill: Drill) -> None:
    first, then = drill.marts["postgres first"], drill.marts["notion first"]
    assert [row[:2] for row in first["datasets"]] == [
        ("Liver lipids", "Ours."),
        ("Other lipids", "Of nobody else."),
    ]
    assert then["datasets"] == [
        ("Other lipids", "Of nobody else.", "LC-MS.", 20, None),
        ("Renamed", "Theirs.", "LC-MS.", 20, "They shine."),
    ]
    assert then["programs"] == [("Statins", "Theirs.")]
    # Only words change their home: numbers come from the files, always.
    assert then["values"] == first["values"] != []
    assert drill.writes["notion first"] == 0


def test_back_again_the_marts_are_the_earlier_ones(drill: Drill) -> None:
    first, back = drill.marts["postgres first"], drill.marts["back"]
    assert [row[:4] for row in back["datasets"]] == [row[:4] for row in first["datasets"]]
    assert (back["programs"], back["values"]) == (first["programs"], first["values"])
    assert drill.marts["again"] == back
    assert drill.writes["again"] == 0


def test_nothing_that_people_wrote_is_lost(drill: Drill) -> None:
    # Bodies belong to people whatever comes first; they are in the marts and in Notion.
    assert {row[0]: row[4] for row in drill.marts["back"]["datasets"]} == {
        "Liver lipids": "They shine.",
        "Other lipids": None,
    }
    bodies = [page.body for page in drill.notion.rows("Experimental Data Assets")]
    assert sorted(filter(None, bodies)) == ["They shine."]
