"""Pages: created once, found again after a lost answer, updated, trashed; bodies not touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sync import state
from sync.notion.schema import ensure_source
from sync.notion.tables import layout
from sync.notion.values import payload_hash
from warehouse.verdicts import CallFailed, Stopped, Verdict, backoff

if TYPE_CHECKING:
    import psycopg

    from sync.notion.publishing import Wanted
    from sync.options import Options
    from sync.state import Item, Target
    from warehouse.notion.api import NotionApi


class PageSender:
    """Sends the entities of one type."""

    # Claimed one by one: a crash leaves one page in doubt, and not a batch of them.
    batch = 1

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        api: NotionApi,
        target: Target,
        wanted: Wanted,
        options: Options,
        *,
        run_id: int,
    ) -> None:
        self._conn = conn
        self._api = api
        self._target = target
        self._wanted = wanted
        self._options = options
        self._run_id = run_id

    @property
    def source(self) -> str:
        """The data source."""
        return str(self._target.container)

    def prepare(self) -> None:
        """Makes sure that the data source is there and is as it was.

        Raises:
            Stopped: It is not.
        """
        self._target = ensure_source(
            self._conn, self._api, self._target, str(self._options.notion_parent)
        )

    def finish(self) -> str | None:
        """Nothing is left to do."""
        return None

    def send(self, items: Sequence[Item]) -> None:
        """Creates or updates one page for each item."""
        for item in items:
            self._send_one(item)

    def _send_one(self, item: Item) -> None:
        in_doubt = item.remote_id is None and item.before in ("ambiguous", "inflight")
        properties = self._wanted.payload(item.entity_id) if item.want_hash else None
        if properties is None and not in_doubt:
            if item.want_hash is None and item.remote_id is not None:
                self._record(item, "deleting")
            else:
                # The marts changed under this run; the next plan sees it.
                self._record(item, "retry", wait=3600.0)
        elif in_doubt:
            self._look_again(item, properties)
        elif item.remote_id is not None and properties is not None:
            self._update(item, item.remote_id, properties)
        elif properties is not None:
            known = self._known_page(item)
            if known is not None:
                state.hand_over(self._conn, self._target.target_id, item, known)
                if self._options.create_only:
                    self._link(item, known)
                else:
                    self._update(item, known, properties)
            else:
                self._create(item, properties)

    def _known_page(self, item: Item) -> str | None:
        """The page that a sheet names for an entity, if it lies in this data source."""
        hinted = self._wanted.hint(item.entity_id)
        if hinted is None:
            return None
        try:
            page = self._api.request("GET", f"pages/{hinted}")
        except CallFailed as failure:
            if failure.verdict.kind in ("missing", "rejected"):
                return None
            raise
        parent = str((page.get("parent") or {}).get("data_source_id", ""))
        fits = parent.replace("-", "") == self.source.replace("-", "") and not page.get("in_trash")
        return str(page["id"]) if fits else None

    def _link(self, item: Item, page: str) -> None:
        """Writes down which page it is, and nothing on the page."""
        state.record_done(self._conn, self._target.target_id, [state.Done(item, "unknown", page)])

    # Create --------------------------------------------------------------------------------------

    def _create(self, item: Item, properties: Mapping[str, Any]) -> None:
        body = {
            "parent": {"type": "data_source_id", "data_source_id": self.source},
            "properties": properties,
        }
        try:
            page = self._api.request("POST", "pages", body)
        except CallFailed as failure:
            verdict = failure.verdict
            if verdict.kind == "lost":
                # It may be there. It is never posted again before that is known.
                self._record(item, "ambiguous", wait=self._options.probe_waits[0], verdict=verdict)
                self._note(item, "create", "ambiguous", verdict)
            elif verdict.kind == "missing":
                self._stop_if_unshared(verdict)
                self._dead(item, "create", verdict, properties)
            elif verdict.kind == "rejected":
                self._dead(item, "create", verdict, properties)
            else:
                self._retry(item, "create", verdict)
            return
        self._done(item, page, properties)

    def _look_again(self, item: Item, properties: Mapping[str, Any] | None) -> None:
        """Looks for the page whose answer was lost, by the id that it carries."""
        try:
            found = self._find(item.entity_id)
        except CallFailed as failure:
            if failure.verdict.kind == "missing":
                self._stop_if_unshared(failure.verdict)
            self._record(
                item, "ambiguous", wait=backoff(item.attempts), failed=True,
                verdict=failure.verdict,
            )  # fmt: skip
            return
        if found:
            kept = str(found[0]["id"])
            for other in found[1:]:
                self._trash_double(item, str(other["id"]))
            if properties is not None and not self._options.create_only:
                self._update(item, kept, properties)
            else:
                self._link(item, kept)
        elif item.probes < 1:
            # Queries lag behind: not found once is not yet not there.
            self._record(item, "ambiguous", wait=self._options.probe_waits[1], probed=True)
        elif properties is None:
            state.record_deleted(self._conn, self._target.target_id, [item], forget=True)
        else:
            self._create(item, properties)

    def _find(self, entity_id: str) -> list[dict[str, Any]]:
        """Pages that carry an id, the oldest first."""
        answer = self._api.request(
            "POST",
            f"data_sources/{self.source}/query",
            {
                "filter": {"property": layout().key, "rich_text": {"equals": entity_id}},
                "sorts": [{"timestamp": "created_time", "direction": "ascending"}],
                "page_size": 100,
            },
        )
        return sorted(answer["results"], key=lambda page: (page["created_time"], page["id"]))

    def _trash_double(self, item: Item, page: str) -> None:
        self._api.request("PATCH", f"pages/{page}", {"in_trash": True})
        verdict = Verdict("lost", "duplicate", f"the page {page} was one too many")
        self._note(item, "create", "trashed", verdict)

    # Update --------------------------------------------------------------------------------------

    def _update(self, item: Item, page_id: str, properties: Mapping[str, Any]) -> None:
        body: dict[str, Any] = {"properties": properties}
        if item.sent_hash is None and item.remote_id is not None:
            # Trashed by sync when its row had left the marts; the row is back.
            body["in_trash"] = False
        try:
            page = self._api.request("PATCH", f"pages/{page_id}", body)
        except CallFailed as failure:
            self._update_failed(item, page_id, properties, failure.verdict)
            return
        if page.get("in_trash"):
            self._conflict(item)
        else:
            self._done(item, page, properties)

    def _update_failed(
        self, item: Item, page_id: str, properties: Mapping[str, Any], verdict: Verdict
    ) -> None:
        if verdict.kind == "missing":
            self._stop_if_unshared(verdict)
            # Gone for good. Should it carry on elsewhere in the database, it is found by its id.
            self._note(item, "update", "unlinked", verdict)
            self._record(item, "ambiguous", probed=True, unlink=True, verdict=verdict)
        elif verdict.kind == "rejected":
            if self._is_trashed(page_id):
                self._conflict(item)
            else:
                self._dead(item, "update", verdict, properties)
        else:
            # The same values again do no harm.
            self._retry(item, "update", verdict)

    def _conflict(self, item: Item) -> None:
        """People put the page into the trash: it stays there."""
        message = "people put the page into the trash; it is not brought back"
        verdict = Verdict("rejected", "in_trash", message)
        self._record(item, "conflict", verdict=verdict)
        self._note(item, "update", "conflict", verdict)

    def _is_trashed(self, page_id: str) -> bool:
        try:
            return bool(self._api.request("GET", f"pages/{page_id}").get("in_trash"))
        except CallFailed:
            return False

    # Delete --------------------------------------------------------------------------------------

    def delete(self, items: Sequence[Item]) -> None:
        """Puts pages into the trash, from which people can take them back for 30 days."""
        for item in items:
            if item.remote_id is not None:
                try:
                    self._api.request("PATCH", f"pages/{item.remote_id}", {"in_trash": True})
                except CallFailed as failure:
                    verdict = failure.verdict
                    gone = verdict.kind == "missing" or (
                        verdict.kind == "rejected" and self._is_trashed(item.remote_id)
                    )
                    if not gone:
                        self._record(
                            item, "deleting", wait=backoff(item.attempts), failed=True,
                            verdict=verdict,
                        )  # fmt: skip
                        continue
            state.record_deleted(self._conn, self._target.target_id, [item], forget=False)

    # Outcomes ------------------------------------------------------------------------------------

    def _done(self, item: Item, page: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
        state.record_done(
            self._conn,
            self._target.target_id,
            [
                state.Done(
                    item,
                    payload_hash(properties),
                    str(page["id"]),
                    remote_edited_at=page.get("last_edited_time"),
                    sent=properties,
                )
            ],
        )

    def _stop_if_unshared(self, verdict: Verdict) -> None:
        """Tells a page that is gone from a database that is no longer shared.

        Raises:
            Stopped: The data source is not to be seen either.
        """
        try:
            self._api.request("GET", f"data_sources/{self.source}")
        except CallFailed as failure:
            raise Stopped(
                "Notion no longer shows the database: share it with the integration again"
                f" ({failure.verdict.code})"
            ) from None

    def _dead(
        self, item: Item, operation: str, verdict: Verdict, properties: Mapping[str, Any]
    ) -> None:
        # What looks like a bad value may be a property that people renamed a moment ago.
        self.prepare()
        self._record(item, "dead", verdict=verdict)
        self._note(item, operation, "dead", verdict, properties)

    def _retry(self, item: Item, operation: str, verdict: Verdict) -> None:
        self._record(item, "retry", wait=backoff(item.attempts), failed=True, verdict=verdict)
        self._note(item, operation, "retry", verdict)

    def _record(
        self,
        item: Item,
        to: str,
        *,
        wait: float = 0.0,
        failed: bool = False,
        probed: bool = False,
        unlink: bool = False,
        verdict: Verdict | None = None,
    ) -> None:
        state.record_state(
            self._conn,
            self._target.target_id,
            [item],
            to,
            wait=wait,
            failed=failed,
            probed=probed,
            unlink=unlink,
            code=verdict.code if verdict else None,
            message=verdict.message if verdict else None,
            request_id=verdict.request_id if verdict else None,
        )

    def _note(
        self,
        item: Item,
        operation: str,
        outcome: str,
        verdict: Verdict,
        payload: Mapping[str, Any] | None = None,
    ) -> None:
        state.record_attempt(
            self._conn,
            self._run_id,
            self._target.target_id,
            item.key,
            operation,
            outcome,
            code=verdict.code,
            message=verdict.message,
            request_id=verdict.request_id,
            payload=payload,
        )
