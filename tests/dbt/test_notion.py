"""Notion in the marts: pages find their entities, some are entities, and the way back works.

One history over three builds: existing pages are read and linked, sync publishes, people edit, the
switch goes to Notion and back. The stand-in is real HTTP, the marts are built by dbt.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from pydantic import SecretStr

from loaders.notion.load import access_of, load_notion
from sync import publish
from sync.options import Options, options_of
from tests.dbt.landing import Matrix, Results, create_landing, land, land_sheet
from tests.dbt.signature_landing import land_signatures
from tests.standins.notion import NotionStandIn, Page
from warehouse.lineage.explain import explain
from warehouse.settings import Settings

Conn = psycopg.Connection[Any]
LIPIDS = Matrix(rows=[("PC 34:1", ["10", "12"]), ("TG 52:2", ["900", "1000"])])
GENES = Results({"drug vs control": [{"reported_name": "TP53", "log2_fold_change": "1"}]})
NAMED_PAGE = "0123456789abcdef0123456789abcdef"

#: What a switch may not change: all but times, pages that came to be in between, and the hash of
#: what a row was built from, relations among it.
IGNORED = {"updated_at", "first_loaded_at", "notion_page_id", "narrative", "build_key"}


def _rows(conn: Conn, mart: str, key: str = "name") -> dict[str, dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(f"select * from marts.{mart}".encode()).fetchall()
    return {str(row[key]): row for row in found}


def _marts(conn: Conn) -> dict[str, Any]:
    named = {m: _rows(conn, m) for m in ("programs", "experiments", "datasets", "signatures")}
    pairs = {
        mart: sorted(map(str, conn.execute(f"select * from marts.{mart}".encode()).fetchall()))
        for mart in ("program_datasets", "experiment_datasets", "program_experiments",
                     "program_signatures", "experiment_signatures", "dataset_features",
                     "differential_results")
    }  # fmt: skip
    return {
        **pairs,
        **{
            mart: {
                name: {column: value for column, value in row.items() if column not in IGNORED}
                for name, row in rows.items()
            }
            for mart, rows in named.items()
        },
    }


def _pages(conn: Conn) -> dict[str, str]:
    rows = conn.execute("select coalesce(title, ''), outcome from marts.notion_pages").fetchall()
    return dict(rows)


class History:
    """What happened, and what the marts said after each build."""

    def __init__(
        self, settings: Settings, conn: Conn, dbt: Callable[..., Any], notion: NotionStandIn
    ) -> None:
        self.conn = conn
        self.notion = notion
        self.states: dict[str, dict[str, Any]] = {}
        self.calls: dict[str, int] = {}
        self._dbt = dbt
        self.settings = settings.model_copy(
            update={
                "enable_notion_sync": True,
                "notion_token": SecretStr(notion.token),
                "notion_base_url": notion.url,
                "notion_requests_per_second": 100.0,
                "notion_parent_page": self.parent,
                "notion_features": "PC 34:1; TP53",
                "notion_signature_components": "all",
            }
        )

    @property
    def parent(self) -> str:
        """The page that the databases lie under."""
        return next(iter(self.notion.pages))

    def build(self, name: str, *, postgres_first: bool = True) -> None:
        """Builds, and keeps what the marts say then."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("USE_POSTGRES_AS_SOT", str(postgres_first).lower())
            self._dbt(self.settings, "run")
        self.states[name] = _marts(self.conn) | {
            "pages": _pages(self.conn),
            "whole": {m: _rows(self.conn, m) for m in ("programs", "datasets", "signatures")},
            "texts": {
                (row["title"], row["chunk"]): row["text"]
                for row in _rows(self.conn, "documents", "document_id").values()
            },
        }

    def read(self) -> int:
        """Reads Notion; returns how many pages were new."""
        return load_notion(
            self.settings,
            self.conn,
            access_of(self.settings),
            run_id="00000000-0000-0000-0000-000000000000",
        ).landed

    def apply(self, *, postgres_first: bool = True) -> publish.SyncReport:
        """Publishes to Notion."""
        options: Options = options_of(
            self.settings.model_copy(update={"use_postgres_as_sot": postgres_first})
        )
        self.notion.forget_calls()
        return publish.apply(
            self.conn, replace(options, linger=5.0, probe_waits=(0.05, 0.1)), services=["notion"]
        )

    def page(self, title: str, name: str) -> Page:
        """The page of a database with a title."""
        column = {"Programs": "Program", "Experimental Data Assets": "Experiment Name"}
        (found,) = [
            page
            for page in self.notion.rows(title)
            if self.notion.text(page, column.get(title, "Name")) == name
        ]
        return found


