"""Notion's databases in `raw_notion`: every page once, whatever it holds, and only what is new."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from loaders.notion import load as notion_load
from loaders.notion.load import NotionReport, access_of, load_notion
from loaders.notion.properties import plain_value
from tests.standins.notion import NotionStandIn, Page, refuse
from tests.standins.server import Fault
from warehouse.errors import OmicsError
from warehouse.ledger import finish_run, start_run
from warehouse.settings import Settings

Conn = psycopg.Connection[Any]
Read = Callable[..., NotionReport]


@pytest.fixture
def notion() -> Iterator[NotionStandIn]:
    with NotionStandIn() as server:
        # Written long ago, so that a page is settled once it was read.
        server.clock = lambda: time.time() - 3600
        yield server


@pytest.fixture
def read(settings: Settings, conn: Conn, notion: NotionStandIn) -> Read:
    """Reads Notion and returns the report."""
    on = settings.model_copy(
        update={
            "enable_notion_sync": True,
            "notion_token": SecretStr(notion.token),
            "notion_base_url": notion.url,
            "notion_requests_per_second": 100.0,
        }
    )

    def run(**options: Any) -> NotionReport:
        run_id = start_run(conn, "load", {})
        report = load_notion(on, conn, access_of(on), run_id=run_id, **options)
        finish_run(conn, run_id, exit_code=0, counts=report.counts, durations={})
        return report

    return run


def _table(notion: NotionStandIn, title: str, **properties: Any) -> str:
    made = notion._create_database(
        {
            "parent": {"type": "page_id", "page_id": notion.add_page()},
            "title": [{"text": {"content": title}}],
            "initial_data_source": {"properties": {"Name": {"title": {}}, **properties}},
        },
        None,
    )
    return str(made["data_sources"][0]["id"])


def _add(notion: NotionStandIn, source: str, name: str, **properties: Any) -> Page:
    body = {
        "parent": {"data_source_id": source},
        "properties": {"Name": {"title": [{"text": {"content": name}}]}, **properties},
    }
    return notion.pages[str(notion._create_page(body, None)["id"])]


def _pages(conn: Conn) -> dict[str, dict[str, Any]]:
    """The newest landed version of each page, by title."""
    rows = conn.execute(
        "select distinct on (page_id) title, properties, markdown, in_trash, is_gone, is_truncated"
        " from raw_notion.pages where _dlt_load_id in"
        " (select load_id from raw_notion._dlt_loads where status = 0)"
        " order by page_id, read_at desc"
    )
    return {
        title: {
            "properties": {n: p["value"] for n, p in json.loads(properties).items()},
            "markdown": markdown,
            "in_trash": in_trash,
            "is_gone": is_gone,
            "is_truncated": is_truncated,
        }
        for title, properties, markdown, in_trash, is_gone, is_truncated in rows
    }


def test_properties_of_any_type_become_plain_values() -> None:
    assert {
        name: plain_value(prop)
        for name, prop in {
            "number": {"type": "number", "number": 0},
            "none": {"type": "select", "select": None},
            "many": {"type": "multi_select", "multi_select": [{"name": "a"}, {"name": "b"}]},
            "date": {"type": "date", "date": {"start": "2026-01-02", "end": None}},
            "people": {"type": "people", "people": [{"id": "1", "name": "Ada"}, {"id": "2"}]},
            "files": {
                "type": "files",
                "files": [{"name": "a", "file": {"url": "https://x/a?signature=1"}}],
            },
            "checked": {"type": "checkbox", "checkbox": False},
            "formula": {"type": "formula", "formula": {"type": "string", "string": "yes"}},
            "rollup": {
                "type": "rollup",
                "rollup": {
                    "type": "array",
                    "array": [{"type": "title", "title": [{"plain_text": "p"}]}],
                },
            },
            "counted": {"type": "rollup", "rollup": {"type": "number", "number": 2}},
            "id": {"type": "unique_id", "unique_id": {"prefix": "DS", "number": 7}},
            "phone": {"type": "phone_number", "phone_number": "+49"},
            "edited": {"type": "last_edited_by", "last_edited_by": {"id": "9", "object": "user"}},
            "new": {"type": "telepathy", "telepathy": {"thought": 1}},
        }.items()
    } == {
        "number": 0,
        "none": None,
        "many": ["a", "b"],
        "date": {"start": "2026-01-02", "end": None},
        "people": ["Ada", "2"],
        "files": [{"name": "a", "url": "https://x/a"}],
        "checked": False,
        "formula": "yes",
        "rollup": ["p"],
        "counted": 2,
        "id": "DS-7",
        "phone": "+49",
        "edited": "9",
        "new": {"thought": 1},
    }


def test_whole_databases_are_landed_and_then_only_what_is_new(
    conn: Conn, notion: NotionStandIn, read: Read
) -> None:
    programs = _table(notion, "Programs")
    relation = {"relation": {"data_source_id": programs, "dual_property": {}}}
    datasets = _table(
        notion, "Experimental Data Assets", Related=relation, Size={"number": {}},
        Total={"formula": {}},
    )  # fmt: skip
    hub = _add(notion, programs, "Hub")
    many = [_add(notion, programs, f"p{number}") for number in range(40)]
    page = _add(
        notion, datasets, "plate 7", Size={"number": 3.5},
        Related={"relation": [{"id": each.id} for each in [hub, *many]]},
    )  # fmt: skip
    page.properties["Total"]["formula"] = {"type": "number", "number": 12}
    notion.edit(page, body="# What we saw\n\nIt worked.")
    notion.trash(_add(notion, datasets, "old"))
    # More pages than one query gives.
    notion.query_cap = 15
    moments = iter(range(10_000))
    for each in notion.pages.values():
        each.created += 60 * next(moments)
    report = read()
    assert report.data_sources == {"Programs": 41, "Experimental Data Assets": 2}
    landed = _pages(conn)
    assert len(landed) == 43
    assert landed["plate 7"]["markdown"] == "# What we saw\n\nIt worked."
    assert landed["plate 7"]["properties"]["Size"] == 3.5
    assert landed["plate 7"]["properties"]["Total"] == {"type": "number", "number": 12}.get(
        "number"
    )
    # Notion shows 25 of them with the page.
    assert set(landed["plate 7"]["properties"]["Related"]) == {each.id for each in [hub, *many]}
    assert (landed["old"]["in_trash"], landed["plate 7"]["in_trash"]) == (True, False)

    notion.query_cap = 10_000
    notion.forget_calls()
    again = read()
    assert again.landed == 0
    # One search, and one query each for the pages and the trash of a database: no page is read.
    assert notion.count() == 1 + 2 * 2
    assert conn.execute("select count(*) from raw_notion.pages").fetchone() == (43,)

    notion.clock = lambda: time.time() - 1800
    notion.edit(page, body="It worked twice.")
    _add(notion, programs, "New")
    assert read().data_sources == {"Programs": 1, "Experimental Data Assets": 1}
    assert _pages(conn)["plate 7"]["markdown"] == "It worked twice."
    assert "New" in _pages(conn)


def test_a_second_edit_in_the_same_minute_is_found(
    conn: Conn, notion: NotionStandIn, read: Read
) -> None:
    source = _table(notion, "Programs")
    notion.clock = time.time
    page = _add(notion, source, "p")
    notion.edit(page, body="first")
    read()
    notion.edit(page, body="second")
    assert read().landed == 1
    assert _pages(conn)["p"]["markdown"] == "second"
    # Nothing more to find: the same text is not landed again.
    assert read().landed == 0


def test_pages_that_leave_and_return(conn: Conn, notion: NotionStandIn, read: Read) -> None:
    source = _table(notion, "Programs")
    trashed, deleted = _add(notion, source, "trashed"), _add(notion, source, "deleted")
    read()
    # Not every change of the trash need count as an edit.
    trashed.in_trash = True
    notion._remember(trashed)
    assert read().landed == 1
    assert _pages(conn)["trashed"]["in_trash"]
    trashed.in_trash = False
    notion._remember(trashed)
    assert read().landed == 1
    assert not _pages(conn)["trashed"]["in_trash"]
    # A page that is gone for good shows in no query: a whole look finds out.
    del notion.pages[deleted.id]
    assert read().landed == 0
    assert read(reread=True).gone == 1
    assert "deleted" not in _pages(conn)
    assert read(reread=True).gone == 0


def test_nested_bodies_are_read_block_by_block_where_notion_renders_none(
    conn: Conn, notion: NotionStandIn, read: Read
) -> None:
    page = _add(notion, _table(notion, "Programs"), "p")

    def block(key: str, kind: str, text: str, **more: Any) -> dict[str, Any]:
        held = bool(page.blocks.get(key))
        return {"id": key, "type": kind, "has_children": held,
                kind: {"rich_text": [{"plain_text": text}], **more}}  # fmt: skip

    page.blocks["c" * 32] = [block("e" * 32, "paragraph", "innermost")]
    page.blocks["b" * 32] = [
        block("c" * 32, "bulleted_list_item", "inner"),
        block("d" * 32, "to_do", "done", checked=True),
    ]
    page.blocks[page.id] = [
        block("a" * 32, "heading_2", "Day 7"),
        block("b" * 32, "bulleted_list_item", "outer"),
        *(block(f"{n:032x}", "numbered_list_item", f"step {n}") for n in range(1, 121)),
        {"id": "f" * 32, "type": "image", "has_children": False,
         "image": {"file": {"url": "https://s3.amazonaws.com/x.png?X-Amz-Signature=9"}}},
    ]  # fmt: skip
    notion.faults.append(
        Fault("GET", "markdown$", answer=refuse(400, "invalid_request_url", "no").answer)
    )
    read()
    text = _pages(conn)["p"]["markdown"]
    assert text.startswith(
        "## Day 7\n\n- outer\n  - inner\n    innermost\n  - [x] done\n1. step 1\n2. step 2\n"
    )
    assert text.endswith("120. step 120\n\n[image](https://s3.amazonaws.com/x.png)")


def test_what_breaks_off_is_not_seen_and_goes_on_where_it_was(
    conn: Conn, notion: NotionStandIn, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notion_load, "PAGES_PER_LOAD", 4)
    source = _table(notion, "Programs")
    for number in range(10):
        _add(notion, source, f"p{number}")
    # Answers that are lost are asked for again; a refused token ends the reading.
    notion.faults.append(Fault("GET", "markdown$", skip=1, drop="after"))
    notion.faults.append(
        Fault("GET", "markdown$", skip=6, answer=refuse(401, "unauthorized", "no").answer)
    )
    with pytest.raises(OmicsError, match="unauthorized"):
        read()
    assert len(_pages(conn)) == 4
    notion.faults.clear()
    notion.forget_calls()
    assert read().landed == 6
    assert notion.count("GET", "markdown$") == 6
    assert len(_pages(conn)) == 10


def test_a_database_that_fails_keeps_none_of_the_others_back(
    conn: Conn, notion: NotionStandIn, read: Read
) -> None:
    for title in ("Programs", "Experiments"):
        _add(notion, _table(notion, title), f"of {title}")
    first = notion.source("Programs").id
    notion.faults.append(
        Fault("POST", f"{first}/query", answer=refuse(404, "object_not_found", "x").answer)
    )
    report = read()
    assert list(report.left) == ["Programs"]
    assert set(_pages(conn)) == {"of Experiments"}


def test_notion_is_not_called_unless_it_is_on(settings: Settings) -> None:
    with pytest.raises(OmicsError) as off:
        access_of(settings.model_copy(update={"notion_token": SecretStr("x")}))
    assert "ENABLE_NOTION_SYNC=true" in str(off.value)
    with pytest.raises(OmicsError) as keyless:
        access_of(settings.model_copy(update={"enable_notion_sync": True}))
    assert "NOTION_TOKEN" in str(keyless.value)


def test_the_command_reads_prints_and_refuses(
    settings: Settings,
    notion: NotionStandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from omics import cli

    on = settings.model_copy(
        update={
            "enable_notion_sync": True,
            "notion_token": SecretStr(notion.token),
            "notion_base_url": notion.url,
            "notion_requests_per_second": 100.0,
        }
    )
    monkeypatch.setattr("warehouse.settings.get_settings", lambda: settings)
    assert cli.run(["load", "notion"]) == 1
    assert "ENABLE_NOTION_SYNC=true" in capsys.readouterr().err
    monkeypatch.setattr("warehouse.settings.get_settings", lambda: on)
    assert cli.run(["load", "notion", "--dir", "x"]) == 64
    capsys.readouterr()
    _add(notion, _table(notion, "Programs"), "p")
    assert cli.run(["load", "notion", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["databases"], told["exit_code"]) == ({"Programs": 1}, 0)
    notion.token = "another"
    assert cli.run(["load", "notion"]) == 1
    said = capsys.readouterr().err
    assert "NOTION_TOKEN" in said
    assert "Traceback" not in said
