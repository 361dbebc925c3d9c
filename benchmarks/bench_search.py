"""Search: what it finds (recall at 5, mean reciprocal rank), by path, and how long it takes.

The questions stand in `retrieval_questions.csv`. Those of the half `before` were written first, and
weights were chosen by them; those of the half `after` were written then, and none of them was
looked at again. Only the second half is reported.
"""

from __future__ import annotations

import csv
import os
import random
import statistics
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from benchmarks.bench_load import FULL, Row, Scale
from benchmarks.measure import REPOSITORY, must, omics
from benchmarks.server import database, environment
from omics.notations import read_lipid
from sync import publish
from sync.embedders import make_embedder
from sync.options import Options
from sync.searching import answering, indexing, nearness
from tests.standins.pinecone import PineconeStandIn
from warehouse import connection
from warehouse.settings import Settings

#: Folders of the public files that are loaded beside the examples.
CORPUS = ("programs", "lipidomics", "metabolomics")

CLASSES = ("exact", "morphology", "synonym", "typo", "concept")


@dataclass(frozen=True)
class Question:
    """One question with the entities that answer it, any of them."""

    half: str
    kind: str
    marts: str
    text: str
    expected: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Score:
    """How well one set of questions was answered."""

    questions: int
    recall: float
    mrr: float


def questions() -> list[Question]:
    """Every question."""
    path = Path(__file__).with_name("retrieval_questions.csv")
    with path.open(newline="", encoding="utf-8") as handle:
        return [
            Question(
                row["half"],
                row["class"],
                row["marts"],
                row["question"],
                frozenset(
                    (kind, name)
                    for kind, _, name in (
                        entry.partition(":") for entry in row["expected"].split("|")
                    )
                ),
            )
            for row in csv.DictReader(handle)
        ]


def rank_of(conn: Any, question: Question, path: str, options: Options) -> int | None:
    """Place of the first hit that answers, from 1; none beyond ten."""
    found = ask(conn, question.text, path, options)
    for place, hit in enumerate(found.hits, 1):
        if (hit.entity_type, hit.title) in question.expected:
            return place
    return None


def ask(conn: Any, text: str, path: str, options: Options) -> Any:
    """Asks by one path only, or by all of them together."""
    return answering.answer(
        conn,
        text,
        options,
        seconds=10.0,
        readers=(read_lipid,),
        only=None if path == "all" else (path,),
    )


def scores(
    conn: Any, asked: Sequence[Question], path: str, options: Options
) -> Mapping[str, Score]:
    """Scores by class, and over all questions."""
    ranks: dict[str, list[int | None]] = {kind: [] for kind in CLASSES}
    for question in asked:
        ranks[question.kind].append(rank_of(conn, question, path, options))
    ranks["overall"] = [rank for kind in CLASSES for rank in ranks[kind]]
    return {
        kind: Score(
            len(found),
            sum(rank is not None and rank <= 5 for rank in found) / max(1, len(found)),
            sum(1 / rank for rank in found if rank) / max(1, len(found)),
        )
        for kind, found in ranks.items()
    }


# How long it takes ------------------------------------------------------------------------------

_MARTS = """
create schema marts;
create table marts.documents (
    entity_type text not null, entity_id uuid not null, chunk text not null, title text not null,
    text text not null, metadata jsonb not null, content_hash text not null,
    unique (entity_type, entity_id, chunk));
create index on marts.documents (entity_id);
create table marts.datasets (
    dataset_id uuid primary key, name text not null, dataset_key text, omics_type text,
    external_ids jsonb default '{}', updated_at timestamptz default now());
create table marts.features (
    feature_id uuid primary key, feature_type text, name text, canonical_id text, taxon text,
    lipid_class text, lipid_level text, formula text, identifiers jsonb default '{}',
    synonyms text[] default '{}');
"""

_SYLLABLES = [a + b for a in "bcdfglmnprstvz" for b in ("a", "e", "i", "o", "u", "in", "or")]
_CHUNKS = ("overview", "features.1", "abundant", "methods.1", "quality")


