"""Bodies of pages as markdown: from Notion's own rendering, else block by block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from warehouse.notion.blocks import as_markdown
from warehouse.verdicts import CallFailed

if TYPE_CHECKING:
    from warehouse.notion.api import NotionApi

#: Parts of a page that may be asked for one by one.
MAX_PIECES = 50

#: Blocks within blocks that are followed; deeper ones are left out, and the body is marked as cut.
MAX_DEPTH = 10

#: Addresses of files that Notion keeps are signed anew at every reading, and expire.
_SIGNED = re.compile(r"(https://[^\s()<>?]*amazonaws\.com/[^\s()<>?]*)\?[^\s()<>]*")


def read_body(api: NotionApi, page_id: str) -> tuple[str, bool]:
    """The body of a page as markdown, with the parts that the first answer left out.

    Returns:
        The markdown, and whether something is still missing.

    Raises:
        CallFailed: The page itself cannot be read.
    """
    try:
        answer = api.read("GET", f"pages/{page_id}/markdown")
    except CallFailed as failure:
        if failure.verdict.kind != "rejected":
            raise
        # A workspace whose version has no rendering of its own.
        return read_blocks(api, page_id)
    parts = [answer.get("markdown") or ""]
    waiting = [str(key) for key in answer.get("unknown_block_ids") or []]
    is_cut = bool(answer.get("truncated")) and not waiting
    asked = 0
    while waiting:
        key = waiting.pop(0)
        asked += 1
        if asked > MAX_PIECES:
            return unsigned("\n\n".join(parts)), True
        try:
            piece = api.read("GET", f"pages/{key}/markdown")
        except CallFailed:
            is_cut = True
            continue
        parts.append(piece.get("markdown") or "")
        waiting += [str(other) for other in piece.get("unknown_block_ids") or []]
    return unsigned("\n\n".join(part for part in parts if part)), is_cut


def unsigned(markdown: str) -> str:
    """The text without the signatures in the addresses of files, which would change each time.

    Examples:
        >>> unsigned("![a](https://x.s3.amazonaws.com/a.png?X-Amz-Signature=1f) b")
        '![a](https://x.s3.amazonaws.com/a.png) b'
    """
    return _SIGNED.sub(r"\1", markdown)


def read_blocks(api: NotionApi, page_id: str) -> tuple[str, bool]:
    """The same from the blocks of a page, those within blocks too.

    Raises:
        CallFailed: The page cannot be read.
    """
    blocks, is_cut = _children(api, page_id, depth=0)
    return unsigned(as_markdown(blocks)), is_cut


def _children(api: NotionApi, block_id: str, *, depth: int) -> tuple[list[dict[str, Any]], bool]:
    found: list[dict[str, Any]] = []
    is_cut = False
    cursor: str | None = None
    while True:
        query = {"page_size": 100, **({"start_cursor": cursor} if cursor else {})}
        answer = api.read("GET", f"blocks/{block_id}/children", query=query)
        for block in answer["results"]:
            # Pages and databases within a page are entities of their own.
            if block.get("has_children") and block["type"] not in ("child_page", "child_database"):
                if depth >= MAX_DEPTH:
                    is_cut = True
                else:
                    inner, cut = _children(api, str(block["id"]), depth=depth + 1)
                    block = {**block, "children": inner}
                    is_cut = is_cut or cut
            found.append(block)
        cursor = answer.get("next_cursor")
        if not answer.get("has_more") or not cursor:
            return found, is_cut
