"""The embedders: what they send, what they give, and what they are good for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from sync import state
from sync.embedders import make_embedder, spec_of
from sync.embedders.cache import BadVectors, check, ensure_embedder, text_hash, vectors_of
from sync.embedders.hashed import embed_text
from sync.options import Options
from tests.standins.pinecone import PineconeStandIn
from tests.standins.server import Answer, Request, StandIn
from warehouse.errors import OmicsError


class OpenAIStandIn(StandIn):
    """Answers `POST /v1/embeddings` with made-up vectors, in another order than asked."""

    def answer(self, request: Request) -> Answer:
        """One vector for each input."""
        body = request.json()
        if request.headers.get("authorization") != "Bearer sk-test":
            return Answer(401, {"error": {"message": "Incorrect API key provided"}})
        data = [
            {"index": i, "embedding": [float(len(text))] * body["dimensions"]}
            for i, text in enumerate(body["input"])
        ]
        return Answer(200, {"data": data[::-1], "model": body["model"]})


def _cosine(left: str, right: str) -> float:
    pairs = zip(embed_text(left, 512), embed_text(right, 512), strict=True)
    return sum(a * b for a, b in pairs)


def test_the_built_in_one_is_lexical() -> None:
    text = "Ceramide Cer(d18:1/16:0) is increased in ALS mice"
    assert _cosine(text, text) == pytest.approx(1.0, abs=1e-5)
    near = _cosine(text, "ceramides in amyotrophic lateral sclerosis (ALS)")
    far = _cosine(text, "kinase inhibitor screen")
    assert near > 0.2 > far
    # Spelling is near, meaning is not known.
    assert _cosine("ceramide", "ceramides") > 0.3 > _cosine("ceramide", "sphingolipid")


def test_the_same_text_has_the_same_vector_in_every_process() -> None:
    vector = embed_text("PC 34:1", 512)
    assert [place for place, value in enumerate(vector) if abs(value) > 0.3] == [30, 220, 223, 436]
    assert embed_text("", 512) == [0.0] * 512


def test_openai_gets_one_call_and_keeps_the_order() -> None:
    with OpenAIStandIn() as server:
        options = Options(
            embedder="openai:text-embedding-3-small:256",
            openai_key="sk-test",
            openai_url=server.url,
        )
        vectors = make_embedder(options).embed(["a", "bb", "ccc"])
        assert [vector[0] for vector in vectors] == [1.0, 2.0, 3.0]
        assert {len(vector) for vector in vectors} == {256}
        (call,) = server.calls
        assert call.json()["model"] == "text-embedding-3-small"


def test_pinecone_hosts_one_and_tells_queries_from_passages(pinecone: PineconeStandIn) -> None:
    options = Options(
        embedder="pinecone:llama-text-embed-v2:384",
        pinecone_key=pinecone.api_key,
        pinecone_host=pinecone.url,
    )
    embedder = make_embedder(options)
    assert [len(vector) for vector in embedder.embed(["a", "b"])] == [384, 384]
    embedder.embed(["a"], for_query=True)
    kinds = [call.json()["parameters"]["input_type"] for call in pinecone.calls]
    assert kinds == ["passage", "query"]


@pytest.mark.parametrize("name", ["hash-v1:7", "word2vec:300", "openai:text-embedding-3-small"])
def test_an_unknown_embedder_is_refused(name: str) -> None:
    with pytest.raises(OmicsError, match="no embedder"):
        spec_of(name)


def test_a_missing_key_is_named() -> None:
    options = Options(embedder="openai:text-embedding-3-small:1536")
    with pytest.raises(OmicsError) as caught:
        make_embedder(options)
    assert caught.value.where == "OPENAI_API_KEY"


def test_a_text_is_embedded_once(conn: psycopg.Connection[Any]) -> None:
    state.ensure(conn)
    embedder = make_embedder(Options())
    calls: list[int] = []

    class Counting:
        batch, spec = embedder.batch, embedder.spec

        def embed(self, texts: Any, *, for_query: bool = False) -> Any:
            calls.append(len(texts))
            return embedder.embed(texts)

    ensure_embedder(conn, embedder.spec)
    texts = {text_hash(text): text for text in ("a b", "c d")}
    first = vectors_of(conn, Counting(), texts)
    assert vectors_of(conn, Counting(), {**texts, text_hash("e"): "e"}).items() >= first.items()
    assert calls == [2, 1]


@pytest.mark.parametrize(
    ("vectors", "says"),
    [
        ([[1.0, 2.0]], "instead of 3"),
        ([], "0 vectors"),
        ([[1.0, float("inf"), 0.0]], "finite"),
        ([[1.0, float("nan"), 0.0]], "finite"),
    ],
)
def test_what_is_no_vector_is_refused(vectors: Any, says: str) -> None:
    with pytest.raises(BadVectors, match=says):
        check(vectors, expected=1, dimension=3)


def test_options_do_not_show_their_keys() -> None:
    assert "secret" not in repr(replace(Options(), notion_token="secret", openai_key="secret"))
