"""The Notion stand-in refuses what Notion refuses, seen through the real client."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.standins.notion import NotionStandIn
from tests.standins.server import Fault


@pytest.fixture
def notion() -> Iterator[NotionStandIn]:
    with NotionStandIn() as server:
        yield server


@pytest.fixture
def client(notion: NotionStandIn) -> Iterator[Any]:
    with _client(notion) as opened:
        yield opened


def _client(notion: NotionStandIn, **options: Any) -> Any:
    from notion_client import Client

    logger = logging.getLogger("test-notion")
    return Client(
        **{
            "auth": notion.token,
            "base_url": notion.url,
            "notion_version": "2026-03-11",
            "retry": False,
            "logger": logger,
            **options,
        }
    )


def _title(text: str) -> dict[str, Any]:
    return {"title": [{"text": {"content": text}}]}


def _text(text: str) -> dict[str, Any]:
    return {"rich_text": [{"text": {"content": text}}]}


def _table(notion: NotionStandIn, client: Any, title: str = "T", **properties: Any) -> str:
    made = client.databases.create(
        parent={"type": "page_id", "page_id": notion.add_page()},
        title=[{"text": {"content": title}}],
        initial_data_source={
            "properties": {"Name": {"title": {}}, "PG ID": {"rich_text": {}}, **properties}
        },
    )
    return str(made["data_sources"][0]["id"])


def _page(client: Any, source: str, name: str, **properties: Any) -> Any:
    return client.pages.create(
        parent={"type": "data_source_id", "data_source_id": source},
        properties={"Name": _title(name), **properties},
    )


def _code(call: Any, *arguments: Any, **options: Any) -> tuple[int, str]:
    from notion_client.errors import APIResponseError, HTTPResponseError

    with pytest.raises((APIResponseError, HTTPResponseError)) as caught:
        call(*arguments, **options)
    return caught.value.status, str(caught.value)


def test_a_wrong_token_and_a_missing_version_are_refused(notion: NotionStandIn) -> None:
    with _client(notion, auth="secret_other") as stranger:
        assert _code(stranger.users.me)[0] == 401
    plain = httpx.get(
        f"{notion.url}/v1/users/me", headers={"Authorization": f"Bearer {notion.token}"}
    )
    assert plain.status_code == 400
    assert plain.json()["code"] == "missing_version"


def test_properties_belong_to_the_data_source(notion: NotionStandIn, client: Any) -> None:
    made = client.databases.create(
        parent={"type": "page_id", "page_id": notion.add_page()},
        title=[{"text": {"content": "T"}}],
        properties={"Weight": {"number": {}}},
    )
    # The client drops the argument; the database has a title and nothing else.
    source = client.data_sources.retrieve(made["data_sources"][0]["id"])
    assert list(source["properties"]) == ["Name"]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (_text("x" * 2001), "≤ `2000`"),
        ({"rich_text": [{"text": {"content": "x"}}] * 101}, "≤ `100`"),
        ({"number": 3}, "is expected to be rich_text"),
    ],
)
def test_limits_of_text(notion: NotionStandIn, client: Any, value: Any, says: str) -> None:
    source = _table(notion, client)
    status, message = _code(_page, client, source, "a", **{"PG ID": value})
    assert status == 400
    assert says in message
    assert not notion.rows("T")


def test_unknown_properties_and_commas_in_options_are_refused(
    notion: NotionStandIn, client: Any
) -> None:
    source = _table(notion, client, Kind={"select": {}})
    assert "not a property" in _code(_page, client, source, "a", Nope=_text("x"))[1]
    assert "commas" in _code(_page, client, source, "a", Kind={"select": {"name": "a,b"}})[1]
    _page(client, source, "a", Kind={"select": {"name": "new"}})
    options = client.data_sources.retrieve(source)["properties"]["Kind"]["select"]["options"]
    assert [option["name"] for option in options] == ["new"]


def test_queries_page_by_a_hundred_and_stop_at_the_cap(notion: NotionStandIn, client: Any) -> None:
    source = _table(notion, client)
    for number in range(130):
        _page(client, source, f"p{number}")
    notion.query_cap = 120
    first = client.data_sources.query(source)
    assert (len(first["results"]), first["has_more"]) == (100, True)
    second = client.data_sources.query(source, start_cursor=first["next_cursor"])
    assert len(second["results"]) == 20
    assert second["request_status"]["incomplete_reason"] == "query_result_limit_reached"
    assert _code(client.data_sources.query, source, page_size=101)[0] == 400


def test_queries_lag_and_times_are_rounded(notion: NotionStandIn, client: Any) -> None:
    now = [1_800_000_059.0]
    notion.clock = lambda: now[0]
    notion.query_lag = 5
    source = _table(notion, client)
    page = _page(client, source, "late", **{"PG ID": _text("1")})
    assert page["last_edited_time"].endswith(":00.000Z")
    wanted = {"property": "PG ID", "rich_text": {"equals": "1"}}
    assert not client.data_sources.query(source, filter=wanted)["results"]
    now[0] += 5
    assert len(client.data_sources.query(source, filter=wanted)["results"]) == 1


def test_trashed_pages_leave_queries_and_take_no_edits(notion: NotionStandIn, client: Any) -> None:
    source = _table(notion, client)
    page = _page(client, source, "a")
    client.pages.update(page["id"], in_trash=True)
    assert not client.data_sources.query(source)["results"]
    assert len(client.data_sources.query(source, in_trash=True)["results"]) == 1
    assert _code(client.pages.update, page["id"], properties={"Name": _title("b")})[0] == 400
    assert _code(client.pages.update, page["id"], archived=False)[0] == 400


def test_relations_have_two_sides_and_show_twenty_five(notion: NotionStandIn, client: Any) -> None:
    left = _table(notion, client, "Left")
    right = _table(notion, client, "Right")
    client.data_sources.update(
        left, properties={"Rights": {"relation": {"data_source_id": right, "dual_property": {}}}}
    )
    ids = [_page(client, right, f"r{i}")["id"] for i in range(101)]
    relation = {"relation": [{"id": key} for key in ids]}
    assert _code(_page, client, left, "l", Rights=relation)[0] == 400
    page = _page(client, left, "l", Rights={"relation": relation["relation"][:100]})
    shown = client.pages.retrieve(page["id"])["properties"]["Rights"]
    assert (len(shown["relation"]), shown["has_more"]) == (25, True)
    whole = client.pages.properties.retrieve(page["id"], shown["id"])
    assert len(whole["results"]) == 100
    mirrored = client.pages.retrieve(ids[0])["properties"]["Related to Left (Rights)"]
    assert [entry["id"] for entry in mirrored["relation"]] == [page["id"]]
    client.pages.update(page["id"], properties={"Rights": {"relation": []}})
    assert not notion.related(notion.pages[ids[0]], "Related to Left (Rights)")


def test_the_budget_of_a_window(notion: NotionStandIn, client: Any) -> None:
    now = [1_800_000_000.0]
    notion.clock = lambda: now[0]
    notion.budget = (3, 60)
    for _ in range(3):
        client.users.me()
    from notion_client.errors import APIResponseError

    with pytest.raises(APIResponseError) as caught:
        client.users.me()
    assert caught.value.status == 429
    assert caught.value.headers["retry-after"] == "60"
    now[0] += 60
    client.users.me()


def test_a_lost_answer_leaves_the_page(notion: NotionStandIn, client: Any) -> None:
    source = _table(notion, client)
    notion.faults.append(Fault("POST", "^/v1/pages$", drop="after"))
    with pytest.raises(httpx.HTTPError):
        _page(client, source, "a")
    notion.faults.append(Fault("POST", "^/v1/pages$", drop="before"))
    with pytest.raises(httpx.HTTPError):
        _page(client, source, "b")
    assert [notion.text(page, "Name") for page in notion.rows("T")] == ["a"]


def test_what_is_not_shared_is_not_found(notion: NotionStandIn, client: Any) -> None:
    source = _table(notion, client)
    page = _page(client, source, "a")
    notion.source("T").shared = False
    assert _code(client.pages.retrieve, page["id"])[0] == 404
    assert _code(client.data_sources.retrieve, source)[0] == 404
    assert _code(client.pages.retrieve, "no-uuid")[0] == 400


def test_bodies_are_read_as_markdown(notion: NotionStandIn, client: Any) -> None:
    source = _table(notion, client)
    page = notion.pages[_page(client, source, "a")["id"]]
    notion.edit(page, body="# Seen\ntext")
    assert client.pages.retrieve_markdown(page.id)["markdown"] == "# Seen\ntext"
    page.unknown_blocks["b" * 32] = "the rest"
    cut = client.pages.retrieve_markdown(page.id)
    assert cut["truncated"]
    assert client.pages.retrieve_markdown(cut["unknown_block_ids"][0])["markdown"] == "the rest"