def make_documents(conn: Any, documents: int, seed: int = 1) -> list[str]:
    """Fills made-up marts: five chunks for each dataset, words as unevenly common as in any text.

    Returns:
        The words, the most common first.
    """
    draw = random.Random(seed)  # noqa: S311 - made-up text
    words = list(
        dict.fromkeys(
            "".join(draw.choices(_SYLLABLES, k=draw.randint(2, 4))) for _ in range(40_000)
        )
    )
    cumulated, total = [], 0.0
    for rank in range(1, len(words) + 1):
        total += 1 / rank
        cumulated.append(total)
    conn.execute(_MARTS)
    types = ("lipidomics", "metabolomics", "proteomics", "transcriptomics")
    datasets = []
    with conn.cursor() as cursor, cursor.copy("copy marts.documents from stdin") as copy:
        for number in range(documents):
            if number % len(_CHUNKS) == 0:
                dataset = uuid.UUID(int=draw.getrandbits(128))
                name = " ".join(draw.choices(words, cum_weights=cumulated, k=3)) + f" {number}"
                kind = draw.choice(types)
                datasets.append((dataset, name, f"/data/{name.replace(' ', '_')}.csv", kind))
            chunk = _CHUNKS[number % len(_CHUNKS)]
            text = " ".join(draw.choices(words, cum_weights=cumulated, k=60))
            metadata = {"dataset_id": str(dataset), "omics_type": kind, "disease": ["none"]}
            row = (
                "dataset",
                dataset,
                chunk,
                f"{name}: {chunk}",
                text,
                Jsonb(metadata),
                str(number),
            )
            copy.write_row(row)
    with (
        conn.cursor() as cursor,
        cursor.copy(
            "copy marts.datasets (dataset_id, name, dataset_key, omics_type) from stdin"
        ) as copy,
    ):
        for entry in datasets:
            copy.write_row(entry)
    with (
        conn.cursor() as cursor,
        cursor.copy(
            "copy marts.features (feature_id, feature_type, name, canonical_id, synonyms)"
            " from stdin"
        ) as copy,
    ):
        for number, word in enumerate(words[::4]):
            synonyms = [f"{word.upper()}-{number}", f"{word}ase"]
            identity = (uuid.UUID(int=draw.getrandbits(128)), "gene")
            copy.write_row((*identity, f"{word.upper()}{number % 10}", f"hgnc:{number}", synonyms))
    conn.execute("analyze")
    return words


def make_questions(words: Sequence[str], count: int, seed: int = 2) -> list[str]:
    """Questions of one to six words, some common, some rare, some mistyped, some a name."""
    draw = random.Random(seed)  # noqa: S311 - made-up text
    found = []
    for number in range(count):
        chosen = draw.choices(words[:5_000], k=draw.randint(1, 4))
        chosen += draw.choices(words[:50], k=draw.randint(0, 2))
        if number % 4 == 0:
            at = draw.randrange(len(chosen))
            word = chosen[at]
            place = draw.randrange(1, max(2, len(word) - 1))
            chosen[at] = word[:place] + word[place + 1 :]
        if number % 5 == 0:
            chosen.append(f"{words[4 * draw.randrange(2_000)].upper()}{draw.randrange(10)}")
        draw.shuffle(chosen)
        found.append(" ".join(chosen))
    return found


