"""Documents to Pinecone: the vectors API of one index, a namespace per entity type and embedder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync import reading, state
from sync.embedders.cache import BadVectors, ensure_embedder, is_zero, text_hash, vectors_of
from warehouse.budget import Budget
from warehouse.verdicts import CallFailed, Stopped, Verdict, backoff, of_pinecone, redact

if TYPE_CHECKING:
    import psycopg

    from sync.embedders import Embedder, EmbedderSpec
    from sync.options import Options
    from sync.reading import Document
    from sync.state import Item, Target

#: Pinecone takes 2 MB and 1,000 vectors in one request.
MAX_REQUEST_BYTES = 1_900_000
MAX_REQUEST_VECTORS = 1_000
MAX_REQUEST_IDS = 1_000
SNIPPET = 500

#: What one page of a listing holds.
LIST_PAGE = 100


def target_of(index: str, entity_type: str, spec: EmbedderSpec) -> state.Target:
    """The target for one type of entity and one embedder. A new embedder is a new target."""
    return state.Target(
        target_id=f"pinecone:{index}:{entity_type}@{spec.embedder_id}",
        service="pinecone",
        entity_type=entity_type,
        container=f"{entity_type}.{spec.suffix}",
        embedder_id=spec.embedder_id,
    )


def vector_id(entity_type: str, entity_id: str, chunk: str) -> str:
    """Id of the vector of a document: the same whoever works it out, whenever.

    Examples:
        >>> vector_id("dataset", "7f", "overview")
        'dataset#7f#overview'
    """
    return f"{entity_type}#{entity_id}#{chunk}"


def parts_of(identifier: str) -> tuple[str, str, str] | None:
    """Entity type, id and chunk of a vector id; none where it is not one of ours."""
    parts = identifier.split("#", 2)
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None


@lru_cache(maxsize=1)
def vocabulary() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """The keys of metadata: the file that search reads, too."""
    import yaml

    text = Path(__file__).with_name("metadata.yml").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(text)
    return loaded


def metadata_of(document: Document) -> dict[str, Any]:
    """The metadata of a vector: the document's own, as the vocabulary allows, and its record.

    Null and empty values are left out: Pinecone has no null.
    """
    kept: dict[str, Any] = {}
    for key, kind in vocabulary()["document"].items():
        value = document.metadata.get(key)
        if value is None or value == []:
            continue
        if kind["type"] == "list":
            kept[key] = [str(entry) for entry in value if entry is not None]
        elif kind["type"] == "number":
            kept[key] = float(value)
        elif kind["type"] == "flag":
            kept[key] = bool(value)
        else:
            kept[key] = str(value)
    return {
        **kept,
        "entity_type": document.entity_type,
        "entity_id": document.entity_id,
        "chunk": document.chunk,
        "title": document.title,
        "snippet": document.text[:SNIPPET],
        "content_hash": document.content_hash,
    }


def open_client(options: Options) -> Any:
    """The client for the control plane and for indexes.

    Raises:
        Stopped: No key is set.
    """
    from pinecone import Pinecone

    if not options.pinecone_key:
        raise Stopped("PINECONE_API_KEY is not set")
    return Pinecone(
        api_key=options.pinecone_key, host=options.pinecone_host, timeout=options.timeout
    )


def open_index(client: Any, options: Options, spec: EmbedderSpec, *, make: bool) -> Any:
    """The index, made if it is missing, with its own retries switched off.

    Args:
        client: From `open_client`.
        options: Options.
        spec: The embedder whose vectors are to be written.
        make: Whether to make it.

    Raises:
        Stopped: It is missing and may not be made, it has another dimension, or it is of another
            family than the vectors API.
    """
    from pinecone import ServerlessSpec
    from pinecone.errors.exceptions import NotFoundError

    name = options.pinecone_index
    try:
        described = client.indexes.describe(name)
    except NotFoundError:
        if not make:
            raise Stopped(f"there is no index {name!r}") from None
        described = client.indexes.create(
            name=name,
            dimension=spec.dimension,
            metric="cosine",
            spec=ServerlessSpec(cloud=options.pinecone_cloud, region=options.pinecone_region),
            timeout=300,
        )
    dense = described.schema.fields.get("_values")
    if dense is None:
        raise Stopped(
            f"the index {name!r} is not of the vectors API; name another one in PINECONE_INDEX"
        )
    if dense.dimension != spec.dimension:
        raise Stopped(
            f"the index {name!r} holds vectors of {dense.dimension} numbers and the embedder"
            f" {spec.embedder_id} makes {spec.dimension}: nothing was written. Name another index"
            " in PINECONE_INDEX (it is made), or another embedder in OMICS_EMBEDDER"
        )
    index = client.index(host=described.host)
    without_retries(index)
    return index


def without_retries(index: Any) -> None:
    """Switches off the retries of the client: sync has a policy of its own, shared by workers.

    The public option does not reach the calls on an index (pinecone 10.2.0); a test guards this
    private one.
    """
    from pinecone._internal.config import RetryConfig

    index._http._client._transport._config = RetryConfig(max_retries=0)


class VectorSender:
    """Sends documents to one namespace."""

    batch = 500

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        target: Target,
        embedder: Embedder,
        options: Options,
        *,
        run_id: int,
    ) -> None:
        self._conn = conn
        self._target = target
        self._embedder = embedder
        self._options = options
        self._run_id = run_id
        self._budget = Budget(conn, "pinecone", 0.0, patience=options.patience, sleep=options.sleep)
        self._client: Any = None
        self._index: Any = None
        self._last_lsn: int | None = None

    @property
    def namespace(self) -> str:
        """Where the vectors go."""
        return str(self._target.container)

    def prepare(self) -> None:
        """Opens the index; makes it if it is missing.

        Raises:
            Stopped: It does not fit the embedder, or the key is refused.
        """
        if self._index is not None:
            return
        ensure_embedder(self._conn, self._embedder.spec)
        self._client = open_client(self._options)
        self._index = self._guarded(
            lambda: open_index(self._client, self._options, self._embedder.spec, make=True)
        )

    def _guarded(self, call: Any) -> Any:
        """Makes a call that all the others depend on."""
        try:
            return call()
        except Stopped:
            raise
        except Exception as error:
            verdict = of_pinecone(error, self._options.secrets)
            raise Stopped(f"Pinecone: {verdict.code}: {verdict.message}") from None

    def send(self, items: Sequence[Item]) -> None:
        """Embeds and upserts."""
        ours = [item for item in items if item.want_hash is not None]
        # A lost answer about something that is not wanted any more: delete it, there or not.
        self._mark([item for item in items if item.want_hash is None], "deleting")
        documents = reading.documents(
            self._conn, self._target.entity_type, [item.key for item in ours]
        )
        gone = [item for item in ours if item.key not in documents]
        # The marts changed under this run; the next plan sees it.
        self._mark(gone, "retry", wait=3600.0)
        pairs = [(item, documents[item.key]) for item in ours if item.key in documents]
        if pairs:
            self._send_pairs(pairs)

    def _mark(self, items: Sequence[Item], to: str, *, wait: float = 0.0) -> None:
        if items:
            state.record_state(self._conn, self._target.target_id, items, to, wait=wait)

    def _send_pairs(self, pairs: Sequence[tuple[Item, Document]]) -> None:
        hashes = {item.key: text_hash(_text(document)) for item, document in pairs}
        texts = {hashes[item.key]: _text(document) for item, document in pairs}
        try:
            vectors = vectors_of(self._conn, self._embedder, texts)
        except BadVectors as error:
            self._embedding_failed(pairs, "bad_vectors", str(error))
            return
        except Exception as error:
            self._embedding_failed(
                pairs, type(error).__name__, redact(str(error), self._options.secrets)
            )
            return
        rows = []
        for item, document in pairs:
            vector = vectors[hashes[item.key]]
            if is_zero(vector):
                verdict = Verdict("rejected", "empty_text", "the text holds nothing to embed")
                self._refused(item, document, verdict)
                continue
            identifier = vector_id(document.entity_type, document.entity_id, document.chunk)
            record = {"id": identifier, "values": vector, "metadata": metadata_of(document)}
            rows.append((item, document, hashes[item.key], record))
        for batch in _batches(rows):
            self._upsert(batch)

    def _embedding_failed(
        self, pairs: Sequence[tuple[Item, Document]], code: str, message: str
    ) -> None:
        verdict = Verdict("unsent", code, f"embedding failed: {message}")
        self._retry([item for item, _ in pairs], "retry", verdict)

    def _retry(self, items: Sequence[Item], to: str, verdict: Verdict) -> None:
        # All at once, so that they are due together and fill one request again.
        state.record_state(
            self._conn,
            self._target.target_id,
            items,
            to,
            wait=backoff(max(item.attempts for item in items)),
            failed=True,
            code=verdict.code,
            message=verdict.message,
            request_id=verdict.request_id,
        )
        operation = "delete" if to == "deleting" else "upsert"
        self._note(items[0], operation, f"{len(items)} to try again", verdict)

    def _refused(self, item: Item, document: Document, verdict: Verdict) -> None:
        state.record_state(
            self._conn,
            self._target.target_id,
            [item],
            "dead",
            code=verdict.code,
            message=verdict.message,
            request_id=verdict.request_id,
        )
        self._note(item, "upsert", "dead", verdict, {"metadata": metadata_of(document)})

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

    def _upsert(self, rows: Sequence[tuple[Item, Document, str, dict[str, Any]]]) -> None:
        """Upserts a batch; halves it where the service refuses, to find the row that is wrong."""
        try:
            lsn = self._call(
                lambda: self._index.upsert(
                    vectors=[record for *_, record in rows],
                    namespace=self.namespace,
                    show_progress=False,
                )
            )
        except CallFailed as failure:
            verdict = failure.verdict
            if verdict.kind == "rejected" and len(rows) > 1:
                middle = len(rows) // 2
                self._upsert(rows[:middle])
                self._upsert(rows[middle:])
            elif verdict.kind == "rejected":
                self._refused(rows[0][0], rows[0][1], verdict)
            else:
                self._retry([item for item, *_ in rows], "retry", verdict)
            return
        state.record_done(
            self._conn,
            self._target.target_id,
            [
                state.Done(item, document.content_hash, record["id"], hashed, lsn)
                for item, document, hashed, record in rows
            ],
        )

    def _call(self, call: Any) -> int | None:
        """Makes one call under the budget; returns the position it was written at.

        Raises:
            CallFailed: It failed, and only these rows are concerned.
            Stopped: The key is refused: no other call would do better.
            Blocked: The service wants a longer pause than a run waits, or never answers otherwise.
        """
        while True:
            self._budget.take_turn()
            try:
                answer = call()
            except Exception as error:
                verdict = of_pinecone(error, self._options.secrets)
                if verdict.kind == "stopped":
                    raise Stopped(f"Pinecone: {verdict.code}: {verdict.message}") from None
                if verdict.kind != "throttled":
                    raise CallFailed(verdict) from None
                self._budget.throttled(verdict.wait, verdict.message)
                continue
            self._budget.went_well()
            info = getattr(answer, "response_info", None)
            lsn = getattr(info, "lsn_committed", None)
            if lsn is not None:
                self._last_lsn = max(lsn, self._last_lsn or 0)
            return lsn if isinstance(lsn, int) else None

    def delete(self, items: Sequence[Item]) -> None:
        """Deletes vectors; those that are not there are no error."""
        for start in range(0, len(items), MAX_REQUEST_IDS):
            part = items[start : start + MAX_REQUEST_IDS]
            ids = [
                item.remote_id or vector_id(self._target.entity_type, *item.key) for item in part
            ]
            try:
                self._call(lambda ids=ids: self._index.delete(ids=ids, namespace=self.namespace))
            except CallFailed as failure:
                # A namespace that is gone holds none of them.
                if failure.verdict.kind != "missing":
                    self._retry(part, "deleting", failure.verdict)
                    continue
            state.record_deleted(self._conn, self._target.target_id, part, forget=True)

    def finish(self) -> str | None:
        """Waits until queries see what was written; says so if they do not in time."""
        try:
            return self._verify()
        finally:
            self.close()

    def _verify(self) -> str | None:
        if self._last_lsn is None:
            return None
        waited = 0.0
        probe = [1.0] + [0.0] * (self._embedder.spec.dimension - 1)
        while True:
            try:
                answer = self._index.query(top_k=1, vector=probe, namespace=self.namespace)
            except Exception as error:
                verdict = of_pinecone(error, self._options.secrets)
                return f"unverified: {verdict.message}"
            if answer.response_info.is_reconciled(self._last_lsn):
                return None
            if waited >= self._options.verify_seconds:
                return "unverified: queries do not yet see all that was written"
            self._options.sleep(0.25)
            waited += 0.25

    def close(self) -> None:
        """Lets go of connections."""
        if self._index is not None:
            self._index.close()
            self._index = None
        if self._client is not None:
            self._client.close()
            self._client = None

    # For reconcile and for the switch to another embedder

    def listed(self) -> Iterator[str]:
        """Every id in the namespace, in byte order."""
        token: str | None = None
        while True:
            page = self._guarded(
                lambda token=token: self._index.list_paginated(
                    namespace=self.namespace, limit=LIST_PAGE, pagination_token=token
                )
            )
            for entry in page.vectors:
                yield str(entry.id)
            token = page.pagination.next if page.pagination else None
            if not token:
                return

    def hashes(self, ids: Sequence[str]) -> dict[str, str]:
        """Content hashes that vectors carry, by id."""
        found = {}
        for start in range(0, len(ids), LIST_PAGE):
            part = list(ids[start : start + LIST_PAGE])
            fetched = self._guarded(
                lambda part=part: self._index.fetch(ids=part, namespace=self.namespace)
            )
            for key, vector in fetched.vectors.items():
                found[str(key)] = str((vector.metadata or {}).get("content_hash", ""))
        return found

    def delete_ids(self, ids: Sequence[str]) -> None:
        """Deletes vectors that the ledger does not know."""
        for start in range(0, len(ids), MAX_REQUEST_IDS):
            part = list(ids[start : start + MAX_REQUEST_IDS])
            self._guarded(lambda part=part: self._index.delete(ids=part, namespace=self.namespace))

    def delete_namespace(self, namespace: str) -> None:
        """Empties a namespace that nothing reads any more."""
        from pinecone.errors.exceptions import NotFoundError

        def call() -> None:
            try:
                self._index.delete(delete_all=True, namespace=namespace)
            except NotFoundError:
                return

        self._guarded(call)


def _text(document: Document) -> str:
    return f"{document.title}\n{document.text}"


def _batches(
    rows: Sequence[tuple[Item, Document, str, dict[str, Any]]],
) -> Iterator[list[tuple[Item, Document, str, dict[str, Any]]]]:
    """Batches that are as large as a request may be, measured as they will be written."""
    import orjson

    batch: list[tuple[Item, Document, str, dict[str, Any]]] = []
    size = 0
    for row in rows:
        length = len(orjson.dumps(row[3])) + 1
        if batch and (size + length > MAX_REQUEST_BYTES or len(batch) >= MAX_REQUEST_VECTORS):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += length
    if batch:
        yield batch