def _table(notion: NotionStandIn, parent: str, title: str, **properties: Any) -> str:
    named = {"Programs": "Program", "Experimental Data Assets": "Experiment Name"}
    made = notion._create_database(
        {
            "parent": {"type": "page_id", "page_id": parent},
            "title": [{"text": {"content": title}}],
            "initial_data_source": {
                "properties": {named.get(title, "Name"): {"title": {}}, **properties}
            },
        },
        None,
    )
    return str(made["data_sources"][0]["id"])


def _add(notion: NotionStandIn, source: str, name: str, **properties: Any) -> Page:
    title = next(
        n for n, d in notion.data_sources[source].properties.items() if d["type"] == "title"
    )
    body = {
        "parent": {"data_source_id": source},
        "properties": {title: {"title": [{"text": {"content": name}}] if name else []},
                       **properties},
    }  # fmt: skip
    return notion.pages[str(notion._create_page(body, None)["id"])]


def _text(value: str) -> dict[str, Any]:
    return {"rich_text": [{"text": {"content": value}}]}


def _existing(notion: NotionStandIn, parent: str) -> None:
    """A workspace as the old system left it."""
    programs = _table(notion, parent, "Programs", Description={"rich_text": {}},
                      Disease={"multi_select": {}})  # fmt: skip
    datasets = _table(
        notion, parent, "Experimental Data Assets", Summary={"rich_text": {}},
        **{"Omics Type": {"select": {}}, "Source URL / DOI": {"url": {}},
           "Related Programs": {"relation": {"data_source_id": programs, "dual_property": {}}}},
    )  # fmt: skip
    recipes = _table(notion, parent, "Lab recipes")
    experiments = _table(notion, parent, "Experiments")
    signatures = _table(
        notion, parent, "Lipid Signatures",
        **{"Short ID": {"rich_text": {}},
           "Source Experiments": {"relation": {"data_source_id": experiments,
                                               "dual_property": {}}}},
    )  # fmt: skip
    old = _add(notion, programs, "Old program", Description=_text("From before."),
               Disease={"multi_select": [{"name": "ALS"}]})  # fmt: skip
    _add(
        notion, datasets, "Paper only", Summary=_text("Never had a file."),
        **{"Omics Type": {"select": {"name": "Lipidomics"}},
           "Source URL / DOI": {"url": "https://doi.org/10.1000/xyz"},
           "Related Programs": {"relation": [{"id": old.id}]}},
    )  # fmt: skip
    notion.edit(_add(notion, datasets, "genes"), body="Notes on the genes.")
    by_hand = _add(notion, datasets, "By hand, called otherwise")
    del notion.pages[by_hand.id]
    by_hand.id = str(uuid.UUID(NAMED_PAGE))
    notion.pages[by_hand.id] = by_hand
    for _ in range(2):
        _add(notion, datasets, "twin")
    _add(notion, datasets, "")
    _add(notion, recipes, "Buffer")
    _add(notion, _table(notion, parent, "Lipid Species"), "PC 34:1")
    mouse = _add(notion, experiments, "Old mouse study")
    _add(
        notion,
        signatures,
        "Old signature",
        **{"Short ID": _text("OLD"), "Source Experiments": {"relation": [{"id": mouse.id}]}},
    )
    notion.trash(_add(notion, programs, "Thrown away"))