def speed(base: Settings, work: Path, scale: Scale) -> list[Row]:
    """Ninety-fifth percentile of a search over 100,000 documents, vectors among them."""
    documents, count = (100_000, 300) if scale is FULL else (1_000, 20)
    with database(base) as settings, connection.connect(settings) as conn:
        words = make_documents(conn, documents)
        # What this session wrote is else counted at its end, and each search would find the index
        # behind the marts. That of a build has ended.
        conn.execute("select pg_stat_force_next_flush()")
        began = time.perf_counter()
        indexing.update(conn)
        indexed = time.perf_counter() - began
        embedder = make_embedder(Options())
        reason = nearness.prepare(conn, embedder.spec)
        began = time.perf_counter()
        vectors = 0 if reason else nearness.fill(conn, embedder)
        filled = time.perf_counter() - began
        asked = make_questions(words, count)
        for question in asked[:10]:
            answering.answer(conn, question, Options())
        taken, worked, degraded = [], [], 0
        for question in asked:
            began, before = time.perf_counter(), _processor_seconds(conn)
            found = answering.answer(conn, question, Options())
            taken.append(time.perf_counter() - began)
            worked.append(_processor_seconds(conn) - before)
            degraded += bool(found.degraded)
    assert not degraded, f"{degraded} searches were degraded"
    p50 = statistics.median(taken) * 1000
    p95 = statistics.quantiles(taken, n=20)[-1] * 1000
    busy = statistics.quantiles(worked, n=20)[-1] * 1000
    return [
        Row(
            f"search over {documents:,} documents: 95 of 100 answers within",
            f"{p95:.0f} ms",
            "< 150 ms",
            "",
            p95 < 150,
            f"half of them within {p50:.0f} ms; names, full text and pgvector; {count} questions;"
            f" processor time, client and server together, of 95 of 100 below {busy:.0f} ms;"
            f" {os.getloadavg()[0]:.0f} processes wanted to run on {os.cpu_count()} processors",
        ),
        Row(
            "indexing them: words and names",
            f"{indexed:.1f} s",
            "",
            "",
            None,
            f"{vectors:,} vectors took {filled:.0f} s more",
        ),
    ]


def _processor_seconds(conn: Any) -> float:
    """Processor time of this process and of the server's for it: free of what else is running.

    Zero for the server's part where /proc does not tell.
    """
    try:
        text = Path(f"/proc/{conn.info.backend_pid}/schedstat").read_text()
    except OSError:
        return time.process_time()
    return time.process_time() + int(text.split()[0]) / 1e9


_NOTES = {
    "all": "questions of the second half, written after the weights were chosen",
    "pinecone": "a local stand-in with the same built-in embedder: vectors alone",
    "pgvector": "the built-in embedder: vectors alone, letters and words",
}


def retrieval(base: Settings, work: Path, scale: Scale) -> list[Row]:
    """Recall and mean reciprocal rank of the questions that no weight was chosen by."""
    corpus = (REPOSITORY.parent / "shared" / "corpus").resolve()
    with database(base) as settings:
        own = environment(settings)
        must(omics("load", "--dir", "examples", environment=own), allowed=(0, 2))
        if scale is FULL and corpus.is_dir():
            for folder in CORPUS:
                must(omics("load", "--dir", str(corpus / folder), environment=own), allowed=(0, 2))
        must(omics("build", environment=own), allowed=(0, 1))
        must(omics("sync", "index", environment=own))
        present = {"examples"} | ({"corpus"} if scale is FULL and corpus.is_dir() else set())
        asked = [q for q in questions() if q.half == "after" and q.marts in present]
        if scale is not FULL:
            asked = asked[::8]
        with connection.connect(settings) as conn, PineconeStandIn(address="127.0.9.9") as pinecone:
            remote = Options(pinecone_key=pinecone.api_key, pinecone_host=pinecone.url)
            publish.apply(conn, remote, services=["pinecone"])
            found = {
                path: scores(conn, asked, path, remote if path == "pinecone" else Options())
                for path in ("all", "names", "full_text", "pgvector", "pinecone")
            }
    rows = []
    for path, by_class in found.items():
        for kind, score in by_class.items():
            least = {"exact": 0.9, "synonym": 0.9, "overall": 0.75}.get(kind)
            judged = path == "all" and least is not None and scale is FULL
            rows.append(
                Row(
                    f"search by {path}: {kind}, {score.questions} questions",
                    f"MRR {score.mrr:.2f}, recall@5 {score.recall:.2f}",
                    f"MRR >= {least}" if path == "all" and least else "",
                    "",
                    score.mrr >= (least or 0) if judged else None,
                    _NOTES.get(path, "") if kind == "overall" else "",
                )
            )
    return rows


BENCHMARKS = {"search_speed": speed, "search_retrieval": retrieval}
