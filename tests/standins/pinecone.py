"""Stand-in for Pinecone: control plane, vectors API of several indexes, and hosted embedding.

The index is told by the path prefix `/i/<name>`, which the host of a described index carries, so
one server serves them all. Bodies follow the OpenAPI of the data plane where it gives them.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tests.standins.server import Answer, Refusal, Request, StandIn

API_VERSIONS = {"2025-10", "2026-04", "2026-07"}
MAX_VECTORS = 1_000
MAX_BYTES = 2 * 1024 * 1024
MAX_METADATA_BYTES = 40 * 1024
MAX_IDS = 1_000
MAX_TOP_K = 10_000
MAX_DIMENSION = 20_000
NEARLY_ZERO = 1e-8
EMBED_BATCH = 96
#: Hosted models with their dimensions; the first is the default.
HOSTED_MODELS = {
    "llama-text-embed-v2": (1024, 384, 512, 768, 2048),
    "multilingual-e5-large": (1024,),
}


@dataclass
class Vector:
    """One record."""

    values: list[float]
    metadata: dict[str, Any] | None

    @cached_property
    def array(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The values for arithmetic."""
        return np.asarray(self.values, dtype=np.float64)


@dataclass
class Namespace:
    """Records of one namespace, as written and as queries see them."""

    vectors: dict[str, Vector] = field(default_factory=dict)
    #: (moment, lsn, snapshot of what changed: id to vector or None)
    log: list[tuple[float, int, dict[str, Vector | None]]] = field(default_factory=list)
    indexed: dict[str, Vector] = field(default_factory=dict)
    indexed_lsn: int = 0
    lsn: int = 0


@dataclass
class Index:
    """One index."""

    name: str
    dimension: int
    metric: str
    family: str
    body: dict[str, Any]
    namespaces: dict[str, Namespace] = field(default_factory=dict)


def rpc_status(status: int, code: int, message: str) -> Refusal:
    """An error of vector and namespace operations."""
    return Refusal(Answer(status, {"code": code, "message": message, "details": []}))


def error_response(status: int, code: str, message: str) -> Refusal:
    """An error of the control plane, of documents and of records."""
    return Refusal(Answer(status, {"status": status, "error": {"code": code, "message": message}}))


