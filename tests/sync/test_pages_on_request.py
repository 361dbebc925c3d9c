"""Pages that are made on request only: none without it, kept true with and after it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from sync import publish
from sync.options import Options
from tests.standins.notion import NotionStandIn, Page
from tests.standins.server import Fault
from tests.sync.marts import compose, drop, id_of, put

Conn = psycopg.Connection[Any]
COMPONENTS = "Signature Components"
STATINS = [
    {"reported_name": "HMGCR", "direction": 1, "weight": 2.0},
    {"reported_name": "PC(34:1)", "feature_type": "lipid", "direction": -1, "feature": "PC 34:1"},
    {"reported_name": "LDLR"},
]


def _apply(conn: Conn, options: Options, **more: Any) -> publish.SyncReport:
    return publish.apply(conn, replace(options, **more), services=["notion"])


def _titles(notion: NotionStandIn) -> set[str]:
    return {source.title for source in notion.data_sources.values()}


def _component(notion: NotionStandIn, raw: str) -> Page:
    (page,) = [p for p in notion.rows(COMPONENTS) if notion.text(p, "Raw Name") == raw]
    return page


def _signature(notion: NotionStandIn, name: str) -> Page:
    (page,) = [p for p in notion.rows("Lipid Signatures") if notion.text(p, "Name") == name]
    return page


@pytest.fixture
def signatures(marts: Conn) -> Conn:
    put(marts, "signatures", "Statin response", short_id="SR", disease_context=["NASH"])
    put(marts, "signatures", "Other")
    put(marts, "features", "PC 34:1", feature_type="lipid")
    compose(marts, "Statin response", STATINS)
    compose(marts, "Other", [{"reported_name": "TP53"}])
    return marts


def test_components_have_no_pages_unless_asked_for(
    signatures: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    assert _apply(signatures, notion_options).status == "done"
    assert _titles(notion) == {"Lipid Signatures"}
    assert notion.count("POST", "^/v1/pages$") == 2


def test_a_component_becomes_a_page_of_its_signature_in_one_call(
    signatures: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    _apply(signatures, notion_options)
    notion.forget_calls()
    assert _apply(signatures, notion_options, signature_components="all").status == "done"
    assert notion.count("POST", "^/v1/pages$") == 4
    assert notion.count("PATCH", "/pages/") == 0
    lipid = _component(notion, "PC(34:1)")
    shown = lipid.properties
    assert notion.text(lipid, "Component Name") == "PC 34:1"
    assert shown["Direction"]["select"]["name"] == "Down"
    assert shown["Feature Type"]["select"]["name"] == "lipid"
    assert [option["name"] for option in shown["Disease Context"]["multi_select"]] == ["NASH"]
    gene = _component(notion, "HMGCR").properties
    assert (gene["Direction"]["select"]["name"], gene["Weight"]["number"]) == ("Up", 2.0)
    unsaid = _component(notion, "LDLR").properties
    assert unsaid["Direction"]["select"]["name"] == "Unknown"
    assert notion.text(lipid, "PG ID").startswith(id_of("Statin response") + "#")
    # Both sides of the relation, and the number of components beside it.
    signature = _signature(notion, "Statin response")
    assert notion.related(lipid, "Signature") == {signature.id}
    assert len(notion.related(signature, "Signature Components")) == 3
    notion.forget_calls()
    assert _apply(signatures, notion_options, signature_components="all").status == "done"
    assert notion.count() == 0


def test_components_of_named_signatures_only(
    signatures: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    asked = replace(notion_options, signature_components="sr; no such signature")
    planned = publish.plan(signatures, asked, services=["notion"])
    assert "'no such signature'" in planned.unready["signature components"]
    assert [t.planned["create"] for t in planned.targets] == [2, 3]
    assert notion.count() == 0
    report = _apply(signatures, asked)
    assert report.status == "partial"
    assert "'no such signature'" in report.unready["signature components"]
    names = {notion.text(page, "Raw Name") for page in notion.rows(COMPONENTS)}
    assert names == {"HMGCR", "PC(34:1)", "LDLR"}


def test_pages_that_are_there_are_kept_true_without_the_request(
    signatures: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    _apply(signatures, notion_options, signature_components="Statin response")
    before = {notion.text(p, "Raw Name"): p.id for p in notion.rows(COMPONENTS)}
    notion.forget_calls()
    assert _apply(signatures, notion_options).status == "done"
    assert notion.count() == 0
    # One is put in before the others, one leaves, one changes its direction: no page becomes that
    # of another component.
    compose(
        signatures,
        "Statin response",
        [{"reported_name": "SQLE"}, {**STATINS[0], "direction": -1}, STATINS[1]],
    )
    assert _apply(signatures, notion_options).status == "done"
    after = {notion.text(p, "Raw Name"): p.id for p in notion.rows(COMPONENTS)}
    assert set(after) == {"SQLE", "HMGCR", "PC(34:1)"}
    assert (after["HMGCR"], after["PC(34:1)"]) == (before["HMGCR"], before["PC(34:1)"])
    changed = _component(notion, "HMGCR").properties["Direction"]
    assert changed["select"]["name"] == "Down"
    assert (notion.count("POST", "^/v1/pages$"), notion.count("PATCH", "/pages/")) == (1, 2)


def test_equal_names_within_a_signature_have_a_page_each(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "signatures", "s")
    compose(marts, "s", [{"reported_name": "X"}, {"reported_name": "X", "direction": 1}])
    _apply(marts, notion_options, signature_components="all")
    pages = notion.rows(COMPONENTS)
    assert len({notion.text(page, "PG ID") for page in pages}) == len(pages) == 2


def test_a_lost_answer_makes_no_second_component(
    signatures: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    _apply(signatures, notion_options)
    notion.faults.append(Fault("POST", "^/v1/pages$", skip=1, drop="after"))
    assert _apply(signatures, notion_options, signature_components="SR").status == "done"
    assert len(notion.rows(COMPONENTS)) == 3


def test_components_leave_with_their_signature(
    signatures: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    _apply(signatures, notion_options, signature_components="all")
    drop(signatures, "signatures", "Other")
    compose(signatures, "Other", [])
    assert _apply(signatures, notion_options).status == "done"
    assert {notion.text(page, "Raw Name") for page in notion.rows(COMPONENTS)} == {
        "HMGCR", "PC(34:1)", "LDLR",
    }  # fmt: skip


def test_a_lost_ledger_finds_the_components_again(
    signatures: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    asked = replace(notion_options, signature_components="all")
    _apply(signatures, asked)
    before = set(notion.pages)
    signatures.execute("drop schema sync cascade")
    assert publish.reconcile(signatures, asked, services=["notion"]).status == "done"
    assert set(notion.pages) == before
    notion.forget_calls()
    assert _apply(signatures, notion_options).status == "done"
    assert notion.count() == 0


def test_component_pages_of_people_are_taken_over(
    signatures: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    asked = replace(notion_options, signature_components="SR")
    _apply(signatures, notion_options)
    # As the old system left them: a database with the relation, and a page without our id.
    signature = _signature(notion, "Statin response")
    source = notion.source("Lipid Signatures")
    made = notion._create_database(
        {
            "parent": {"type": "page_id", "page_id": str(notion_options.notion_parent)},
            "title": [{"text": {"content": COMPONENTS}}],
            "initial_data_source": {
                "properties": {
                    "Component Name": {"title": {}},
                    "Signature": {"relation": {"data_source_id": source.id, "dual_property": {}}},
                }
            },
        },
        None,
    )
    by_hand = notion._create_page(
        {
            "parent": {"data_source_id": made["data_sources"][0]["id"]},
            "properties": {
                "Component Name": {"title": [{"text": {"content": "HMGCR"}}]},
                "Signature": {"relation": [{"id": signature.id}]},
            },
        },
        None,
    )["id"]
    # As `omics load notion` and a build bring it into the marts.
    signatures.execute(
        "insert into marts.notion_pages values (%s, 'signature_component', 'HMGCR', false, %s)",
        (by_hand, json.dumps({"Signature": {"type": "relation", "value": [signature.id]}})),
    )
    assert _apply(signatures, asked).status == "done"
    assert _component(notion, "HMGCR").id == by_hand
    assert len(notion.rows(COMPONENTS)) == 3
    assert len(notion.related(signature, "Signature Components")) == 3


# Features ----------------------------------------------------------------------------------------


@pytest.fixture
def molecules(signatures: Conn) -> Conn:
    put(
        signatures, "features", "PC 34:1", feature_type="lipid", lipid_class="PC",
        canonical_id="refmet:RM1", synonyms=["PC(34:1)", "phosphatidylcholine 34:1"],
    )  # fmt: skip
    put(signatures, "features", "HMGCR", feature_type="gene", taxon="NCBITaxon:9606")
    put(signatures, "features", "glucose", feature_type="metabolite", formula="C6H12O6")
    compose(signatures, "Statin response", [{**STATINS[0], "feature": "HMGCR"}, *STATINS[1:]])
    signatures.execute(
        "create table marts.feature_names (reported_name text, feature_id uuid);"
        "insert into marts.feature_names values ('Dextrose', md5('glucose')::uuid), ('x', null)"
    )
    return signatures


def test_features_have_no_pages_unless_asked_for(
    molecules: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    assert _apply(molecules, notion_options).status == "done"
    assert _titles(notion) == {"Lipid Signatures"}


def test_features_of_signatures_get_pages_by_their_kind(
    molecules: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    _apply(molecules, notion_options)
    notion.forget_calls()
    report = _apply(molecules, notion_options, features="signatures", signature_components="all")
    assert report.status == "done"
    assert _titles(notion) == {"Lipid Signatures", "Lipid Species", "Gene Features", COMPONENTS}
    # Two features and four components, each in the call that makes it, with its relations.
    assert notion.count("POST", "^/v1/pages$") == 6
    assert notion.count("PATCH", "/pages/") == 0
    (lipid,) = notion.rows("Lipid Species")
    assert notion.text(lipid, "Name") == "PC 34:1"
    assert lipid.properties["Class"]["select"]["name"] == "PC"
    assert notion.text(lipid, "Canonical ID") == "refmet:RM1"
    assert notion.text(lipid, "Synonyms") == "PC(34:1)\nphosphatidylcholine 34:1"
    assert notion.text(lipid, "PG ID") == id_of("PC 34:1")
    component = _component(notion, "PC(34:1)")
    assert notion.related(component, "Lipid Species") == {lipid.id}
    assert notion.related(component, "Gene Features") == set()
    assert notion.related(lipid, "Signature Components") == {component.id}
    # The ledger tells the marts of features, whatever database they lie in.
    rows = molecules.execute(
        "select entity_id, page_id from sync.notion_pages where entity_type = 'feature'"
    ).fetchall()
    assert (id_of("PC 34:1"), lipid.id) in rows
    assert len(rows) == 2
    notion.forget_calls()
    assert _apply(molecules, notion_options).status == "done"
    assert notion.count() == 0


def test_features_are_asked_for_by_any_of_their_names(
    molecules: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    report = _apply(molecules, notion_options, features="refmet:RM1; Dextrose; pc 34:1; x")
    assert report.status == "partial"
    assert "'pc 34:1', 'x'" in report.unready["features"]
    assert [notion.text(p, "Name") for p in notion.rows("Lipid Species")] == ["PC 34:1"]
    assert [notion.text(p, "Name") for p in notion.rows("Metabolite Features")] == ["glucose"]


def test_components_find_features_whose_pages_come_later(
    molecules: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    _apply(molecules, notion_options, signature_components="SR")
    assert _apply(molecules, notion_options, features="HMGCR").status == "done"
    (gene,) = notion.rows("Gene Features")
    assert notion.related(_component(notion, "HMGCR"), "Gene Features") == {gene.id}
    notion.forget_calls()
    assert _apply(molecules, notion_options).status == "done"
    assert notion.count() == 0


def test_feature_pages_follow_the_marts_without_the_request(
    molecules: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    _apply(molecules, notion_options, features="signatures; glucose")
    put(molecules, "features", "glucose", feature_type="metabolite", formula="C6H12O6",
        inchikey="WQZGKKKJIJFFOK")  # fmt: skip
    put(molecules, "features", "lactate", feature_type="metabolite")
    drop(molecules, "features", "HMGCR")
    assert _apply(molecules, notion_options).status == "done"
    (glucose,) = notion.rows("Metabolite Features")
    assert notion.text(glucose, "InChIKey") == "WQZGKKKJIJFFOK"
    assert notion.rows("Gene Features") == []


def test_feature_pages_of_people_are_taken_over_with_their_text(
    molecules: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    _apply(molecules, notion_options)
    made = notion._create_database(
        {
            "parent": {"type": "page_id", "page_id": str(notion_options.notion_parent)},
            "title": [{"text": {"content": "Lipid Species"}}],
            "initial_data_source": {"properties": {"Name": {"title": {}}, "Class": {"select": {}}}},
        },
        None,
    )
    pages = [
        notion._create_page(
            {
                "parent": {"data_source_id": made["data_sources"][0]["id"]},
                "properties": {"Name": {"title": [{"text": {"content": name}}]}},
            },
            None,
        )["id"]
        for name in ("PC 34:1", "PE 36:2")
    ]
    for page, name in zip(pages, ("PC 34:1", "PE 36:2"), strict=True):
        molecules.execute(
            "insert into marts.notion_pages values (%s, 'lipid', %s, false, '{}')", (page, name)
        )
    notion.edit(notion.pages[pages[0]], body="Rises first.")
    assert _apply(molecules, notion_options, features="signatures").status == "done"
    assert {page.id for page in notion.rows("Lipid Species")} == set(pages)
    taken = notion.pages[pages[0]]
    assert notion.text(taken, "PG ID") == id_of("PC 34:1")
    assert notion.text(notion.pages[pages[1]], "PG ID") == ""
    publish.pull(molecules, notion_options)
    told = molecules.execute(
        "select narrative from sync.notion_pages where page_id = %s", (pages[0],)
    ).fetchone()
    assert told == ("Rises first.",)
