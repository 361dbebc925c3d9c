"""Reads the Notion databases that are shared with the integration, and lands what is new."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders import states
from loaders.landing import clear_leftovers, land
from loaders.landing_tables import LandingTable, arrow_schema
from loaders.notion.known import known_pages, known_source
from loaders.notion.read import PageRow, changed_pages
from loaders.notion.tables import DATA_SOURCES, PAGES, SOURCE
from loaders.shards import write_shards
from warehouse.budget import Blocked
from warehouse.errors import OmicsError
from warehouse.notion.api import NotionAccess, NotionApi
from warehouse.notion.blocks import plain_text
from warehouse.verdicts import CallFailed, Stopped

if TYPE_CHECKING:
    import psycopg

    from warehouse.settings import Settings

#: Pages of one load. A reading that breaks off has landed those before, and goes on behind them.
PAGES_PER_LOAD = 500

Tell = Callable[[str], None]


@dataclass
class NotionReport:
    """What a reading did.

    Attributes:
        data_sources: Title of each data source to the number of its pages that were landed.
        looked_at: How many pages were looked at.
        gone: How many were found to be gone, or in the trash.
        load_ids: Loads that were made.
        left: Data sources that could not be read to the end, with the reason.
    """

    data_sources: dict[str, int] = field(default_factory=dict)
    looked_at: int = 0
    gone: int = 0
    load_ids: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    @property
    def landed(self) -> int:
        """How many pages were landed."""
        return sum(self.data_sources.values())

    @property
    def counts(self) -> dict[str, int]:
        """Numbers for the run ledger."""
        return {
            "notion_databases": len(self.data_sources),
            "notion_pages_looked_at": self.looked_at,
            "notion_pages_landed": self.landed,
            "notion_pages_gone": self.gone,
            "notion_databases_left": len(self.left),
        }


def access_of(settings: Settings) -> NotionAccess:
    """How the settings say that Notion is reached.

    Raises:
        OmicsError: Notion is off, or its token is missing.
    """
    if not settings.enable_notion_sync:
        raise OmicsError(
            "Notion is off: no call to it is made",
            where="ENABLE_NOTION_SYNC",
            expected="true, to read or to publish pages",
            fix="set ENABLE_NOTION_SYNC=true; with USE_POSTGRES_AS_SOT=false nothing is written",
        )
    if settings.notion_token is None:
        raise OmicsError(
            "Notion cannot be read without a token",
            where="NOTION_TOKEN",
            expected="the token of an integration that the databases are shared with",
            fix="make one at notion.so/my-integrations and set NOTION_TOKEN",
        )
    token = settings.notion_token.get_secret_value()
    return NotionAccess(
        token=token,
        url=settings.notion_base_url,
        per_second=settings.notion_requests_per_second,
        secrets=(token,),
    )


def load_notion(
    settings: Settings,
    conn: psycopg.Connection[Any],
    access: NotionAccess,
    *,
    run_id: str,
    reread: bool = False,
    wait_seconds: float = 0.0,
    tell: Tell = lambda text: None,
) -> NotionReport:
    """Lands what changed in Notion since the last reading.

    Args:
        settings: Settings of the warehouse.
        conn: Autocommit connection that stays open: it holds the lock.
        access: How Notion is reached.
        run_id: Run that this is part of.
        reread: Look at every page, not only at those edited since; finds pages that are gone.
        wait_seconds: How long to wait for another reading.
        tell: Told how it gets on.

    Returns:
        What was done. What could not be read to the end stands in `left`.

    Raises:
        LockHeld: Another reading is under way.
        OmicsError: The token is refused, or the database did.
    """
    from warehouse.lock import advisory_lock

    work_folder = settings.warehouse_dir / "dlt" / conn.info.dbname
    report = NotionReport()
    with (
        advisory_lock(conn, f"load:{SOURCE.name}", wait_seconds=wait_seconds),
        NotionApi(conn, access) as api,
    ):
        clear_leftovers(work_folder, SOURCE.name)
        states.sweep_unfinished(conn, SOURCE)
        try:
            for found in list(api.data_sources()):
                reading = _Reading(settings, conn, api, work_folder, report, run_id, tell)
                title = plain_text(found.get("title") or [])
                try:
                    reading.read(found, title, reread=reread)
                except CallFailed as failure:
                    # One table that is not shared any more keeps none of the others back.
                    report.left[title] = f"{failure.verdict.code}: {failure.verdict.message}"
        except Blocked as blocked:
            report.left["(all that follow)"] = str(blocked)
        except (Stopped, CallFailed) as problem:
            raise OmicsError(
                f"Notion cannot be read: {problem}",
                where=access.url,
                expected="a token of an integration that the databases are shared with",
                fix="check NOTION_TOKEN, and share the databases (Connections in their menu)",
            ) from None
    return report


class _Reading:
    """The reading of one data source."""

    def __init__(
        self,
        settings: Settings,
        conn: psycopg.Connection[Any],
        api: NotionApi,
        work_folder: Path,
        report: NotionReport,
        run_id: str,
        tell: Tell,
    ) -> None:
        self._settings = settings
        self._conn = conn
        self._api = api
        self._work_folder = work_folder
        self._report = report
        self._run_id = run_id
        self._tell = tell

    def read(self, found: Mapping[str, Any], title: str, *, reread: bool) -> None:
        source_id = str(found["id"])
        held = known_source(self._conn, source_id)
        # `properties` may be left out of a search; then they are asked for.
        if "properties" not in found:
            found = self._api.read("GET", f"data_sources/{source_id}")
        schema = json.dumps(found["properties"], sort_keys=True, ensure_ascii=False)
        until = held.edited_until if held else None
        began = self._now()
        self._report.data_sources.setdefault(title, 0)
        self._tell(f"{title}: looking for changes")
        batch: list[PageRow] = []
        latest = until
        looks = changed_pages(
            self._api,
            source_id,
            known_pages(self._conn, source_id),
            edited_since=None if reread else until,
            now=began,
        )
        for edited, row in looks:
            self._report.looked_at += 1
            latest = edited if latest is None else max(latest, edited)
            if row is not None:
                batch.append(row)
            if len(batch) >= PAGES_PER_LOAD:
                self._land(title, batch, began)
                batch = []
        if held is None or (held.title, held.properties) != (title, schema) or latest != until:
            # Last, with the last pages: a reading that broke off begins where it began before.
            reading = {
                "file_id": _version(source_id, began),
                "data_source_id": source_id,
                "database_id": str((found.get("parent") or {}).get("database_id", "")),
                "title": title,
                "properties": schema,
                "edited_until": latest,
                "read_at": began,
                "run_id": self._run_id,
            }
            self._land(title, batch, began, reading)
        elif batch:
            self._land(title, batch, began)

    def _land(
        self,
        title: str,
        pages: Sequence[PageRow],
        began: datetime,
        reading: Mapping[str, Any] | None = None,
    ) -> None:
        from warehouse.connection import database_url

        def rows() -> Iterator[tuple[str, Any]]:
            if pages:
                yield PAGES.name, _arrow(PAGES, [self._landing(page, began) for page in pages])
            if reading is not None:
                yield DATA_SOURCES.name, _arrow(DATA_SOURCES, [reading])

        landed = land(
            lambda target: write_shards(rows(), target),
            source=SOURCE,
            url=database_url(self._settings, database=self._conn.info.dbname),
            work_folder=self._work_folder,
        )
        self._report.load_ids.extend(landed.load_ids)
        self._report.data_sources[title] += len(pages)
        self._report.gone += sum(page.in_trash for page in pages)
        self._tell(f"{title}: {self._report.data_sources[title]:,} pages landed")

    def _landing(self, page: PageRow, began: datetime) -> dict[str, Any]:
        return {
            "file_id": page.version_id,
            **page.__dict__,
            "read_at": began,
            "run_id": self._run_id,
        }

    def _now(self) -> datetime:
        row = self._conn.execute("select clock_timestamp()").fetchone()
        if row is None:
            raise OmicsError("the server did not tell the time", where="select clock_timestamp()")
        moment: datetime = row[0]
        return moment


def _version(source_id: str, moment: datetime) -> int:
    import hashlib

    digest = hashlib.sha256(f"{source_id}\x1f{moment.isoformat()}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _arrow(table: LandingTable, rows: Sequence[Mapping[str, Any]]) -> Any:
    import pyarrow as pa

    schema = arrow_schema(table)
    return pa.Table.from_pylist(
        [{name: row.get(name) for name in schema.names} for row in rows], schema=schema
    )
