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
