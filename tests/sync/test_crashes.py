"""Processes that are really killed, and processes that work at the same time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from sync import publish, state
from sync.options import Options
from tests.standins.notion import NotionStandIn
from tests.standins.pinecone import PineconeStandIn
from tests.standins.server import Fault
from tests.sync.marts import drop_document, id_of, put, put_document
from tests.sync.processes import killed, start_worker, wait_until
from warehouse.settings import Settings

Conn = psycopg.Connection[Any]
DATASETS = "Experimental Data Assets"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_between_the_write_and_the_ledger_makes_no_second_page(
    marts: Conn,
    settings: Settings,
    notion: NotionStandIn,
    notion_options: Options,
    moment: str,
) -> None:
    for number in range(8):
        put(marts, "datasets", f"d{number}")
    # The answer to the fourth create is held back, and the process dies while it waits for it.
    notion.faults.append(
        Fault("POST", "^/v1/pages$", skip=3, delay=30.0)
        if moment == "after"
        else Fault("POST", "^/v1/pages$", skip=3, drop="before", delay=30.0)
    )
    process = start_worker(settings, "notion", replace(notion_options, timeout=60.0))
    with killed(process, marts):
        wait_until(lambda: notion.count("POST", "^/v1/pages$") >= 4, process)
    # No lease has to run out: the lock of the worker is gone with it.
    report = publish.apply(marts, notion_options, services=["notion"])
    assert report.status == "done"
    names = sorted(notion.text(page, "Experiment Name") for page in notion.rows(DATASETS))
    assert names == [f"d{number}" for number in range(8)]
    crashed = marts.execute("select count(*) from sync.runs where status = 'crashed'").fetchone()
    assert crashed == (1,)
    # What was done is not done again: 8 creates, and one more where the fourth never arrived.
    assert notion.count("POST", "^/v1/pages$") == (8 if moment == "after" else 9)


def test_a_kill_in_the_middle_of_a_batch_of_vectors(
    marts: Conn, settings: Settings, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    for number in range(30):
        put_document(marts, f"d{number}", text=f"text {number}")
    pinecone.faults.append(Fault("POST", "upsert", delay=30.0))
    process = start_worker(settings, "pinecone", replace(pinecone_options, timeout=60.0))
    with killed(process, marts):
        wait_until(lambda: pinecone.count("POST", "upsert") >= 1, process)
    # One of them leaves before the next run: it was sent, and nobody knows.
    drop_document(marts, "d7")
    report = publish.apply(marts, pinecone_options, services=["pinecone"])
    assert report.status == "done"
    expected = {f"dataset#{id_of(f'd{n}')}#overview" for n in range(30) if n != 7}
    assert pinecone.ids("amprenta-rag") == {"dataset.hash-v1-512": expected}


def test_a_run_that_died_between_two_items_is_marked(
    marts: Conn, settings: Settings, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "datasets", "d")
    # It dies while it asks for the database: nothing is claimed for good, and its run is not over.
    notion.faults.append(Fault("POST", "search", delay=30.0))
    process = start_worker(settings, "notion", replace(notion_options, timeout=60.0))
    with killed(process, marts):
        wait_until(lambda: notion.count("POST", "search") >= 1, process)
    marts.execute("update sync.items set state = 'pending', worker = null, lease_until = null")
    assert publish.apply(marts, notion_options, services=["notion"]).status == "done"
    states = [row[0] for row in marts.execute("select status from sync.runs order by run_id")]
    assert states == ["crashed", "done"]


def test_two_processes_share_the_work(
    marts: Conn, settings: Settings, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "datasets", "first")
    publish.apply(marts, notion_options, services=["notion"])
    for number in range(80):
        put(marts, "datasets", f"d{number}")
    options = replace(notion_options, notion_per_second=80.0)
    workers = [start_worker(settings, "notion", options) for _ in range(2)]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    keys = [notion.text(page, "PG ID") for page in notion.rows(DATASETS)]
    assert len(keys) == len(set(keys)) == 81
    assert notion.count("POST", "^/v1/pages$") == 81
    shared = marts.execute(
        "select count(*) from sync.runs where mode = 'apply' and status = 'done'"
    ).fetchone()
    assert shared is not None
    assert shared[0] >= 3


def test_workers_together_keep_the_pace(
    marts: Conn, settings: Settings, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "datasets", "first")
    publish.apply(marts, notion_options, services=["notion"])
    for number in range(60):
        put(marts, "datasets", f"d{number}")
    # 20 calls a second are allowed; two workers of 15 each would be too many.
    notion.budget = (20, 1.0)
    options = replace(notion_options, notion_per_second=15.0)
    workers = [start_worker(settings, "notion", options) for _ in range(2)]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    assert notion.refused_for_rate == 0
    assert len(notion.rows(DATASETS)) == 61


def test_a_worker_that_hangs_loses_its_items_when_the_lease_ends(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "datasets", "d")
    state.ensure(marts)
    with connection_of(marts) as other, state.working(other) as worker:
        target = state.ensure_target(other, state.Target("notion:dataset", "notion", "dataset"))
        with state.wanted_table(other):
            state.fill_wanted(other, [(id_of("d"), "", "h")])
            state.merge_wanted(other, target.target_id)
        assert len(state.claim(other, target.target_id, worker, limit=5)) == 1
        # It lives, so nobody takes it away.
        report = publish.apply(marts, notion_options, services=["notion"])
        assert notion.count("POST", "^/v1/pages$") == 0
        assert report.targets[0].states == {"inflight": 1}
        marts.execute("update sync.items set lease_until = now() - interval '1 second'")
        publish.apply(marts, notion_options, services=["notion"])
    assert len(notion.rows(DATASETS)) == 1


def connection_of(conn: Conn) -> Conn:
    """Another session on the same database."""
    return psycopg.connect(
        host=conn.info.host, user=conn.info.user, dbname=conn.info.dbname, port=conn.info.port,
        password=conn.info.password or None, autocommit=True,
    )  # fmt: skip
