"""The Pinecone stand-in refuses what Pinecone refuses, seen through the real client."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.standins.pinecone import PineconeStandIn
from tests.standins.server import Answer, Fault

_ADDRESSES = (f"127.0.2.{number}" for number in itertools.count(1))


@pytest.fixture
def pinecone() -> Iterator[PineconeStandIn]:
    with PineconeStandIn(address=next(_ADDRESSES)) as server:
        server.create("small", 3)
        yield server


@pytest.fixture
def index(pinecone: PineconeStandIn) -> Iterator[Any]:
    from pinecone import Pinecone

    with Pinecone(api_key=pinecone.api_key, host=pinecone.url) as client:
        opened = client.index("small")
        yield opened
        opened.close()


def _vector(key: str, values: list[float] | None = None, **metadata: Any) -> dict[str, Any]:
    return {"id": key, "values": values or [1.0, 0.0, 0.0], "metadata": metadata}


def _refused(call: Any, **options: Any) -> tuple[int, str]:
    from pinecone.errors.exceptions import ApiError

    with pytest.raises(ApiError) as caught:
        call(**options)
    return int(caught.value.status_code), str(caught.value)


def test_an_index_is_made_and_described(pinecone: PineconeStandIn) -> None:
    from pinecone import Pinecone, ServerlessSpec

    with Pinecone(api_key=pinecone.api_key, host=pinecone.url) as client:
        spec = ServerlessSpec(cloud="aws", region="us-east-1")
        client.indexes.create(name="made", dimension=5, metric="cosine", spec=spec)
        assert client.indexes.describe("made").schema.fields["_values"].dimension == 5
        opened = client.index("made")
        opened.upsert(vectors=[_vector("a", [1.0] * 5)], namespace="n")
        opened.close()
    assert pinecone.ids("made") == {"n": {"a"}}


def test_a_wrong_key_is_refused_in_plain_text(pinecone: PineconeStandIn) -> None:
    from pinecone import Pinecone
    from pinecone.errors.exceptions import UnauthorizedError

    with Pinecone(api_key="other", host=pinecone.url) as client, pytest.raises(UnauthorizedError):
        client.indexes.describe("small")
    answer = httpx.get(f"{pinecone.url}/indexes", headers={"Api-Key": "other"})
    assert answer.text == "Unauthorized"


def test_both_error_bodies(pinecone: PineconeStandIn) -> None:
    headers = {"Api-Key": pinecone.api_key, "X-Pinecone-Api-Version": "2026-07"}
    control = httpx.get(f"{pinecone.url}/indexes/none", headers=headers)
    assert control.json()["error"]["code"] == "NOT_FOUND"
    data = httpx.post(f"{pinecone.host('small')}/query", headers=headers, json={"topK": 0})
    assert data.json()["code"] == 3


@pytest.mark.parametrize(
    ("vectors", "says"),
    [
        ([_vector("a", [0.0, 0.0, 1e-9])], "non-zero"),
        ([_vector("a", [math.nan, 0.0, 1.0])], "null"),
        ([_vector("a", [1.0, 2.0])], "dimension"),
        ([_vector("x" * 513)], "512"),
        ([_vector("a"), _vector("a")], "Duplicate"),
        ([_vector(str(number)) for number in range(1001)], "1000"),
        ([_vector("a", text="x" * 41_000)], "Metadata size"),
        ([{"id": "a", "values": [1.0, 0, 0], "metadata": {"$a": "b"}}], "$"),
    ],
)
def test_vectors_that_are_refused(
    pinecone: PineconeStandIn, index: Any, vectors: list[Any], says: str
) -> None:
    status, message = _refused(index.upsert, vectors=vectors, namespace="n")
    assert status == 400
    assert says in message
    assert not pinecone.ids("small")


def test_more_than_two_megabytes_are_refused(pinecone: PineconeStandIn, index: Any) -> None:
    many = [_vector(str(number), text="x" * 30_000) for number in range(80)]
    assert _refused(index.upsert, vectors=many, namespace="n")[0] == 413
    assert not pinecone.ids("small")


def test_upsert_replaces_and_update_merges(index: Any) -> None:
    index.upsert(vectors=[_vector("a", n=1, gone="x", none="y")], namespace="n")
    index.update(id="a", set_metadata={"n": 2}, namespace="n")
    held = index.fetch(ids=["a"], namespace="n").vectors["a"].metadata
    assert held == {"n": 2.0, "gone": "x", "none": "y"}
    index.upsert(vectors=[_vector("a", n=3)], namespace="n")
    assert index.fetch(ids=["a"], namespace="n").vectors["a"].metadata == {"n": 3.0}


def test_scores_are_cosines_and_filters_hold(index: Any) -> None:
    index.upsert(
        vectors=[
            _vector("same", [2.0, 0.0, 0.0], kind="x"),
            _vector("near", [1.0, 1.0, 0.0], kind="y"),
            _vector("far", [0.0, 0.0, 1.0], kind="y"),
        ],
        namespace="n",
    )
    found = index.query(top_k=3, vector=[1.0, 0.0, 0.0], namespace="n").matches
    assert [match.id for match in found] == ["same", "near", "far"]
    assert found[1].score == pytest.approx(math.sqrt(0.5))
    kept = index.query(
        top_k=3, vector=[1.0, 0.0, 0.0], namespace="n", filter={"kind": {"$in": ["y"]}}
    ).matches
    assert [match.id for match in kept] == ["near", "far"]
    assert not index.query(top_k=3, vector=[1.0, 0.0, 0.0], namespace="unknown").matches


def test_queries_and_counts_lag_behind_writes(pinecone: PineconeStandIn, index: Any) -> None:
    now = [100.0]
    pinecone.clock = lambda: now[0]
    pinecone.index_lag = 10
    written = index.upsert(vectors=[_vector("a")], namespace="n").response_info.lsn_committed
    early = index.query(top_k=1, vector=[1.0, 0.0, 0.0], namespace="n")
    assert not early.matches
    assert not early.response_info.is_reconciled(written)
    now[0] += 10
    late = index.query(top_k=1, vector=[1.0, 0.0, 0.0], namespace="n")
    assert late.response_info.is_reconciled(written)
    assert index.describe_index_stats().namespaces["n"].vector_count == 1


def test_lists_go_in_byte_order_by_pages(index: Any) -> None:
    keys = [f"d#{number}" for number in range(150)] + ["D#0", "other"]
    index.upsert(vectors=[_vector(key) for key in keys], namespace="n")
    listed = [entry.id for page in index.list(prefix="d#", namespace="n") for entry in page.vectors]
    assert listed == sorted(key for key in keys if key.startswith("d#"))


def test_deletes(pinecone: PineconeStandIn, index: Any) -> None:
    index.upsert(vectors=[_vector("a"), _vector("b")], namespace="n")
    index.delete(ids=["a", "absent"], namespace="n")
    assert pinecone.ids("small") == {"n": {"b"}}
    assert _refused(index.delete, ids=[str(n) for n in range(1001)], namespace="n")[0] == 400
    index.delete(delete_all=True, namespace="n")
    assert not pinecone.ids("small")


def test_documents_are_another_family(index: Any) -> None:
    document = {"_id": "a", "text": "x"}
    assert _refused(index.documents.upsert, namespace="n", documents=[document])[0] == 400


def test_hosted_embeddings(pinecone: PineconeStandIn) -> None:
    from pinecone import Pinecone

    with Pinecone(api_key=pinecone.api_key, host=pinecone.url) as client:
        made = client.inference.embed(
            model="llama-text-embed-v2",
            inputs=["one", "two"],
            parameters={"input_type": "passage", "dimension": 512},
        )
        assert [len(entry.values) for entry in made.data] == [512, 512]
        assert (
            _refused(
                client.inference.embed,
                model="llama-text-embed-v2",
                inputs=["x"] * 97,
                parameters={"input_type": "passage"},
            )[0]
            == 400
        )


def test_the_client_retries_a_refused_write_by_itself(
    pinecone: PineconeStandIn, index: Any
) -> None:
    pinecone.faults.append(Fault("POST", "upsert", answer=Answer(503, "busy")))
    index.upsert(vectors=[_vector("a")], namespace="n")
    assert pinecone.count("POST", "upsert") == 2
