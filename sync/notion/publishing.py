"""Entities to pages: what each type's pages should say, and the runs that make them say it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sync import engine, reading, state
from sync.notion import asked
from sync.notion.sending import PageSender
from sync.notion.tables import Relation, layout
from sync.notion.values import MAX_RELATIONS, payload_hash, value_of
from warehouse.notion.api import NotionApi

if TYPE_CHECKING:
    import psycopg

    from sync.engine import Progress, TargetReport
    from sync.options import Options
    from sync.state import Target


def target_of(entity_type: str) -> state.Target:
    """The target for one type of entity."""
    return state.Target(f"notion:{entity_type}", "notion", entity_type)


class Wanted:
    """What the pages of one type should say.

    Relations name pages, so an entity's payload changes when a partner gets its page.
    """

    def __init__(self, conn: psycopg.Connection[Any], target: Target, options: Options) -> None:
        self._conn = conn
        self._target = target
        self._options = options
        self._table = layout().tables[target.entity_type]
        # Of tables with pages on request only.
        self._rows: dict[str, dict[str, Any]] = {}
        self._find: Callable[[Mapping[str, Any]], str | None] | None = None
        self._scores: dict[str, float] | None = None
        self._embedded: dict[str, datetime] | None = None
        self._links: list[tuple[str, dict[str, list[str]], dict[str, str]]] | None = None

    def fill(self) -> None:
        """Fills the table `wanted`."""
        self._links = None
        self._scores = None
        self._embedded = None
        # Whole before the copy begins: both use this connection.
        rows = [
            (str(row["entity_id"]), "", payload_hash(self._properties(row)))
            for row in self._entities()
            # Their page is where they come from: nothing is written on it.
            if not row.get("is_notion_only")
        ]
        state.fill_wanted(self._conn, rows)

    def payload(self, entity_id: str) -> dict[str, Any] | None:
        """The properties of one page; none where the entity is gone."""
        row = self._entity(entity_id)
        return None if row is None else self._properties(row)

    def hint(self, entity_id: str) -> str | None:
        """The page that the marts name for an entity: a sheet gave it, or people made it."""
        row = self._entity(entity_id)
        if row is None:
            return None
        if self._table.asked_by:
            return str(row.get("notion_page_id") or "") or self._page_of_people(row)
        return str(row["notion_page_id"]) if row.get("notion_page_id") else None

    def _entities(self) -> Iterable[Mapping[str, Any]]:
        if not self._table.asked_by:
            return reading.entities(self._conn, self._table.entity_type)
        self._rows = asked.rows_of(self._conn, self._table, self._target.target_id, self._options)
        return self._rows.values()

    def _entity(self, entity_id: str) -> Mapping[str, Any] | None:
        if self._table.asked_by:
            return self._rows.get(entity_id)
        return reading.entity(self._conn, self._table.entity_type, entity_id)

    def _page_of_people(self, row: Mapping[str, Any]) -> str | None:
        """A page that was read of Notion, carries no id of ours, and has the name of the entity."""
        if self._find is None:
            self._find = asked.pages_of_people(self._conn, self._table)
        return self._find(row)

    def _properties(self, row: Mapping[str, Any]) -> dict[str, Any]:
        entity_id = str(row["entity_id"])
        properties = {
            # Its id, whatever people call it.
            "title": value_of("title", row["name"]),
            layout().key: value_of("rich_text", entity_id),
        }
        for name, entry in self._table.properties.items():
            value = row.get(entry.column)
            if entry.column == "signature_match_score":
                value = self._match_scores().get(entity_id)
            elif entry.column == "last_embedded":
                value = self._embedding_times().get(entity_id)
                if value is None:
                    # Nobody knows, so what stands there is let be.
                    continue
            properties[name] = value_of(entry.kind, entry.words.get(str(value), value))
        for name, partners, pages in self._relations():
            if entity_id in partners or not name.startswith("~"):
                linked = [pages[key] for key in partners.get(entity_id, []) if key in pages]
                if len(linked) <= MAX_RELATIONS:
                    properties[name.removeprefix("~")] = value_of("relation", linked)
        return properties

    def _match_scores(self) -> dict[str, float]:
        if self._scores is None:
            self._scores = reading.best_match_scores(self._conn)
        return self._scores

    def _embedding_times(self) -> dict[str, datetime]:
        if self._embedded is None:
            self._embedded = state.embedded_at(self._conn, self._table.entity_type)
        return self._embedded

    def _relations(self) -> list[tuple[str, dict[str, list[str]], dict[str, str]]]:
        """Name, partners by entity, and pages of the partners, of every relation written here.

        A page may name 100 others in a call. Where one has more, its partners name it instead: a
        name with a tilde is written only on those, and on those that named it before, so that one
        that is a partner no longer takes its word back.
        """
        if self._links is None:
            self._links = []
            kind = self._table.entity_type
            placed = {
                other.entity_type
                for other in state.targets(self._conn, "notion")
                if other.container
            }
            for relation in layout().relations:
                if relation.side == kind and relation.to in placed:
                    partners = self._partners(relation)
                    pages = state.remote_ids(self._conn, "notion", relation.to)
                    self._links.append((relation.property, partners, pages))
                elif (
                    relation.mart
                    and relation.to == kind
                    and relation.mirror in (self._target.properties or {})
                ):
                    self._links.append(self._mirrored(relation))
        return self._links

    def _partners(self, relation: Relation) -> dict[str, list[str]]:
        if relation.column:
            column = relation.column
            return {key: [row[column]] for key, row in self._rows.items() if row[column]}
        return reading.pairs(self._conn, relation.mart, relation.side, relation.to)

    def _mirrored(self, relation: Relation) -> tuple[str, dict[str, list[str]], dict[str, str]]:
        from_hub = reading.pairs(self._conn, relation.mart, relation.side, relation.to)
        hubs = {key for key, partners in from_hub.items() if len(partners) > MAX_RELATIONS}
        named = {partner for hub in hubs for partner in from_hub[hub]}
        named |= state.sent_with(self._conn, self._target.target_id, relation.mirror)
        # What a hub wrote itself before it had so many: it writes no more, and cannot take it back.
        written = state.sent_pages(
            self._conn, target_of(relation.side).target_id, relation.property, hubs
        )
        if written:
            own = state.remote_ids(self._conn, "notion", relation.to)
            named |= {key for key, page in own.items() if page in written}
        back = reading.pairs(self._conn, relation.mart, relation.to, relation.side) if named else {}
        partners = {key: back.get(key, []) for key in named}
        pages = state.remote_ids(self._conn, "notion", relation.side) if named else {}
        return (f"~{relation.mirror}", partners, pages)


def published_types(conn: psycopg.Connection[Any], options: Options) -> list[str]:
    """Types of entities that get pages: their mart is built, or they have pages already."""
    known = {target.entity_type: target.container for target in state.targets(conn, "notion")}
    return [
        kind
        for kind, table in layout().tables.items()
        if (known.get(kind) if table.asked_by else kind in known)
        or (
            asked.is_asked(conn, table, options)
            if table.asked_by
            else reading.has_entities(conn, kind)
        )
    ]


def wanted_targets(conn: psycopg.Connection[Any], options: Options) -> Iterator[tuple[Target, Any]]:
    """Every target with what fills the table `wanted`."""
    known = {target.target_id: target for target in state.targets(conn, "notion")}
    for kind in published_types(conn, options):
        target = target_of(kind)
        target = known.get(target.target_id, target)
        yield target, Wanted(conn, target, options).fill


def apply_notion(
    conn: psycopg.Connection[Any], options: Options, worker: str, progress: Progress
) -> list[TargetReport]:
    """Makes the pages say what the marts say.

    Types go in an order in which partners have their pages first. Relations that must be written
    from the other side, and partners that came to be in this run, are seen in a second round,
    which calls nothing when there are none.
    """
    with NotionApi(conn, options.notion) as api:
        kinds = published_types(conn, options)
        reports = {kind: _apply_type(conn, api, kind, options, worker, progress) for kind in kinds}
        for kind in kinds:
            if reports[kind].status == "failed" or options.create_only:
                continue
            target = state.ensure_target(conn, target_of(kind))
            again = Wanted(conn, target, options)
            counted = engine.plan_target(conn, target.target_id, again.fill)
            if counted["create"] + counted["update"] + counted["delete"] and (
                reports[kind].status == "done"
            ):
                first = reports[kind].planned
                reports[kind] = _apply_type(conn, api, kind, options, worker, progress)
                reports[kind].planned = first
    return list(reports.values())


def _apply_type(
    conn: psycopg.Connection[Any],
    api: NotionApi,
    kind: str,
    options: Options,
    worker: str,
    progress: Progress,
) -> TargetReport:
    from sync.publish import run_of

    target = state.ensure_target(conn, target_of(kind))
    with run_of(conn, options, target.target_id, "apply", worker) as (run_id, report):
        wanted = Wanted(conn, target, options)
        sender = PageSender(conn, api, target, wanted, options, run_id=run_id)
        done = engine.apply_target(
            conn,
            target,
            sender,
            wanted.fill,
            worker=worker,
            run_id=run_id,
            options=options,
            progress=progress,
        )
        report.__dict__.update(done.__dict__)
    return report
