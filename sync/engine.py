"""Plan and apply for one target: what the marts want against what the ledger says was sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from sync import state
from warehouse.budget import Blocked
from warehouse.verdicts import CallFailed, Stopped

if TYPE_CHECKING:
    import psycopg

    from sync.options import Options
    from sync.state import Item, Target

#: Entities that may vanish in one run whatever their share is: in a small warehouse one is a lot.
FREE_DELETES = 3


class Sender(Protocol):
    """What knows one service. It records the outcome of every item it is given."""

    batch: int

    def prepare(self) -> None:
        """Makes sure that the place exists and fits, before the first write.

        Raises:
            Stopped: It does not, or may not be used.
        """
        ...

    def send(self, items: Sequence[Item]) -> None:
        """Creates or updates."""
        ...

    def delete(self, items: Sequence[Item]) -> None:
        """Removes."""
        ...

    def finish(self) -> str | None:
        """Called once after the last item; may return a remark for the run."""
        ...


@dataclass
class TargetReport:
    """What a run did to one target.

    Attributes:
        target_id: The target.
        status: done, partial (something is left for a retry, dead, or in conflict) or failed.
        planned: Numbers to create, update, delete, and of those that are the same.
        states: Number of items in each state afterwards.
        message: Why it is not done.
        seconds: How long it took.
    """

    target_id: str
    status: str = "done"
    planned: dict[str, int] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)
    message: str | None = None
    seconds: float = 0.0

    @property
    def sent(self) -> int:
        """How many things were to be done."""
        return sum(self.planned.get(word, 0) for word in ("create", "update", "delete"))


Progress = Callable[[str, int, int], None]


def silent(target: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def plan_target(
    conn: psycopg.Connection[Any],
    target_id: str,
    fill: Callable[[], None],
    *,
    create_only: bool = False,
) -> dict[str, int]:
    """Counts what an apply would do; changes nothing.

    Args:
        conn: A connection.
        target_id: The target.
        fill: Fills the table `wanted`.
        create_only: Whether what is out there is left as it is.
    """
    with state.wanted_table(conn):
        fill()
        return _compared(conn, target_id, create_only=create_only)


def _compared(
    conn: psycopg.Connection[Any], target_id: str, *, create_only: bool
) -> dict[str, int]:
    counted = state.compare(conn, target_id)
    if create_only:
        kept = counted["update"] + counted["delete"]
        counted |= {"update": 0, "delete": 0, "left to Notion": kept}
    return counted


def apply_target(
    conn: psycopg.Connection[Any],
    target: Target,
    sender: Sender,
    fill: Callable[[], None],
    *,
    worker: str,
    run_id: int,
    options: Options,
    progress: Progress = silent,
) -> TargetReport:
    """Makes a target what the marts want it to be.

    Args:
        conn: An autocommit connection that stays open: it holds the worker's lock.
        target: The target.
        sender: Knows its service.
        fill: Fills the table `wanted`.
        worker: Who works.
        run_id: The run in the ledger.
        options: Options.
        progress: Told how it gets on.

    Returns:
        What was done. Errors of the service end up there, not in an exception.
    """
    began = time.monotonic()
    report = TargetReport(target.target_id)
    state.release_dead_workers(conn, target.target_id)
    with state.wanted_table(conn):
        fill()
        only_new = options.create_only and target.service == "notion"
        report.planned = _compared(conn, target.target_id, create_only=only_new)
        refusal = None if options.allow_mass_delete or only_new else _guard(conn, target, options)
        if only_new:
            state.merge_new(conn, target.target_id)
        elif refusal is None:
            state.merge_wanted(conn, target.target_id)
    if refusal is not None:
        report.status, report.message = "failed", refusal
    else:
        try:
            _drain(conn, target, sender, worker, options, progress, report, only_new=only_new)
        except Stopped as stop:
            report.status, report.message = "failed", str(stop)
        except Blocked as blocked:
            report.status, report.message = "partial", str(blocked)
        except CallFailed as failure:
            report.status = "failed"
            report.message = f"{failure.verdict.code}: {failure.verdict.message}"
    report.states = state.counts(conn, target.target_id)
    if report.status == "done":
        concerned = state.counts(conn, target.target_id, only_new=only_new)
        left = {
            word: concerned[word]
            for word in ("pending", "retry", "ambiguous", "deleting", "dead", "conflict")
            if concerned.get(word)
        }
        # Someone else may still be at work on `inflight`.
        if set(left) - {"conflict"}:
            report.status = "partial"
            left_text = ", ".join(f"{number} {word}" for word, number in left.items())
            report.message = report.message or f"left: {left_text}"
    report.seconds = round(time.monotonic() - began, 3)
    return report


def _guard(conn: psycopg.Connection[Any], target: Target, options: Options) -> str | None:
    """Why nothing may be done: too much would vanish at once for it to be meant."""
    known, gone = state.vanishing(conn, target.target_id)
    if not gone:
        return None
    allowed = max(FREE_DELETES, int(options.max_delete_fraction * known))
    if gone < known and gone <= allowed:
        return None
    if gone == known == 1:
        return None
    return (
        f"{gone} of {known} {target.entity_type}s would be deleted, more than"
        f" {options.max_delete_fraction:.0%}: nothing was done. If that is meant,"
        " run it again with --allow-mass-delete"
    )


def _drain(
    conn: psycopg.Connection[Any],
    target: Target,
    sender: Sender,
    worker: str,
    options: Options,
    progress: Progress,
    report: TargetReport,
    *,
    only_new: bool,
) -> None:
    waited = 0.0
    done = 0
    is_prepared = False
    while True:
        deletes = False
        items = state.claim(conn, target.target_id, worker, limit=sender.batch, only_new=only_new)
        if not items and not only_new:
            deletes = True
            items = state.claim(
                conn, target.target_id, worker, limit=max(sender.batch, 1), deletes=True
            )
        if not items:
            due = state.next_due(conn, target.target_id, only_new=only_new)
            if due is None or waited + due > options.linger:
                break
            options.sleep(max(due, 0.01))
            waited += max(due, 0.01)
            continue
        try:
            if not is_prepared:
                sender.prepare()
                is_prepared = True
            if deletes:
                sender.delete(items)
            else:
                sender.send(items)
        except BaseException:
            _release(conn, target.target_id, worker)
            raise
        done += len(items)
        progress(target.target_id, done, report.sent)
    if is_prepared:
        report.message = sender.finish()


def _release(conn: psycopg.Connection[Any], target_id: str, worker: str) -> None:
    """Gives back what this worker still holds and did not send."""
    if not conn.closed:
        conn.execute(
            "update sync.items set"
            " state = case when want_hash is null and sent_hash is not null then 'deleting'"
            " when probes > 0 then 'ambiguous' else 'pending' end,"
            " worker = null, lease_until = null"
            " where target_id = %s and worker = %s and state = 'inflight'",
            (target_id, worker),
        )
