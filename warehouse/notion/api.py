"""Calls to Notion: paced, without hidden retries, every error understood."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from warehouse.budget import Budget
from warehouse.verdicts import CallFailed, Stopped, backoff, of_notion

if TYPE_CHECKING:
    import psycopg

#: Markdown of pages needs it, and `in_trash` is one word everywhere.
VERSION = "2026-03-11"

PAGE_SIZE = 100

#: Times that a call is made again at once after a conflict with another write.
MAX_COLLISIONS = 5

#: Times that something is read before its failure counts.
MAX_READS = 4


@dataclass(frozen=True)
class NotionAccess:
    """How Notion is reached.

    Attributes:
        token: Token of the integration.
        url: Address of the API.
        per_second: Calls per second, over all workers.
        timeout: Seconds for one call.
        patience: Seconds that a pause asked for by Notion is waited for.
        secrets: What must never stand in a message, the token among them.
        sleep: How to wait.
    """

    token: str | None = field(default=None, repr=False)
    url: str = "https://api.notion.com"
    per_second: float = 2.5
    timeout: float = 60.0
    patience: float = 90.0
    secrets: Collection[str] = field(default=(), repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)


class NotionApi:
    """The calls that loading and publishing make; use it as a context manager."""

    def __init__(self, conn: psycopg.Connection[Any], access: NotionAccess) -> None:
        self._access = access
        self._client: Any = None
        self._budget = Budget(
            conn,
            "notion",
            access.per_second,
            patience=access.patience,
            sleep=access.sleep,
        )

    def __enter__(self) -> NotionApi:
        """Ready to call; the client is made at the first call."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Makes one call.

        The methods of the client drop arguments that they do not know, so its plain request is
        used.

        Args:
            method: GET, POST or PATCH.
            path: Path below `/v1/`.
            body: JSON.
            query: Query parameters.

        Raises:
            CallFailed: It failed; the verdict says what that means.
            Stopped: The token is refused.
            Blocked: Notion wants a longer pause than a run waits.
        """
        client = self._open()
        collisions = 0
        while True:
            self._budget.take_turn()
            try:
                answer = client.request(
                    path=path,
                    method=method,
                    body=dict(body) if body is not None else None,
                    query=dict(query) if query is not None else None,
                )
            except Exception as error:
                verdict = of_notion(error, self._access.secrets)
                if verdict.kind == "stopped":
                    raise Stopped(f"Notion: {verdict.code}: {verdict.message}") from None
                if verdict.kind == "throttled":
                    self._budget.throttled(verdict.wait, verdict.message)
                    continue
                if verdict.kind == "collided" and collisions < MAX_COLLISIONS:
                    collisions += 1
                    continue
                raise CallFailed(verdict) from None
            self._budget.went_well()
            return dict(answer)

    def read(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Makes a call that changes nothing, so that it is made again where no answer came.

        Raises:
            CallFailed: It failed for good, or as often as it is tried.
            Stopped: The token is refused.
            Blocked: Notion wants a longer pause than a run waits.
        """
        for attempt in range(MAX_READS - 1):
            try:
                return self.request(method, path, body, query)
            except CallFailed as failure:
                if failure.verdict.kind not in ("lost", "unsent"):
                    raise
                self._access.sleep(backoff(attempt))
        return self.request(method, path, body, query)

    def data_sources(self, title: str = "") -> Iterator[dict[str, Any]]:
        """Every data source that is shared with the integration, with its properties.

        Args:
            title: Only those whose title holds this.

        Raises:
            CallFailed: A call failed.
        """
        cursor: str | None = None
        while True:
            body: dict[str, Any] = {
                "filter": {"property": "object", "value": "data_source"},
                "page_size": PAGE_SIZE,
                **({"query": title} if title else {}),
                **({"start_cursor": cursor} if cursor else {}),
            }
            answer = self.read("POST", "search", body)
            yield from answer["results"]
            cursor = answer.get("next_cursor")
            if not cursor:
                return

    def _open(self) -> Any:
        if self._client is None:
            from notion_client import Client

            if not self._access.token:
                raise Stopped("NOTION_TOKEN is not set")
            # The client would log to the console; what went wrong stands in our own records.
            logger = logging.getLogger("omics.notion")
            logger.addHandler(logging.NullHandler())
            logger.propagate = False
            self._client = Client(
                auth=self._access.token,
                base_url=self._access.url,
                notion_version=VERSION,
                timeout_ms=int(self._access.timeout * 1000),
                retry=False,
                logger=logger,
                log_level=logging.CRITICAL,
            )
        return self._client

    def rows(
        self, source: str, *, edited_since: str | None = None, in_trash: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Every page of a data source once, oldest first, also past 10,000 of them.

        One query ends at 10,000 rows. It is then asked again from the minute of the last row on,
        and what was seen already is left out.

        Args:
            source: Data source id.
            edited_since: Only pages edited at or after this time, as ISO 8601.
            in_trash: Pages in the trash instead of the others.

        Raises:
            CallFailed: A call failed, or more pages were made in one minute than a query gives.
        """
        seen: set[str] = set()
        since: str | None = None
        while True:
            cursor: str | None = None
            before = len(seen)
            last: str | None = None
            while True:
                answer = self.read(
                    "POST",
                    f"data_sources/{source}/query",
                    _query(edited_since, since, in_trash, cursor),
                )
                for page in answer["results"]:
                    last = page["created_time"]
                    if page["id"] not in seen:
                        seen.add(page["id"])
                        yield page
                cursor = answer.get("next_cursor")
                if not answer.get("has_more") or not cursor:
                    break
            status = answer.get("request_status") or {}
            if status.get("type") != "incomplete":
                return
            if len(seen) == before:
                raise Stopped(f"more pages were made at {last} than one query of Notion gives")
            since = last


def _query(
    edited_since: str | None, created_since: str | None, in_trash: bool, cursor: str | None
) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = [
        {"timestamp": kind, kind: {"on_or_after": since}}
        for kind, since in (("last_edited_time", edited_since), ("created_time", created_since))
        if since is not None
    ]
    body: dict[str, Any] = {
        "page_size": PAGE_SIZE,
        "sorts": [{"timestamp": "created_time", "direction": "ascending"}],
    }
    if in_trash:
        body["in_trash"] = True
    if conditions:
        body["filter"] = conditions[0] if len(conditions) == 1 else {"and": conditions}
    if cursor is not None:
        body["start_cursor"] = cursor
    return body