@pytest.fixture(scope="module")
def history(module_settings: Settings, marts: Conn, dbt: Callable[..., Any]) -> Iterator[History]:
    create_landing(marts)
    land(marts, "lipidomics", "/d/lipids.csv", LIPIDS, minute=1)
    land(marts, "lipidomics", "/d/twin.csv", LIPIDS, minute=2)
    land(marts, "transcriptomics", "/d/genes.csv", GENES, minute=3)
    land_sheet(marts, "/d/programs.csv", [("program", {"code": "P1", "name": "Statins",
               "description": "Ours.", "disease": ["NASH, early"]})], minute=4)  # fmt: skip
    land_sheet(
        marts, "/d/datasets.csv",
        [("dataset", {"files": ["lipids.csv"], "name": "Liver lipids", "summary": "Ours.",
                      "methods": "LC-MS.", "program": ["P1"], "organism": ["mouse"],
                      "notion_page_id": f"https://www.notion.so/By-hand-{NAMED_PAGE}"})],
        minute=5,
    )  # fmt: skip
    land_signatures(
        marts, "/d/s.csv", {"Statin response": [("TP53", 1, 1)]}, minute=6,
        fields={"Statin response": {"description": "Ours.", "program": "Statins"}},
    )  # fmt: skip
    with NotionStandIn() as notion:
        notion.clock = lambda: time.time() - 7200
        _existing(notion, notion.add_page())
        told = History(module_settings, marts, dbt, notion)
        told.read()
        told.build("first")
        told.apply()
        notion.clock = lambda: time.time() - 3600
        # People edit what sync wrote, and their own pages.
        notion.edit(told.page("Experimental Data Assets", "Liver lipids"), body="They shine.",
                    Summary="Theirs.", Experiment_Name="Renamed by people")  # fmt: skip
        notion.edit(told.page("Programs", "Statins"), Description="Theirs.")
        notion.edit(told.page("Lipid Signatures", "Statin response"), Description="Theirs.")
        old = told.page("Programs", "Old program")
        genes = told.page("Experimental Data Assets", "genes")
        source = notion.source("Experimental Data Assets")
        notion._write(
            source, genes,
            notion._checked(source, {"Related Programs": {"relation": [{"id": old.id}]}}),
        )  # fmt: skip
        told.read()
        # A dataset that came during the rollback, and one that changed.
        land(marts, "lipidomics", "/d/new.csv", LIPIDS, minute=8)
        told.build("notion first", postgres_first=False)
        told.calls["titles"] = len(notion.rows("Experimental Data Assets"))
        told.apply(postgres_first=False)
        told.calls["patches"] = notion.count("PATCH", "/pages/")
        told.calls["creates"] = notion.count("POST", "^/v1/pages$")
        marts.execute("delete from raw_lipidomics.files where source_path = '/d/new.csv'")
        told.read()
        told.build("back")
        yield told


def test_pages_are_linked_by_id_sheet_and_title_and_the_rest_is_listed(history: History) -> None:
    assert history.states["first"]["pages"] == {
        "By hand, called otherwise": "sheet",
        "genes": "title",
        "Old program": "notion_only",
        "Paper only": "notion_only",
        "Old signature": "notion_only",
        "Old mouse study": "notion_only",
        "PC 34:1": "no_entity",
        "twin": "ambiguous_title",
        "": "untitled",
        "Buffer": "unknown_database",
        "Thrown away": "in_trash",
    }
    datasets = history.states["first"]["whole"]["datasets"]
    assert datasets["genes"]["narrative"] == "Notes on the genes."
    assert datasets["Liver lipids"]["notion_page_id"].replace("-", "") == NAMED_PAGE
    # Once sync has written its id on them, that is what counts.
    back = history.states["back"]["pages"]
    assert {back[name] for name in ("Renamed by people", "genes", "Statins")} == {"pg_id"}
    assert back["Old program"] == "notion_only"
    twins = history.conn.execute(
        "select outcome, count(*) from marts.notion_pages where title = 'twin'"
        " group by outcome order by outcome"
    ).fetchall()
    # The dataset got a page of its own; those of people are told to be one too many.
    assert twins == [("duplicate", 2), ("pg_id", 1)]


def test_what_only_notion_knows_is_a_row_of_the_marts(history: History) -> None:
    first = history.states["first"]
    program = first["programs"]["Old program"]
    dataset = first["datasets"]["Paper only"]
    assert (program["description"], program["disease"]) == ("From before.", ["ALS"])
    assert (dataset["omics_type"], dataset["summary"]) == ("lipidomics", "Never had a file.")
    assert dataset["external_ids"] == {"doi": "10.1000/xyz"}
    assert first["signatures"]["Old signature"]["short_id"] == "OLD"
    pair = str((program["program_id"], dataset["dataset_id"], True))
    assert pair in first["program_datasets"]
    pair = (first["experiments"]["Old mouse study"]["experiment_id"],
            first["signatures"]["Old signature"]["signature_id"])  # fmt: skip
    assert first["experiment_signatures"] == [str(pair)]
    assert "described in Notion" in first["texts"]["Paper only", "overview"]
    # They stay themselves from build to build, and sync does not write on their pages.
    assert history.states["back"]["datasets"]["Paper only"] == dataset
    assert history.notion.text(history.page("Programs", "Old program"), "PG ID") == ""
    why = explain(history.conn, "datasets", {"dataset_id": dataset["dataset_id"]})
    assert "Experimental Data Assets" in " ".join(why.notes)


