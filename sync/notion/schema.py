"""Data sources: found under the parent page, made, completed; never emptied, never retyped."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sync import state
from sync.notion.tables import Relation, Table, layout
from sync.notion.values import rich_text
from warehouse.verdicts import CallFailed, Stopped

if TYPE_CHECKING:
    import psycopg

    from sync.state import Target
    from warehouse.notion.api import NotionApi


def page_id(text: str) -> str:
    """The id of a page, from its id or its address.

    Raises:
        Stopped: There is none in it.

    Examples:
        >>> page_id("https://www.notion.so/team/Omics-0123456789abcdef0123456789abcdef")
        '01234567-89ab-cdef-0123-456789abcdef'
    """
    found = re.findall(r"[0-9a-f]{32}", text.split("?")[0].replace("-", "").lower())
    if not found:
        raise Stopped("NOTION_PARENT_PAGE holds no page id: copy the link of the page")
    return str(uuid.UUID(found[-1]))


def ensure_source(
    conn: psycopg.Connection[Any],
    api: NotionApi,
    target: Target,
    parent: str,
) -> Target:
    """Makes sure that a target's data source is there and has every property that is written.

    Args:
        conn: A connection.
        api: Notion.
        target: The target, as the ledger has it.
        parent: Id or address of the page that holds the databases.

    Returns:
        The target with its container and its properties.

    Raises:
        Stopped: It cannot be reached, or people renamed, removed or retyped a property.
    """
    table = layout().tables[target.entity_type]
    try:
        source = _find(api, target, table, parent)
        known = dict(target.properties or {})
        _refuse_changes(table, known, source)
        missing = _missing(table, source)
        if missing:
            source = api.request("PATCH", f"data_sources/{source['id']}", {"properties": missing})
        others = {other.entity_type: other for other in state.targets(conn, "notion")}
        for relation in layout().relations:
            other = others.get(relation.to)
            if relation.side == target.entity_type and other is not None and other.container:
                source = _ensure_relation(conn, api, source, relation, other)
    except CallFailed as failure:
        raise _stop(failure, table) from None
    ours = _ours(table, source)
    state.place_target(conn, target.target_id, container=source["id"], properties=ours)
    return next(t for t in state.targets(conn) if t.target_id == target.target_id)


def _stop(failure: CallFailed, table: Table) -> Stopped:
    verdict = failure.verdict
    if verdict.kind == "missing":
        return Stopped(
            f"Notion does not show the database {table.title!r} or the page that holds it: share it"
            " with the integration (Connections in the menu of the page)"
        )
    return Stopped(f"Notion: {table.title}: {verdict.code}: {verdict.message}")


def _find(api: NotionApi, target: Target, table: Table, parent: str) -> dict[str, Any]:
    if target.container:
        return api.request("GET", f"data_sources/{target.container}")
    parent_id = page_id(parent)
    # An answer that was lost may have left a database behind: look before making one.
    found = _search(api, table.title, parent_id)
    if found is not None:
        return found
    made = api.request(
        "POST",
        "databases",
        {
            "parent": {"type": "page_id", "page_id": parent_id},
            "title": rich_text(table.title),
            "initial_data_source": {"properties": _initial(table)},
        },
    )
    return api.request("GET", f"data_sources/{made['data_sources'][0]['id']}")


def _search(api: NotionApi, title: str, parent_id: str) -> dict[str, Any] | None:
    for source in api.data_sources(title):
        name = "".join(piece.get("plain_text", "") for piece in source.get("title", []))
        holder = (source.get("database_parent") or {}).get("page_id", "")
        if name == title and holder.replace("-", "") == parent_id.replace("-", ""):
            return source
    return None


def _initial(table: Table) -> dict[str, Any]:
    return {
        table.title_property: {"title": {}},
        layout().key: {"rich_text": {}},
        **{name: {entry.kind: {}} for name, entry in table.properties.items()},
    }


def _kinds(table: Table) -> dict[str, str]:
    return {
        layout().key: "rich_text",
        **{name: entry.kind for name, entry in table.properties.items()},
    }


def _missing(table: Table, source: Mapping[str, Any]) -> dict[str, Any]:
    """Properties to add.

    Raises:
        Stopped: One of that name is there and has another type; retyping would convert what people
            wrote.
    """
    present = source["properties"]
    add: dict[str, Any] = {}
    for name, kind in _kinds(table).items():
        if name not in present:
            add[name] = {kind: {}}
        elif present[name]["type"] != kind:
            raise Stopped(
                f"the property {name!r} of {table.title!r} is of type {present[name]['type']} and"
                f" should be {kind}: rename it in Notion, and sync adds its own"
            )
    return add


def _refuse_changes(table: Table, known: Mapping[str, Any], source: Mapping[str, Any]) -> None:
    present = source["properties"]
    by_id = {definition["id"]: name for name, definition in present.items()}
    for name, was in known.items():
        if name in present and present[name]["type"] == was["type"]:
            continue
        now = by_id.get(was["id"])
        if name in present:
            change = f"has become {present[name]['type']} instead of {was['type']}"
        elif now is not None:
            change = f"is called {now!r} now"
        else:
            change = "is gone"
        raise Stopped(
            f"the property {name!r} of {table.title!r} {change}: nothing was written. Give it back"
            " its name and type in Notion"
        )


def _ensure_relation(
    conn: psycopg.Connection[Any],
    api: NotionApi,
    source: dict[str, Any],
    relation: Relation,
    other: Target,
) -> dict[str, Any]:
    present = source["properties"].get(relation.property)
    if present is not None and (
        present["type"] != "relation"
        or present["relation"].get("data_source_id", "").replace("-", "")
        != str(other.container).replace("-", "")
    ):
        raise Stopped(
            f"the property {relation.property!r} is there and is no relation to the"
            f" {relation.to}s of this project: rename it in Notion, and sync adds its own"
        )
    if present is None:
        wanted: dict[str, Any] = {
            "relation": {
                "data_source_id": other.container,
                "type": "dual_property",
                "dual_property": {},
            }
        }
        source = api.request(
            "PATCH", f"data_sources/{source['id']}", {"properties": {relation.property: wanted}}
        )
        present = source["properties"][relation.property]
    dual = present["relation"].get("dual_property") or {}
    synced = dual.get("synced_property_name")
    if synced and synced != relation.mirror and relation.mirror not in (other.properties or {}):
        changed = api.request(
            "PATCH",
            f"data_sources/{other.container}",
            {"properties": {dual["synced_property_id"]: {"name": relation.mirror}}},
        )
        table = layout().tables[other.entity_type]
        state.place_target(
            conn,
            other.target_id,
            container=str(other.container),
            properties=_ours(table, changed),
        )
    return source


def _ours(table: Table, source: Mapping[str, Any]) -> dict[str, Any]:
    """Id and type of every property that sync writes, and of the title."""
    names = set(_kinds(table))
    for relation in layout().relations:
        if relation.side == table.entity_type:
            names.add(relation.property)
        if relation.to == table.entity_type:
            names.add(relation.mirror)
    return {
        name: {"id": definition["id"], "type": definition["type"]}
        for name, definition in source["properties"].items()
        if name in names or definition["type"] == "title"
    }
