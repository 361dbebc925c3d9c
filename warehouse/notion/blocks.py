"""Blocks of a page as markdown, nested ones indented. What has no form here keeps its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: Type of block to what stands before its text.
_PREFIXES = {
    "heading_1": "# ",
    "heading_2": "## ",
    "heading_3": "### ",
    "bulleted_list_item": "- ",
    "toggle": "- ",
    "quote": "> ",
    "callout": "> ",
}

_LISTS = ("bulleted_list_item", "numbered_list_item", "to_do", "toggle")
_FILES = ("image", "file", "pdf", "video", "audio")


def as_markdown(blocks: Sequence[Mapping[str, Any]]) -> str:
    r"""Blocks, each with its `children` where it has some, as markdown.

    Examples:
        >>> text = lambda t: {"rich_text": [{"plain_text": t}]}
        >>> as_markdown([
        ...     {"type": "heading_2", "heading_2": text("Day 7")},
        ...     {"type": "bulleted_list_item", "bulleted_list_item": text("outer"),
        ...      "children": [{"type": "paragraph", "paragraph": text("inner")}]},
        ... ])
        '## Day 7\n\n- outer\n  inner'
    """
    lines: list[str] = []
    number = 0
    before: str | None = None
    for block in blocks:
        kind = str(block.get("type", ""))
        number = number + 1 if kind == "numbered_list_item" else 0
        # Items of a list stand close; everything else is a paragraph of its own.
        if lines and not (kind in _LISTS and before in _LISTS):
            lines.append("")
        lines += _lines(block, kind, number)
        before = kind
    return "\n".join(lines)


def plain_text(parts: Sequence[Mapping[str, Any]]) -> str:
    """Rich text without its marks."""
    return "".join(
        part.get("plain_text") or (part.get("text") or {}).get("content", "") for part in parts
    )


def _lines(block: Mapping[str, Any], kind: str, number: int) -> list[str]:
    content = block.get(kind) or {}
    children = block.get("children") or []
    if kind == "table":
        return _table(children)
    if kind == "divider":
        return ["---"]
    if kind == "code":
        code = plain_text(content.get("rich_text") or [])
        return [f"```{content.get('language') or ''}", *code.splitlines(), "```"]
    own = _prefixed(_own_text(kind, content), kind, content, number)
    inner = as_markdown(children).splitlines()
    if not inner:
        return own
    if kind in _LISTS:
        return [*own, *(f"  {line}" if line else "" for line in inner)]
    if kind in ("quote", "callout"):
        return [*own, *(f"> {line}" for line in inner)]
    # Columns, synced blocks and toggled headings only hold others together.
    return [*own, "", *inner] if any(own) else inner


def _own_text(kind: str, content: Any) -> str:
    if not isinstance(content, Mapping):
        return ""
    if kind == "equation":
        return f"$${content.get('expression', '')}$$"
    if kind in ("child_page", "child_database"):
        return f"[{content.get('title', '')}]"
    if kind in _FILES:
        address = (content.get("external") or content.get("file") or {}).get("url", "")
        return f"[{plain_text(content.get('caption') or []) or kind}]({address})"
    if kind in ("bookmark", "embed", "link_preview"):
        return str(content.get("url") or "")
    return plain_text(content.get("rich_text") or [])


def _prefixed(text: str, kind: str, content: Mapping[str, Any], number: int) -> list[str]:
    if kind == "numbered_list_item":
        prefix = f"{number}. "
    elif kind == "to_do":
        prefix = "- [x] " if content.get("checked") else "- [ ] "
    else:
        prefix = _PREFIXES.get(kind, "")
    follow = "> " if prefix == "> " else ""
    first, *rest = text.split("\n")
    return [prefix + first, *(follow + line for line in rest)]


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    cells = [
        [plain_text(cell).replace("|", "\\|") for cell in (row.get("table_row") or {})["cells"]]
        for row in rows
        if row.get("type") == "table_row"
    ]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    if cells:
        lines.insert(1, "|" + " --- |" * len(cells[0]))
    return lines
