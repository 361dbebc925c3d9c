"""Values of the marts as Notion writes them, within its limits."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

# Notion takes 2,000 in one piece of text and 100 pieces. Whether it counts code points or UTF-16
# units is not documented; this many code points are within both for all but rare scripts.
_PIECE = 1_900
_MAX_PIECES = 100
_MAX_UTF16 = 2_000
_MAX_OPTION = 100
_MAX_OPTIONS = 100
_MAX_URL = 2_000

#: Pages that one relation may name in one call.
MAX_RELATIONS = 100


def rich_text(text: str) -> list[dict[str, Any]]:
    """A text in as many pieces as it needs; what is past 100 pieces is left out.

    Examples:
        >>> [len(piece["text"]["content"]) for piece in rich_text("x" * 2000)]
        [1900, 100]
    """
    pieces: list[dict[str, Any]] = []
    while text and len(pieces) < _MAX_PIECES:
        length = _PIECE
        while len(text[:length].encode("utf-16-le")) // 2 > _MAX_UTF16:
            length -= 100
        pieces.append({"type": "text", "text": {"content": text[:length]}})
        text = text[length:]
    return pieces


def option(text: str) -> str:
    """A text as the name of an option: no comma, at most 100 characters.

    Examples:
        >>> option("heart, left")
        'heart; left'
    """
    return re.sub(r"\s+", " ", text.replace(",", ";")).strip()[:_MAX_OPTION]


def value_of(kind: str, value: Any) -> dict[str, Any]:
    """One property as it is written.

    Args:
        kind: Notion's type.
        value: From the marts; None empties the property. A list stands in a text line by line.
    """
    if kind in ("title", "rich_text") and isinstance(value, list):
        value = "\n".join(str(entry) for entry in value if entry is not None)
    if kind in ("title", "rich_text"):
        return {kind: rich_text(str(value)) if value not in (None, "") else []}
    if kind == "number":
        return {kind: None if value is None else float(value)}
    if kind == "select":
        name = option(str(value)) if value is not None else ""
        return {kind: {"name": name} if name else None}
    if kind == "multi_select":
        names = dict.fromkeys(option(str(entry)) for entry in value or [] if entry is not None)
        return {kind: [{"name": name} for name in names if name][:_MAX_OPTIONS]}
    if kind == "url":
        return {kind: _url(value)}
    if kind == "date":
        return {kind: None if value is None else {"start": minute(value)}}
    if kind == "relation":
        return {kind: [{"id": page} for page in value][:MAX_RELATIONS]}
    raise ValueError(f"no value of type {kind} is written")


def minute(moment: datetime) -> str:
    """A time as it is written: in UTC and to the minute, which is what pages show.

    Examples:
        >>> minute(datetime.fromisoformat("2026-03-11T09:30:59.5+02:00"))
        '2026-03-11T07:30:00+00:00'
    """
    return moment.astimezone(UTC).replace(second=0, microsecond=0).isoformat()


def _url(value: Any) -> str | None:
    """An address: as it is, of a DOI, or the first of those among external ids."""
    if isinstance(value, Mapping):
        for key in ("url", "source_url", "doi", "DOI"):
            if value.get(key):
                return _url(value[key])
        return None
    if isinstance(value, list):
        return _url(value[0]) if value else None
    text = str(value or "").strip()
    if re.match(r"10\.\d{4,9}/\S+$", text):
        text = f"https://doi.org/{text}"
    return text if re.match(r"https?://\S+$", text) and len(text) <= _MAX_URL else None


def plain(prop: Mapping[str, Any]) -> Any:
    """A property that was read, in the form that compares with what was written."""
    kind = prop.get("type", "")
    value = prop.get(kind)
    if kind in ("title", "rich_text"):
        return "".join(
            piece.get("plain_text") or piece.get("text", {}).get("content", "")
            for piece in value or []
        )
    if kind in ("select", "status"):
        return (value or {}).get("name")
    if kind == "multi_select":
        return sorted(entry["name"] for entry in value or [])
    if kind == "relation":
        return sorted(entry["id"] for entry in value or [])
    if kind == "date":
        return _plain_date(value or {})
    return value


def _plain_date(value: Mapping[str, Any]) -> str | None:
    """A date as it compares: Notion writes the same moment with more digits than it was given."""
    ends = []
    for end in (value.get("start"), value.get("end")):
        if end:
            # A day without a time is no moment.
            ends.append(minute(datetime.fromisoformat(end)) if "T" in end else end)
    return "/".join(ends) or None


def plain_written(prop: Mapping[str, Any]) -> Any:
    """The same of a property as it was written."""
    ((kind, value),) = prop.items()
    return plain({"type": kind, kind: value})


def payload_hash(properties: Mapping[str, Any]) -> str:
    """Hash of what is written; the order of names does not count."""
    text = json.dumps(properties, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
