"""Documents to Pinecone: what is out there afterwards, and what it cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from sync import publish, state, vectors
from sync.options import Options
from tests.standins.pinecone import PineconeStandIn
from tests.standins.server import Answer, Fault
from tests.sync.marts import drop_document, id_of, put_document
from warehouse.marks import relations_read

Conn = psycopg.Connection[Any]
SPACE = "dataset.hash-v1-512"


def _apply(conn: Conn, options: Options, **more: Any) -> Any:
    options = replace(options, **more)
    return publish.apply(conn, options, services=["pinecone"])


def _ids(pinecone: PineconeStandIn) -> set[str]:
    return pinecone.ids("amprenta-rag").get(SPACE, set())


def _id(entity: str, chunk: str = "overview") -> str:
    return f"dataset#{id_of(entity)}#{chunk}"


def test_documents_become_vectors_with_the_keys_of_the_vocabulary(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    put_document(
        marts, "a", text="ceramide up", dataset_id=id_of("a"), organism=["Mus musculus"],
        disease=None, private="not in the vocabulary",
    )  # fmt: skip
    assert _apply(marts, pinecone_options).status == "done"
    held = pinecone.indexes["amprenta-rag"].namespaces[SPACE].vectors[_id("a")]
    assert held.metadata is not None
    known = {**vectors.vocabulary()["record"], **vectors.vocabulary()["document"]}
    assert set(held.metadata) <= set(known)
    assert held.metadata["organism"] == ["Mus musculus"]
    assert held.metadata["entity_id"] == id_of("a")
    assert "disease" not in held.metadata
    (target,) = state.targets(marts, "pinecone")
    assert target.is_live


def test_a_second_apply_calls_nothing(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    for number in range(20):
        put_document(marts, f"d{number}", text=f"text {number}")
    _apply(marts, pinecone_options)
    pinecone.forget_calls()
    report = _apply(marts, pinecone_options, pinecone_key=pinecone.api_key)
    assert pinecone.count() == 0
    assert report.targets[0].planned["same"] == 20
    assert publish.plan(marts, pinecone_options, services=["pinecone"]).targets[0].sent == 0


def test_a_second_apply_writes_nothing_that_marts_read(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    # It would make the next refresh build.
    put_document(marts, "a", text="same")
    _apply(marts, pinecone_options)

    def written() -> dict[str, str]:
        marts.execute("select pg_stat_force_next_flush()")
        return relations_read(marts, ["sync.notion_pages", "sync.targets"])

    before = written()
    assert before.keys() >= {"sync.items", "sync.targets", "sync.narratives"}
    _apply(marts, pinecone_options)
    assert written() == before


def test_changed_metadata_is_sent_with_the_cached_vector(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    hosted = replace(pinecone_options, embedder="pinecone:llama-text-embed-v2:384")
    space = "dataset.pinecone-llama-text-embed-v2-384"
    put_document(marts, "a", text="same", disease=["x"], quality_status="pass")
    _apply(marts, hosted)
    assert len(pinecone.embedded) == 1
    put_document(marts, "a", text="same", disease=["y"])
    assert _apply(marts, hosted).status == "done"
    held = pinecone.indexes["amprenta-rag"].namespaces[space].vectors[_id("a")].metadata
    assert len(pinecone.embedded) == 1
    assert held is not None
    assert held["disease"] == ["y"]
    assert "quality_status" not in held


def test_a_text_edit_touches_its_chunk_only(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    for chunk in ("overview", "features", "quality"):
        put_document(marts, "a", chunk, text=f"about {chunk}")
    _apply(marts, pinecone_options)
    pinecone.forget_calls()
    put_document(marts, "a", "features", text="other features")
    _apply(marts, pinecone_options)
    (call,) = [call for call in pinecone.calls if call.path.endswith("/vectors/upsert")]
    assert [vector["id"] for vector in call.json()["vectors"]] == [_id("a", "features")]


def test_chunks_that_are_gone_are_deleted_after_the_upsert(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    for number in range(5):
        put_document(marts, "a", f"part {number}", text=f"text {number}")
    _apply(marts, pinecone_options)
    for number in range(2, 5):
        drop_document(marts, "a", f"part {number}")
    put_document(marts, "a", "part 0", text="another text")
    pinecone.forget_calls()
    assert _apply(marts, pinecone_options).status == "done"
    assert _ids(pinecone) == {_id("a", "part 0"), _id("a", "part 1")}
    order = [call.path.rsplit("/", 1)[1] for call in pinecone.calls if "/vectors/" in call.path]
    assert order == ["upsert", "delete"]


def test_a_deleted_row_takes_all_its_chunks_along(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    for entity in ("a", "b", "c"):
        put_document(marts, entity, "one")
        put_document(marts, entity, "two")
    _apply(marts, pinecone_options)
    drop_document(marts, "a")
    assert _apply(marts, pinecone_options).status == "done"
    assert _ids(pinecone) == {_id(e, c) for e in ("b", "c") for c in ("one", "two")}
    # It comes back.
    put_document(marts, "a", "one")
    assert _apply(marts, pinecone_options).status == "done"
    assert _id("a", "one") in _ids(pinecone)


@pytest.mark.parametrize("left", [0, 10])
def test_a_mass_delete_is_stopped(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options, left: int
) -> None:
    for number in range(20):
        put_document(marts, f"d{number}")
    _apply(marts, pinecone_options)
    for number in range(left, 20):
        drop_document(marts, f"d{number}")
    pinecone.forget_calls()
    report = _apply(marts, pinecone_options)
    assert report.status == "failed"
    assert "--allow-mass-delete" in str(report.targets[0].message)
    assert pinecone.count() == 0
    assert len(_ids(pinecone)) == 20
    assert _apply(marts, pinecone_options, allow_mass_delete=True).status == "done"
    assert len(_ids(pinecone)) == left


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "upsert", drop="after"),
        Fault("POST", "upsert", drop="before"),
        Fault("POST", "upsert", answer=Answer(503, "busy")),
    ],
    ids=["answer lost", "dropped", "503"],
)
def test_a_batch_that_failed_is_sent_again(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options, fault: Fault
) -> None:
    for number in range(10):
        put_document(marts, f"d{number}", text=f"text {number}")
    pinecone.faults.append(fault)
    assert _apply(marts, pinecone_options).status == "done"
    assert _ids(pinecone) == {_id(f"d{number}") for number in range(10)}
    # One call that failed and one that did not: the client does not retry behind our back.
    assert pinecone.count("POST", "upsert") == 2


def test_a_timeout_is_an_answer_that_is_lost(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    put_document(marts, "a")
    pinecone.create("amprenta-rag", 512)
    pinecone.faults.append(Fault("POST", "upsert", delay=1.5))
    assert _apply(marts, pinecone_options, timeout=0.5).status == "done"
    assert _ids(pinecone) == {_id("a")}


def test_one_poisoned_row_is_found_and_the_others_go(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    for number in range(9):
        put_document(marts, f"d{number}", text=f"text {number}")
    put_document(marts, "poison", features=["x" * 41_000])
    report = _apply(marts, pinecone_options)
    assert report.status == "partial"
    assert report.targets[0].states == {"synced": 9, "dead": 1}
    (dead,) = marts.execute("select entity_id, error, payload from sync.dead_letters").fetchall()
    assert dead[0] == id_of("poison")
    assert "Metadata size" in dead[1]
    assert dead[2]["metadata"]["features"]
    # Dead until what is wanted changes.
    pinecone.forget_calls()
    _apply(marts, pinecone_options)
    assert pinecone.count() == 0
    put_document(marts, "poison", features=["x"])
    assert _apply(marts, pinecone_options).status == "done"
    assert _id("poison") in _ids(pinecone)


def test_large_batches_are_split_by_bytes(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    for number in range(120):
        put_document(marts, f"d{number}", text=f"text {number}", features=["x" * 30_000])
    assert _apply(marts, pinecone_options).status == "done"
    sizes = [len(call.raw) for call in pinecone.calls if call.path.endswith("upsert")]
    assert len(_ids(pinecone)) == 120
    assert max(sizes) < 2_000_000
    assert len(sizes) <= 3


def test_a_request_that_is_too_large_all_the_same_is_halved(
    marts: Conn,
    pinecone: PineconeStandIn,
    pinecone_options: Options,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As if our count of bytes were wrong: Pinecone answers 413 to 2 MB.
    monkeypatch.setattr("sync.vectors.MAX_REQUEST_BYTES", 50_000_000)
    for number in range(90):
        put_document(marts, f"d{number}", text=f"text {number}", features=["x" * 30_000])
    assert _apply(marts, pinecone_options).status == "done"
    assert len(_ids(pinecone)) == 90
    assert pinecone.count("POST", "upsert") == 3


def test_another_dimension_is_refused_before_any_write(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    pinecone.create("amprenta-rag", 1536)
    put_document(marts, "a")
    report = _apply(marts, pinecone_options)
    assert report.status == "failed"
    assert "1536" in str(report.targets[0].message)
    assert pinecone.count("POST", "upsert") == 0
    assert report.targets[0].states == {"pending": 1}


def test_another_model_gets_a_namespace_of_its_own_and_then_the_reads(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    for number in range(5):
        put_document(marts, f"d{number}", text=f"text {number}")
    _apply(marts, pinecone_options)
    hosted = replace(pinecone_options, embedder="pinecone:llama-text-embed-v2:512")
    new_space = "dataset.pinecone-llama-text-embed-v2-512"
    # While its backfill is not complete, search goes on reading the old one.
    pinecone.faults.append(Fault("POST", "upsert", times=99, answer=Answer(503, "busy")))
    assert _apply(marts, hosted, linger=0.0).status == "partial"
    assert [t.embedder_id for t in state.targets(marts) if t.is_live] == ["hash-v1:512"]
    pinecone.faults.clear()
    marts.execute("update sync.items set next_attempt_at = now()")
    assert _apply(marts, hosted).status == "done"
    assert set(pinecone.ids("amprenta-rag")) == {new_space}
    (live,) = state.targets(marts, "pinecone")
    assert (live.is_live, live.container) == (True, new_space)
    # And back.
    assert _apply(marts, pinecone_options).status == "done"
    assert set(pinecone.ids("amprenta-rag")) == {SPACE}


def test_queries_that_lag_are_waited_for_and_then_told(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    put_document(marts, "a")
    pinecone.index_lag = 1.0
    assert _apply(marts, pinecone_options).targets[0].message is None
    pinecone.index_lag = 60.0
    put_document(marts, "a", text="new")
    report = _apply(marts, pinecone_options, verify_seconds=0.5)
    assert str(report.targets[0].message).startswith("unverified")


def test_a_refused_key_stops_without_a_dead_row(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    put_document(marts, "a")
    report = _apply(marts, pinecone_options, pinecone_key="wrong-key")
    assert report.status == "failed"
    assert report.targets[0].states == {"pending": 1}
    assert _apply(marts, pinecone_options).status == "done"


def test_a_used_up_quota_opens_the_breaker(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    put_document(marts, "a")
    pinecone.faults.append(
        Fault("POST", "upsert", times=99, answer=Answer(429, "quota", {"retry-after": "0"}))
    )
    report = _apply(marts, pinecone_options)
    assert report.status == "partial"
    assert "quota" in str(report.targets[0].message)
    assert pinecone.count("POST", "upsert") <= 6
    row = marts.execute("select attempts, state from sync.items").fetchone()
    assert row == (0, "pending")


class _Broken:
    """An embedder that gives what it is told to."""

    batch = 100

    def __init__(self, made: Any) -> None:
        from sync.embedders import spec_of

        self.spec = spec_of("hash-v1:512")
        self._made = made

    def embed(self, texts: Any, *, for_query: bool = False) -> Any:
        if isinstance(self._made, Exception):
            raise self._made
        return [self._made for _ in texts]


@pytest.mark.parametrize(
    "made",
    [RuntimeError("key pc-test-key refused"), [0.1] * 511, [float("nan")] * 512, []],
    ids=["fails", "wrong length", "not a number", "empty"],
)
def test_an_embedder_that_fails_sends_nothing(
    marts: Conn,
    pinecone: PineconeStandIn,
    pinecone_options: Options,
    monkeypatch: pytest.MonkeyPatch,
    made: Any,
) -> None:
    put_document(marts, "a")
    with monkeypatch.context() as patch:
        patch.setattr("sync.embedders.make_embedder", lambda options: _Broken(made))
        report = _apply(marts, pinecone_options, linger=0.0)
    assert report.status == "partial"
    assert pinecone.count("POST", "upsert") == 0
    assert marts.execute("select state, attempts from sync.items").fetchone() == ("retry", 1)
    assert marts.execute("select count(*) from sync.embeddings").fetchone() == (0,)
    marts.execute("update sync.items set next_attempt_at = now()")
    assert _apply(marts, pinecone_options).status == "done"


def test_the_private_switch_of_the_clients_retries_still_works(
    pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    from pinecone.errors.exceptions import ServiceError

    from sync.embedders import spec_of

    client = vectors.open_client(pinecone_options)
    index = vectors.open_index(client, pinecone_options, spec_of("hash-v1:512"), make=True)
    pinecone.faults.append(Fault("POST", "/query", times=9, answer=Answer(503, "busy")))
    with pytest.raises(ServiceError):
        index.query(top_k=1, vector=[1.0] * 512)
    assert pinecone.count("POST", "/query") == 1
    index.close()
    client.close()


# Reconcile ---------------------------------------------------------------------------------------


def test_a_lost_ledger_is_rebuilt_from_the_ids(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    for number in range(130):
        put_document(marts, f"d{number}", text=f"text {number}")
    _apply(marts, pinecone_options)
    before = _ids(pinecone)
    marts.execute("drop schema sync cascade")
    pinecone.forget_calls()
    report = publish.reconcile(marts, pinecone_options, services=["pinecone"])
    assert report.status == "done"
    assert _ids(pinecone) == before
    # The hashes that the vectors carry are those of the marts: nothing is embedded or sent again.
    assert pinecone.count("POST", "upsert") == 0
    assert marts.execute("select count(*) from sync.embeddings").fetchone() == (0,)


def test_orphans_leave_and_what_is_not_ours_stays(
    marts: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    for number in range(10):
        put_document(marts, f"d{number}")
    _apply(marts, pinecone_options)
    space = pinecone.indexes["amprenta-rag"].namespaces[SPACE]
    held = space.vectors[_id("d1")]
    space.vectors[_id("orphan")] = held
    space.vectors["theirs"] = held
    del space.vectors[_id("d2")]
    report = publish.reconcile(marts, pinecone_options, services=["pinecone"])
    assert report.status == "done"
    assert _ids(pinecone) == {"theirs", *(_id(f"d{number}") for number in range(10))}
    assert "left alone" in str(report.targets[0].message)
