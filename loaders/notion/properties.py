"""Properties of any type as plain values: what people see, without Notion's wrapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from warehouse.notion.blocks import plain_text

#: A page shows so many entries of a property; the others are asked for one page at a time.
SHOWN = 25

#: Types whose further entries the property's own address gives.
LISTED = ("relation", "rich_text", "title", "people")


def plain_value(prop: Mapping[str, Any]) -> Any:
    """The value of a property.

    Text for texts, a number, a list of names for selects and people, a list of page ids for
    relations. A formula or a rollup gives what it came to. A type that is not known here is kept as
    it came.

    Examples:
        >>> plain_value({"type": "select", "select": {"id": "x", "name": "lipidomics"}})
        'lipidomics'
        >>> plain_value({"type": "formula", "formula": {"type": "number", "number": 3}})
        3
    """
    kind = str(prop.get("type", ""))
    value = prop.get(kind)
    read = _READERS.get(kind)
    if read is None or value is None:
        return value
    return read(value)


def is_cut(prop: Mapping[str, Any]) -> bool:
    """Whether the page may not show all of a property."""
    kind = str(prop.get("type", ""))
    if kind not in LISTED:
        return False
    return bool(prop.get("has_more")) or len(prop.get(kind) or []) >= SHOWN


def _name(value: Mapping[str, Any]) -> Any:
    return value.get("name")


def _person(value: Mapping[str, Any]) -> Any:
    return value.get("name") or value.get("id")


def _file(value: Mapping[str, Any]) -> dict[str, Any]:
    held = value.get("external") or value.get("file") or {}
    # Addresses of files that Notion keeps are signed and expire: without the query they are names.
    return {"name": value.get("name"), "url": str(held.get("url", "")).split("?")[0]}


def _unique_id(value: Mapping[str, Any]) -> str:
    prefix = value.get("prefix")
    return f"{prefix}-{value.get('number')}" if prefix else str(value.get("number"))


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "title": plain_text,
    "rich_text": plain_text,
    "select": _name,
    "status": _name,
    "multi_select": lambda value: [entry["name"] for entry in value],
    "relation": lambda value: [entry["id"] for entry in value],
    "people": lambda value: [_person(entry) for entry in value],
    "files": lambda value: [_file(entry) for entry in value],
    "created_by": _person,
    "last_edited_by": _person,
    "formula": plain_value,
    "rollup": lambda value: (
        [plain_value(entry) for entry in value["array"]]
        if value.get("type") == "array"
        else plain_value(value)
    ),
    "unique_id": _unique_id,
    "verification": lambda value: value.get("state"),
    "button": lambda _: None,
}