def test_every_page_tells_where_it_was_read(history: History) -> None:
    pages = history.conn.execute("select page_id from marts.notion_pages").fetchall()
    assert pages
    for (page_id,) in pages:
        why = explain(history.conn, "notion_pages", {"page_id": page_id})
        assert "read from Notion, database" in why.notes[0]
    pairs = history.conn.execute(
        "select program_id, signature_id from marts.program_signatures"
    ).fetchall()
    for program_id, signature_id in pairs:
        key = {"program_id": program_id, "signature_id": signature_id}
        assert explain(history.conn, "program_signatures", key).related
    pairs = history.conn.execute("select * from marts.experiment_signatures").fetchall()
    assert pairs
    for experiment_id, signature_id in pairs:
        key = {"experiment_id": experiment_id, "signature_id": signature_id}
        assert explain(history.conn, "experiment_signatures", key).related


def test_pages_of_features_and_components_reach_the_marts(history: History) -> None:
    features = _rows(history.conn, "features")
    with_page = {name: row for name, row in features.items() if row["notion_page_id"]}
    # That of people was taken over, the other one made.
    (lipid,) = history.notion.rows("Lipid Species")
    (gene,) = history.notion.rows("Gene Features")
    assert {name: row["notion_page_id"] for name, row in with_page.items()} == {
        "PC 34:1": lipid.id, "TP53": gene.id,
    }  # fmt: skip
    assert history.notion.text(lipid, "PG ID") == str(features["PC 34:1"]["feature_id"])
    (component,) = history.notion.rows("Signature Components")
    assert history.notion.related(component, "Gene Features") == {gene.id}
    kinds = dict(history.conn.execute("select title, entity_type from marts.notion_pages"))
    assert kinds["PC 34:1"] == "lipid"


def test_pages_of_people_are_taken_over_and_not_made_again(history: History) -> None:
    names = [history.notion.text(page, "Experiment Name")
             for page in history.notion.rows("Experimental Data Assets")]  # fmt: skip
    # `twin` has two pages of people and one of ours: nobody knows which is meant.
    assert sorted(names) == [
        "", "Paper only", "Renamed by people", "genes", "new", "twin", "twin", "twin",
    ]  # fmt: skip


def test_while_notion_is_first_its_values_show(history: History) -> None:
    marts = history.states["notion first"]
    assert marts["datasets"]["Renamed by people"]["summary"] == "Theirs."
    # What was left as it was, or empty, stays ours; files are files.
    assert marts["datasets"]["Renamed by people"]["methods"] == "LC-MS."
    assert marts["datasets"]["Renamed by people"]["n_features"] == 2
    assert marts["programs"]["Statins"]["description"] == "Theirs."
    assert marts["programs"]["Statins"]["disease"] == ["NASH, early"]
    assert marts["signatures"]["Statin response"]["description"] == "Theirs."
    genes, old = marts["datasets"]["genes"]["dataset_id"], marts["programs"]["Old program"]
    assert any(
        str(genes) in pair and str(old["program_id"]) in pair for pair in marts["program_datasets"]
    )
    assert marts["dataset_features"] != []


def test_while_notion_is_first_sync_makes_new_pages_and_writes_no_other(history: History) -> None:
    assert history.calls["patches"] == 0
    assert history.calls["creates"] == 1
    page = history.page("Experimental Data Assets", "Renamed by people")
    assert history.notion.text(page, "Summary") == "Theirs."


def test_back_again_the_marts_are_as_before_and_nothing_is_lost(history: History) -> None:
    first, back = history.states["first"], history.states["back"]
    for mart in ("programs", "experiments", "datasets", "signatures", "experiment_datasets",
                 "program_experiments", "program_signatures", "experiment_signatures",
                 "dataset_features",
                 "differential_results"):  # fmt: skip
        assert back[mart] == first[mart], mart
    # The relation that people made to a program of Notion alone is Notion's to tell, always.
    assert set(first["program_datasets"]) < set(back["program_datasets"])
    assert back["whole"]["datasets"]["Liver lipids"]["narrative"] == "They shine."
    assert back["texts"]["Liver lipids: notes", "narrative.1"] == "They shine."
    # What people wrote is still where they wrote it.
    page = history.page("Experimental Data Assets", "Renamed by people")
    assert (page.body, history.notion.text(page, "Summary")) == ("They shine.", "Theirs.")
