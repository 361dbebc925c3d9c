"""The index of search: kept by what changed, right after any history, and used by the planner."""

from __future__ import annotations

import random
from typing import Any

import psycopg

from benchmarks.bench_search import make_documents, make_questions
from sync.embedders import make_embedder
from sync.options import Options
from sync.searching import answering, fulltext, indexing, nearness, words
from sync.searching.filters import Conditions
from sync.searching.query import parse
from tests.sync.marts import drop, drop_document, put, put_document

Conn = psycopg.Connection[Any]


def _counts(conn: Conn) -> tuple[dict[str, int], dict[str, int]]:
    """Documents by word: as they are kept, and as the documents say."""
    kept = conn.execute("select word, documents from sync.search_words where documents > 0")
    said = conn.execute("select word, ndoc from ts_stat('select terms from sync.search_documents')")
    return dict(kept.fetchall()), dict(said.fetchall())


def test_counts_and_documents_stay_right_through_any_history(marts: Conn) -> None:
    draw = random.Random(7)  # noqa: S311 - made-up text
    vocabulary = ["lipid", "PC 34:1", "statins", "liver", "IL-6", "0.635", "β-actin", "HMG-CoA"]
    for step in range(12):
        for _ in range(4):
            name = f"d{draw.randrange(5)}"
            if draw.random() < 0.3:
                drop_document(marts, name)
                drop(marts, "datasets", name)
            else:
                put(marts, "datasets", name, omics_type="lipidomics")
                put_document(marts, name, text=" ".join(draw.choices(vocabulary, k=6)))
        marts.execute("select pg_stat_force_next_flush()")
        indexing.update(marts)
        kept, said = _counts(marts)
        assert kept == said, f"after step {step}"
        (same,) = marts.execute(
            "select not exists (select entity_id, chunk, content_hash from marts.documents"
            " except select entity_id, chunk, content_hash from sync.search_documents)"
        ).fetchone() or (False,)
        assert same
        (names,) = marts.execute(
            "select array_agg(distinct name order by name) from sync.search_names"
        ).fetchone() or ([],)
        (real,) = marts.execute(
            "select array_agg(name order by name) from marts.datasets"
        ).fetchone() or ([],)
        assert names == real
    assert "0" not in kept
    assert {"34n1", "betaactin", "actin"} & set(kept) == {"34n1", "actin"}


def test_nothing_changed_is_nothing_done(marts: Conn) -> None:
    put(marts, "datasets", "ab")
    put_document(marts, "ab")
    marts.execute("select pg_stat_force_next_flush()")
    assert indexing.update(marts) == indexing.Indexed(documents=1, entities=1)
    assert not indexing.is_behind(marts)
    assert indexing.update(marts) == indexing.Indexed()


def test_a_renamed_entity_is_spelled_anew_and_no_other(marts: Conn) -> None:
    for name in ("before", "beside"):
        put(marts, "datasets", name)
    marts.execute("select pg_stat_force_next_flush()")
    indexing.update(marts)
    held = "select name_key, stem_key, xmin::text from sync.search_names order by 1"
    _, beside = marts.execute(held).fetchall()
    marts.execute("update marts.datasets set name = 'After-Storm 34:1' where name = 'before'")
    marts.execute("select pg_stat_force_next_flush()")
    assert indexing.update(marts) == indexing.Indexed(entities=1)
    renamed, still = marts.execute(held).fetchall()
    assert renamed[:2] == ("afterstorm34n1", "34n1 storm")
    assert still == beside


def test_a_search_leaves_large_changes_to_the_next_command(marts: Conn) -> None:
    for number in range(3):
        put_document(marts, f"d{number}")
    marts.execute("select pg_stat_force_next_flush()")
    assert indexing.update(marts, at_most=2).left
    assert indexing.update(marts).documents == 3


def _plan(conn: Conn, query: str, parameters: dict[str, Any]) -> str:
    rows = conn.execute(f"explain {query}".encode(), parameters).fetchall()
    return "\n".join(row[0] for row in rows)


def test_the_planner_uses_the_indexes(conn: Conn) -> None:
    vocabulary = make_documents(conn, 2_000)
    indexing.update(conn)
    embedder = make_embedder(Options())
    assert nearness.prepare(conn, embedder.spec) is None
    nearness.fill(conn, embedder)
    for table in ("search_documents", "search_names", "search_words", "search_vectors"):
        conn.execute(f"analyze sync.{table}".encode())
    size = indexing.size(conn)
    assert size == 2_000
    query = parse(f"{vocabulary[900]} {vocabulary[1200]}")
    read = words.read_words(conn, query.tokens, indexed=True)
    groups = fulltext.groups_of(read, {}, [], {})
    text_plan = _plan(conn, *fulltext.statement(groups, size, Conditions(), indexed=True))
    assert "search_documents_terms" in text_plan
    assert "Seq Scan" not in text_plan
    vector = nearness.literal(embedder.embed([query.text])[0])
    near_plan = _plan(
        conn,
        nearness.statement(conn, embedder.spec, Conditions()),
        {"vector": vector, "list": nearness.LIST},
    )
    assert "Index Scan using search_vectors_hash_v1_512" in near_plan
    name_plan = _plan(
        conn,
        "select * from sync.search_names where name_key = any(%(keys)s::text[])",
        {"keys": ["x"]},
    )
    assert "search_names_key" in name_plan
    for question in make_questions(vocabulary, 10):
        found = answering.answer(conn, question, Options(), seconds=10.0)
        assert not found.degraded
        assert found.hits
