"""Pages of one data source as rows: those that may have changed since they were landed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from loaders.notion.properties import is_cut, plain_value
from warehouse.notion.bodies import read_body
from warehouse.verdicts import CallFailed

if TYPE_CHECKING:
    from loaders.notion.known import KnownPage
    from warehouse.notion.api import NotionApi

#: Notion rounds times to the minute, and its index may lag: so much is looked at again each time.
#: A page that was read within this time of its last edit may have been edited once more.
OVERLAP = timedelta(minutes=2)


@dataclass(frozen=True)
class PageRow:
    """A version of a page, as it is landed."""

    page_id: str
    data_source_id: str
    title: str
    url: str
    created_at: datetime
    edited_at: datetime
    in_trash: bool
    is_gone: bool
    properties: str
    markdown: str
    is_truncated: bool
    content_hash: str

    @property
    def version_id(self) -> int:
        """63 bits of the hash of page and content."""
        digest = hashlib.sha256(f"{self.page_id}\x1f{self.content_hash}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1


def changed_pages(
    api: NotionApi,
    data_source_id: str,
    known: Mapping[str, KnownPage],
    *,
    edited_since: datetime | None,
    now: datetime,
) -> Iterator[tuple[datetime, PageRow | None]]:
    """Looks at the pages that were edited since a time, and reads those that may have changed.

    The trash is looked through whole: whether putting a page there counts as an edit is not
    documented. A page that is nowhere any more comes as gone.

    Args:
        api: Notion.
        data_source_id: The data source.
        known: What is landed.
        edited_since: Look at pages edited since then, less the overlap; at all of them if none.
        now: The time, by the clock of the warehouse.

    Yields:
        Time of the last edit of each page that was looked at, with its row where it is another one
        than the landed.

    Raises:
        CallFailed: Notion failed, more often than it is asked.
    """
    since = (edited_since - OVERLAP).isoformat() if edited_since is not None else None
    seen: set[str] = set()
    for in_trash in (False, True):
        for page in api.rows(
            data_source_id, edited_since=None if in_trash else since, in_trash=in_trash
        ):
            seen.add(str(page["id"]))
            yield _looked_at(api, data_source_id, page, known.get(str(page["id"])), now)
    for page_id, held in known.items():
        # Taken out of the trash, or gone from it; a whole look also misses what was never there.
        if page_id not in seen and (held.in_trash or since is None) and not held.is_gone:
            yield _missed(api, data_source_id, page_id, held, now)


def _looked_at(
    api: NotionApi,
    data_source_id: str,
    page: Mapping[str, Any],
    held: KnownPage | None,
    now: datetime,
) -> tuple[datetime, PageRow | None]:
    edited = _time(page["last_edited_time"])
    if held is not None and is_settled(held, edited, in_trash=bool(page.get("in_trash"))):
        return edited, None
    row = page_row(api, data_source_id, page)
    is_same = held is not None and held.content_hash == row.content_hash
    # The same again is landed once more only where that settles it.
    if is_same and held is not None and (now - edited <= OVERLAP):
        return edited, None
    return edited, row


def is_settled(held: KnownPage, edited: datetime, *, in_trash: bool) -> bool:
    """Whether a page is surely as it was landed: not edited since, and read long enough after."""
    return (
        held.edited_at == edited
        and held.in_trash == in_trash
        and not held.is_gone
        and held.read_at - held.edited_at > OVERLAP
    )


def _missed(
    api: NotionApi, data_source_id: str, page_id: str, held: KnownPage, now: datetime
) -> tuple[datetime, PageRow | None]:
    try:
        page = api.read("GET", f"pages/{page_id}")
    except CallFailed as failure:
        if failure.verdict.kind != "missing":
            raise
        return held.edited_at, _gone(data_source_id, page_id, held)
    if _parent(page) != data_source_id.replace("-", ""):
        # Moved to another data source, under which it is found.
        return held.edited_at, None
    return _looked_at(api, data_source_id, page, held, now)


def _gone(data_source_id: str, page_id: str, held: KnownPage) -> PageRow:
    return PageRow(
        page_id=page_id, data_source_id=data_source_id, title="", url="",
        created_at=held.edited_at, edited_at=held.edited_at, in_trash=True, is_gone=True,
        properties="{}", markdown="", is_truncated=False, content_hash="gone",
    )  # fmt: skip


def _parent(page: Mapping[str, Any]) -> str:
    return str((page.get("parent") or {}).get("data_source_id", "")).replace("-", "")


def page_row(api: NotionApi, data_source_id: str, page: Mapping[str, Any]) -> PageRow:
    """Reads the rest of a page: long properties, and the body as markdown.

    Raises:
        CallFailed: Notion failed.
    """
    page_id = str(page["id"])
    properties: dict[str, Any] = {}
    title = ""
    for name, prop in page["properties"].items():
        whole = _whole(api, page_id, prop) if is_cut(prop) else prop
        value = plain_value(whole)
        properties[name] = {"type": prop.get("type"), "value": value}
        if prop.get("type") == "title":
            title = str(value or "")
    try:
        markdown, is_truncated = read_body(api, page_id)
    except CallFailed as failure:
        if failure.verdict.kind not in ("missing", "rejected"):
            raise
        # Trashed pages may have no body to read any more.
        markdown, is_truncated = "", True
    # A null byte has no place in Postgres.
    text = json.dumps(properties, sort_keys=True, ensure_ascii=False).replace("\\u0000", "")
    in_trash = bool(page.get("in_trash"))
    markdown = markdown.replace("\x00", "")
    content = "\x1f".join((title, text, markdown, str(in_trash), str(is_truncated)))
    return PageRow(
        page_id=page_id,
        data_source_id=data_source_id,
        title=title.replace("\x00", ""),
        url=str(page.get("url") or ""),
        created_at=_time(page["created_time"]),
        edited_at=_time(page["last_edited_time"]),
        in_trash=in_trash,
        is_gone=False,
        properties=text,
        markdown=markdown,
        is_truncated=is_truncated,
        content_hash=hashlib.blake2b(content.encode(), digest_size=16).hexdigest(),
    )


def _whole(api: NotionApi, page_id: str, prop: Mapping[str, Any]) -> Mapping[str, Any]:
    """A property with all of its entries, from its own address."""
    kind = str(prop["type"])
    entries: list[Any] = []
    cursor: str | None = None
    while True:
        query = {"page_size": 100, **({"start_cursor": cursor} if cursor else {})}
        answer = api.read("GET", f"pages/{page_id}/properties/{prop['id']}", query=query)
        entries += [item[kind] for item in answer.get("results") or []]
        cursor = answer.get("next_cursor")
        if not answer.get("has_more") or not cursor:
            return {"type": kind, kind: entries}


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