class PineconeStandIn(StandIn):
    """The server with its indexes.

    Attributes:
        api_key: The one key that is accepted.
        index_lag: Seconds until a write is seen by queries and counts.
    """

    def __init__(self, *, api_key: str = "pc-test-key", **options: Any) -> None:
        super().__init__(**options)
        self.api_key = api_key
        self.indexes: dict[str, Index] = {}
        self.index_lag = 0.0
        self.embedded: list[str] = []

    # For tests -----------------------------------------------------------------------------------

    def create(self, name: str, dimension: int, metric: str = "cosine") -> Index:
        """Makes an index of the vectors API."""
        schema = {
            "fields": {
                "_values": {"type": "dense_vector", "dimension": dimension, "metric": metric}
            }
        }
        return self._make_index(name, schema)

    def host(self, name: str) -> str:
        """Host of an index, to hand to the client."""
        return f"{self.url}/i/{name}"

    def ids(self, name: str) -> dict[str, set[str]]:
        """Every id that is stored, by namespace; empty namespaces are left out."""
        with self.lock:
            spaces = self.indexes[name].namespaces if name in self.indexes else {}
            return {space: set(held.vectors) for space, held in spaces.items() if held.vectors}

    # Calls ---------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        """Does what a call asks for."""
        if request.headers.get("api-key") != self.api_key:
            # Made by the layer in front: plain text on every operation.
            raise Refusal(Answer(401, "Unauthorized"))
        version = request.headers.get("x-pinecone-api-version")
        if version not in API_VERSIONS:
            # wording unknown
            raise error_response(400, "INVALID_ARGUMENT", f"unknown API version {version!r}")
        in_index = re.fullmatch(r"/i/([^/]+)(/.*)", request.path)
        if in_index:
            index = self.indexes.get(in_index[1])
            if index is None:
                raise rpc_status(404, 5, f"Index {in_index[1]} not found")  # wording unknown
            return self._data_plane(index, in_index[2], request)
        return self._control_plane(request)

    def _control_plane(self, request: Request) -> Answer:
        if request.path == "/embed" and request.method == "POST":
            return self._embed(request.json())
        if request.path == "/indexes" and request.method == "GET":
            return Answer(200, {"indexes": [index.body for index in self.indexes.values()]})
        if request.path == "/indexes" and request.method == "POST":
            return self._create_index(request.json())
        named = re.fullmatch(r"/indexes/([^/]+)", request.path)
        if named:
            index = self.indexes.get(named[1])
            if index is None:
                raise error_response(404, "NOT_FOUND", f"Resource {named[1]} not found")
            if request.method == "GET":
                return Answer(200, index.body)
            if request.method == "DELETE":
                del self.indexes[named[1]]
                return Answer(202, {})
        raise error_response(404, "NOT_FOUND", f"{request.method} {request.path}")

    def _create_index(self, body: Mapping[str, Any]) -> Answer:
        name = body.get("name", "")
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?", name):
            raise error_response(400, "INVALID_ARGUMENT", "Name must be 1-45 of a-z, 0-9 and '-'")
        if name in self.indexes:
            raise error_response(409, "ALREADY_EXISTS", "Resource already exists")
        return Answer(201, self._make_index(name, body["schema"]).body)

    def _make_index(self, name: str, schema: Mapping[str, Any]) -> Index:
        fields = schema["fields"]
        dense = fields.get("_values", {})
        family = "vectors" if set(fields) <= {"_values", "_sparse_values"} else "documents"
        dimension = int(dense.get("dimension") or 0)
        if family == "vectors" and not 1 <= dimension <= MAX_DIMENSION:
            raise error_response(400, "INVALID_ARGUMENT", "dimension must be between 1 and 20000")
        body = {
            "name": name,
            "host": self.host(name),
            "status": {"ready": True, "state": "Ready"},
            "schema": schema,
            "deployment": {
                "deployment_type": "managed", "cloud": "aws", "region": "us-east-1",
                "environment": "aped-0000-0000",
            },
            "deletion_protection": "disabled",
            "tags": None,
        }  # fmt: skip
        self.indexes[name] = Index(name, dimension, dense.get("metric", "cosine"), family, body)
        return self.indexes[name]

    def _embed(self, body: Mapping[str, Any]) -> Answer:
        model = body.get("model")
        if model not in HOSTED_MODELS:
            raise error_response(404, "NOT_FOUND", f"Model '{model}' not found")  # wording unknown
        inputs = [entry["text"] for entry in body.get("inputs", [])]
        if not 1 <= len(inputs) <= EMBED_BATCH:
            # wording unknown
            raise error_response(
                400, "INVALID_ARGUMENT", f"Input length '{len(inputs)}' exceeds limit {EMBED_BATCH}"
            )
        parameters = body.get("parameters") or {}
        if parameters.get("input_type") not in ("query", "passage"):
            raise error_response(400, "INVALID_ARGUMENT", "input_type must be query or passage")
        dimension = int(parameters.get("dimension") or HOSTED_MODELS[model][0])
        if dimension not in HOSTED_MODELS[model]:
            raise error_response(400, "INVALID_ARGUMENT", f"dimension {dimension} not supported")
        self.embedded.extend(inputs)
        data = [
            {"vector_type": "dense", "values": made_up_embedding(text, dimension)}
            for text in inputs
        ]
        usage = {"total_tokens": sum(len(text) // 4 for text in inputs)}
        return Answer(200, {"model": model, "vector_type": "dense", "data": data, "usage": usage})

    def _data_plane(self, index: Index, path: str, request: Request) -> Answer:
        if index.family != "vectors":
            # wording unknown
            raise rpc_status(400, 3, "this operation is not supported by a document index")
        operations = {
            ("POST", "/vectors/upsert"): self._upsert,
            ("POST", "/vectors/delete"): self._delete,
            ("POST", "/vectors/update"): self._update,
            ("GET", "/vectors/list"): self._list,
            ("GET", "/vectors/fetch"): self._fetch,
            ("POST", "/query"): self._query,
            ("POST", "/describe_index_stats"): self._stats,
            ("GET", "/namespaces"): self._namespaces,
        }
        operation = operations.get((request.method, path))
        if operation is not None:
            return operation(index, request)
        one = re.fullmatch(r"/namespaces/([^/]+)", path)
        if one and request.method == "DELETE":
            if index.namespaces.pop(one[1], None) is None:
                raise rpc_status(404, 5, "Namespace not found")
            return Answer(200, {})
        if re.match(r"/namespaces/[^/]+/documents|/records/", path):
            # wording unknown
            raise error_response(400, "INVALID_ARGUMENT", "not a document or records index")
        raise rpc_status(404, 5, f"{request.method} {path}")

    def _space(self, index: Index, name: str | None, *, make: bool = False) -> Namespace:
        name = name or "__default__"
        if len(name) > 512 or not name.isascii() or "\0" in name:
            raise rpc_status(400, 3, "namespace must be 1-512 ASCII characters")  # wording unknown
        if make:
            return index.namespaces.setdefault(name, Namespace())
        return index.namespaces.get(name, Namespace())

    def _settle(self, space: Namespace) -> None:
        """Lets queries see the writes that are older than the lag."""
        seen_until = self.clock() - self.index_lag
        while space.log and space.log[0][0] <= seen_until:
            _, lsn, changes = space.log.pop(0)
            for key, vector in changes.items():
                if vector is None:
                    space.indexed.pop(key, None)
                else:
                    space.indexed[key] = vector
            space.indexed_lsn = lsn

    def _commit(self, space: Namespace, changes: dict[str, Vector | None]) -> dict[str, str]:
        space.lsn += 1
        for key, vector in changes.items():
            if vector is None:
                space.vectors.pop(key, None)
            else:
                space.vectors[key] = vector
        space.log.append((self.clock(), space.lsn, changes))
        return {"x-pinecone-request-lsn": str(space.lsn), **_request_id()}

    def _upsert(self, index: Index, request: Request) -> Answer:
        if len(request.raw) > MAX_BYTES:
            # wording unknown
            raise rpc_status(413, 11, f"message length too large: found {len(request.raw)} bytes")
        body = request.json()
        vectors = body.get("vectors") or []
        if not 1 <= len(vectors) <= MAX_VECTORS:
            raise rpc_status(400, 3, f"vectors must hold 1 to {MAX_VECTORS} records")
        changes: dict[str, Vector | None] = {}
        for entry in vectors:
            key = entry.get("id")
            if not isinstance(key, str) or not 1 <= len(key) <= 512 or not key.isascii():
                raise rpc_status(400, 3, "Vector ID must be 1-512 ASCII characters")
            if "\0" in key:
                raise rpc_status(400, 3, "Vector ID must not contain NUL")
            if key in changes:
                raise rpc_status(
                    400, 3, f"Duplicate vector ID in request: {key}"
                )  # wording unknown
            values = _checked_values(entry.get("values"), index.dimension)
            changes[key] = Vector(values, _checked_metadata(entry.get("metadata")))
        space = self._space(index, body.get("namespace"), make=True)
        return Answer(200, {"upsertedCount": len(changes)}, self._commit(space, changes))

    def _delete(self, index: Index, request: Request) -> Answer:
        body = request.json()
        name = body.get("namespace") or "__default__"
        if name not in index.namespaces:
            raise rpc_status(404, 5, "Namespace not found")
        space = self._space(index, name)
        ids, wanted, everything = body.get("ids"), body.get("filter"), body.get("deleteAll")
        if sum(bool(choice) for choice in (ids, wanted, everything)) != 1:
            raise rpc_status(400, 3, "exactly one of ids, filter and deleteAll must be given")
        if ids is not None and not 1 <= len(ids) <= MAX_IDS:
            raise rpc_status(400, 3, f"ids must hold 1 to {MAX_IDS} values")
        if everything:
            gone = list(space.vectors)
        elif wanted:
            gone = [k for k, v in space.vectors.items() if _matches(v.metadata or {}, wanted)]
        else:
            gone = list(ids)
        # Absent ids are no error.
        return Answer(200, {}, self._commit(space, dict.fromkeys(gone)))

    def _update(self, index: Index, request: Request) -> Answer:
        body = request.json()
        space = self._space(index, body.get("namespace"), make=True)
        held = space.vectors.get(body.get("id", ""))
        if held is None:
            return Answer(200, {}, _request_id())
        added = _checked_metadata(body.get("setMetadata")) or {}
        values = held.values
        if body.get("values"):
            values = _checked_values(body["values"], index.dimension)
        merged = Vector(values, {**(held.metadata or {}), **added})
        return Answer(200, {}, self._commit(space, {body["id"]: merged}))

    def _list(self, index: Index, request: Request) -> Answer:
        limit = int(_one(request, "limit") or 100)
        if not 1 <= limit <= 100:
            raise rpc_status(400, 3, "limit must be between 1 and 100")
        name = _one(request, "namespace")
        space = self._space(index, name)
        after = _one(request, "paginationToken") or ""
        prefix = _one(request, "prefix") or ""
        # C collation: by bytes, and ids are ASCII.
        ids = sorted(key for key in space.vectors if key.startswith(prefix) and key > after)
        answer: dict[str, Any] = {
            "vectors": [{"id": key} for key in ids[:limit]],
            "namespace": name or "",
            "usage": {"readUnits": 1},
        }
        if len(ids) > limit:
            answer["pagination"] = {"next": ids[limit - 1]}
        return Answer(200, answer, _request_id())

    def _fetch(self, index: Index, request: Request) -> Answer:
        ids = request.query.get("ids", [])
        if not 1 <= len(ids) <= MAX_IDS:
            raise rpc_status(400, 3, f"ids must hold 1 to {MAX_IDS} values")
        space = self._space(index, _one(request, "namespace"))
        found = {key: _record(key, space.vectors[key]) for key in ids if key in space.vectors}
        body = {
            "vectors": found,
            "namespace": _one(request, "namespace") or "",
            "usage": {"readUnits": 1},
        }
        return Answer(200, body, _request_id())

    def _query(self, index: Index, request: Request) -> Answer:
        body = request.json()
        top_k = body.get("topK")
        if not isinstance(top_k, int) or not 1 <= top_k <= MAX_TOP_K:
            raise rpc_status(400, 3, f"topK must be between 1 and {MAX_TOP_K}")
        space = self._space(index, body.get("namespace"))
        self._settle(space)
        if (body.get("vector") is None) == (body.get("id") is None):
            raise rpc_status(400, 3, "exactly one of vector and id must be given")
        if body.get("vector") is not None:
            asked: Vector | None = Vector(
                _checked_values(body["vector"], index.dimension, may_be_zero=True), None
            )
        else:
            asked = space.indexed.get(body["id"])
        scored = []
        for key, held in space.indexed.items():
            if asked and _matches(held.metadata or {}, body.get("filter") or {}):
                scored.append((_score(index.metric, asked.array, held.array), key, held))
        scored.sort(key=lambda entry: (-entry[0], entry[1]))
        matches = []
        for score, key, held in scored[:top_k]:
            match: dict[str, Any] = {"id": key, "score": score}
            if body.get("includeValues"):
                match["values"] = held.values
            if body.get("includeMetadata") and held.metadata is not None:
                match["metadata"] = held.metadata
            matches.append(match)
        answer = {
            "matches": matches,
            "namespace": body.get("namespace") or "",
            "usage": {"readUnits": 1},
        }
        headers = {"x-pinecone-max-indexed-lsn": str(space.indexed_lsn), **_request_id()}
        return Answer(200, answer, headers)

    def _stats(self, index: Index, request: Request) -> Answer:
        if request.json().get("filter"):
            raise rpc_status(400, 3, "Serverless indexes do not support describing with a filter")
        counts = {}
        for name, space in index.namespaces.items():
            self._settle(space)
            counts[name] = {"vectorCount": len(space.indexed)}
        body = {
            "namespaces": counts,
            "dimension": index.dimension,
            "indexFullness": 0,
            "totalVectorCount": sum(entry["vectorCount"] for entry in counts.values()),
            "metric": index.metric,
            "vectorType": "dense",
        }
        return Answer(200, body, _request_id())

    def _namespaces(self, index: Index, request: Request) -> Answer:
        names = [
            {"name": name, "record_count": str(len(space.vectors))}
            for name, space in sorted(index.namespaces.items())
        ]
        return Answer(200, {"namespaces": names, "total_count": len(names)}, _request_id())


def made_up_embedding(text: str, dimension: int) -> list[float]:
    """Numbers that depend on the text alone: no model runs here, and nearness means nothing."""
    seed = hashlib.blake2b(text.encode(), digest_size=32).digest()
    stream = b""
    block = 0
    while len(stream) < 2 * dimension:
        stream += hashlib.blake2b(seed + block.to_bytes(4, "big"), digest_size=64).digest()
        block += 1
    return [
        round((int.from_bytes(stream[2 * i : 2 * i + 2], "big") - 32768) / 32768, 6)
        for i in range(dimension)
    ]


def _request_id() -> dict[str, str]:
    return {"x-pinecone-request-id": uuid.uuid4().hex}


def _one(request: Request, name: str) -> str | None:
    values = request.query.get(name)
    return values[0] if values else None


def _record(key: str, vector: Vector) -> dict[str, Any]:
    record: dict[str, Any] = {"id": key, "values": vector.values}
    if vector.metadata is not None:
        record["metadata"] = vector.metadata
    return record


def _checked_values(values: Any, dimension: int, *, may_be_zero: bool = False) -> list[float]:
    if not isinstance(values, list) or not values:
        raise rpc_status(400, 3, "values must not be empty")
    if any(isinstance(v, bool) or not isinstance(v, int | float) for v in values):
        # A NaN of the client arrives as null.
        raise rpc_status(400, 3, "values[0]: invalid value null for type float")  # wording unknown
    if len(values) != dimension:
        raise rpc_status(
            400, 3,
            f"Vector dimension {len(values)} does not match the dimension of the index {dimension}",
        )  # fmt: skip
    if not may_be_zero and all(abs(v) < NEARLY_ZERO for v in values):
        raise rpc_status(400, 3, "Dense vectors must contain at least one non-zero value")
    return [float(v) for v in values]


def _checked_metadata(metadata: Any) -> dict[str, Any] | None:
    if metadata is None:
        return None
    kept: dict[str, Any] = {}
    for key, value in metadata.items():
        if key.startswith("$"):
            raise rpc_status(400, 3, f"Metadata key must not start with $: {key}")
        if value is None:
            continue
        if isinstance(value, str | bool):
            kept[key] = value
        elif isinstance(value, int | float):
            kept[key] = float(value)
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            kept[key] = value
        else:
            raise rpc_status(
                400, 3,
                "Metadata value must be a string, number, boolean or list of strings, got "
                f"'{json.dumps(value)[:60]}' for field '{key}'",
            )  # fmt: skip
    size = len(json.dumps(kept, ensure_ascii=False).encode())
    if size > MAX_METADATA_BYTES:
        raise rpc_status(
            400, 3,
            f"Metadata size is {size} bytes, which exceeds the limit of {MAX_METADATA_BYTES} bytes "
            "per vector",
        )  # fmt: skip
    return kept


def _score(metric: str, left: Any, right: Any) -> float:
    if metric == "euclidean":
        return float(((left - right) ** 2).sum())
    dot = float(left @ right)
    if metric == "dotproduct":
        return dot
    norms = math.sqrt(float(left @ left) * float(right @ right))
    return dot / norms if norms else 0.0


def _matches(metadata: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    for key, condition in wanted.items():
        if key in ("$and", "$or"):
            results = [_matches(metadata, part) for part in condition]
            if not (all(results) if key == "$and" else any(results)):
                return False
            continue
        if key.startswith("$"):
            raise rpc_status(400, 3, f"unknown operator {key}")
        value = metadata.get(key)
        tests = condition if isinstance(condition, dict) else {"$eq": condition}
        if not all(_holds(value, operator, operand) for operator, operand in tests.items()):
            return False
    return True


def _holds(value: Any, operator: str, operand: Any) -> bool:
    members = value if isinstance(value, list) else [value]
    if operator == "$eq":
        return operand in members
    if operator == "$ne":
        return operand not in members
    if operator == "$in":
        return any(member in operand for member in members)
    if operator == "$nin":
        return not any(member in operand for member in members)
    if operator == "$exists":
        return (value is not None) == operand
    if operator in ("$gt", "$gte", "$lt", "$lte"):
        if not isinstance(value, int | float):
            return False
        return bool(
            {
                "$gt": value > operand,
                "$gte": value >= operand,
                "$lt": value < operand,
                "$lte": value <= operand,
            }[operator]
        )
    raise rpc_status(400, 3, f"unknown operator {operator}")
