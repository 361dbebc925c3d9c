"""Whatever happens, it ends with exactly one remote object for each thing, and an empty plan."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync import publish, state
from sync.options import Options
from tests.standins.notion import NotionStandIn
from tests.standins.pinecone import PineconeStandIn
from tests.standins.server import Answer, Fault
from tests.sync.marts import drop, drop_document, id_of, link, make_marts, put, put_document

Conn = psycopg.Connection[Any]
DATASETS = "Experimental Data Assets"
_ADDRESSES = (f"127.1.{third}.{fourth}" for third in range(250) for fourth in range(1, 250))

entities = st.sampled_from([f"e{number}" for number in range(6)])
chunks = st.sampled_from(["overview", "features", "quality"])
texts = st.sampled_from(["one", "two", "three", "four"])
troubles = st.sampled_from(["none", "drop after", "drop before", "503", "crash", "lag"])

changes = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "drop", "rename", "link"]), entities, chunks, texts
    ),
    min_size=1,
    max_size=6,
)
histories = st.lists(st.tuples(changes, troubles, st.integers(0, 4)), min_size=2, max_size=5)
some_histories = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Crash(BaseException):
    """The process ends here, as far as the ledger can tell."""


@contextmanager
def crashing(after: int) -> Iterator[None]:
    """Dies before the outcome of a call is written down, and cleans up nothing."""
    record, calls = state.record_done, itertools.count()

    def dying(*arguments: Any) -> None:
        if next(calls) == after:
            raise Crash
        record(*arguments)

    with (
        mock.patch("sync.state.record_done", dying),
        mock.patch("sync.engine._release", return_value=None),
    ):
        yield


def _fresh(conn: Conn) -> None:
    conn.execute("drop schema if exists sync cascade")
    conn.execute("drop schema if exists marts cascade")
    make_marts(conn)


def _round(
    conn: Conn, server: Any, options: Options, service: str, trouble: str, number: int
) -> None:
    server.faults.clear()
    if trouble in ("drop after", "drop before"):
        server.faults.append(Fault(path="pages|vectors", skip=number, drop=trouble.split()[1]))
    elif trouble == "503":
        server.faults.append(Fault(path="pages|vectors", skip=number, answer=Answer(503, "busy")))
    lag = 0.3 if trouble == "lag" else 0.0
    server.query_lag = server.index_lag = lag
    try:
        if trouble == "crash":
            with crashing(number % 3):
                publish.apply(conn, options, services=[service])
        else:
            publish.apply(conn, options, services=[service])
    except Crash:
        pass
    finally:
        server.faults.clear()


def _settle(conn: Conn, server: Any, options: Options, service: str) -> None:
    """Lets the trouble pass, reconciles as a schedule does, and applies what is left."""
    server.query_lag = server.index_lag = 0.0
    calm = replace(options, allow_mass_delete=True)
    for _ in range(3):
        conn.execute("update sync.items set next_attempt_at = now() where state <> 'inflight'")
        publish.apply(conn, calm, services=[service])
    publish.reconcile(conn, calm, services=[service])
    for target in publish.plan(conn, calm, services=[service]).targets:
        assert target.sent == 0, target
    server.forget_calls()
    assert publish.apply(conn, calm, services=[service]).status == "done"
    assert server.count() == 0


@some_histories
@given(history=histories)
def test_vectors(conn: Conn, pinecone_options: Options, history: Any) -> None:
    _fresh(conn)
    wanted: dict[tuple[str, str], str] = {}
    with PineconeStandIn(address=next(_ADDRESSES)) as server:
        options = replace(
            pinecone_options, pinecone_host=server.url, linger=2.0, verify_seconds=0.5
        )
        for steps, trouble, number in history:
            for kind, entity, chunk, text in steps:
                if kind == "drop":
                    drop_document(conn, entity)
                    wanted = {key: value for key, value in wanted.items() if key[0] != entity}
                else:
                    put_document(conn, entity, chunk, text, title=f"{kind} {entity}")
                    wanted[entity, chunk] = text
            _round(conn, server, options, "pinecone", trouble, number)
        _settle(conn, server, options, "pinecone")
        spaces = server.indexes["amprenta-rag"].namespaces if server.indexes else {}
        held = {
            key: vector.metadata["snippet"]
            for space in spaces.values()
            for key, vector in space.vectors.items()
            if vector.metadata
        }
        assert held == {f"dataset#{id_of(e)}#{c}": text for (e, c), text in wanted.items()}


@some_histories
@given(history=histories)
def test_pages(conn: Conn, notion_options: Options, history: Any) -> None:
    _fresh(conn)
    wanted: dict[str, tuple[str, str]] = {}
    linked: set[str] = set()
    with NotionStandIn() as server:
        options = replace(
            notion_options,
            notion_url=server.url,
            notion_parent=server.add_page(),
            notion_per_second=1000.0,
            linger=2.0,
        )
        put(conn, "programs", "p")
        for steps, trouble, number in history:
            for kind, entity, _, text in steps:
                if kind == "drop":
                    drop(conn, "datasets", entity)
                    wanted.pop(entity, None)
                    linked.discard(entity)
                elif kind == "link" and entity in wanted:
                    linked ^= {entity}
                else:
                    name = f"{entity} renamed" if kind == "rename" else entity
                    conn.execute(
                        "insert into marts.datasets (dataset_id, name, summary) values (%s, %s, %s)"
                        " on conflict (dataset_id) do update set name = excluded.name,"
                        " summary = excluded.summary",
                        (id_of(entity), name, text),
                    )
                    wanted[entity] = (name, text)
            link(conn, "program_datasets", [("p", entity) for entity in sorted(linked)])
            _round(conn, server, options, "notion", trouble, number)
        _settle(conn, server, options, "notion")
        titles = {source.title for source in server.data_sources.values()}
        rows = server.rows(DATASETS) if DATASETS in titles else []
        held = sorted(
            (
                server.text(page, "PG ID"),
                server.text(page, "Experiment Name"),
                server.text(page, "Summary"),
                bool(server.related(page, "Related Programs")),
            )
            for page in rows
        )
        assert held == sorted(
            (id_of(entity), name, text, entity in linked) for entity, (name, text) in wanted.items()
        )
        assert len(titles) == len(server.data_sources)


def test_a_crash_of_the_test_is_a_crash(conn: Conn) -> None:
    with crashing(0), pytest.raises(Crash):
        state.record_done(conn, "t", [])
