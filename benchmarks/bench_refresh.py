"""A refresh and a build in which nothing changed, and questions on where a row comes from."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks.bench_load import FULL, Row, Scale
from benchmarks.generate import write_lipid_files
from benchmarks.measure import must, omics
from benchmarks.server import database, environment
from warehouse import connection
from warehouse.settings import Settings

ASSAYS = 12
QUESTIONS = 40


def unchanged_refresh(base: Settings, work: Path, scale: Scale) -> list[Row]:
    """Seconds of a refresh and of a build with nothing new, and rows that they write."""
    features = 420 if scale is FULL else 20
    folder = work / "refresh"
    write_lipid_files(folder, files=scale.files, features=features, assays=ASSAYS)
    values = scale.files * features * ASSAYS
    size = f"{scale.files:,} datasets ({values / 1e6:.1f} M values)"
    with database(base) as settings:
        own = environment(settings)

        def run(*arguments: str) -> list[float]:
            repeats = range(scale.repeats)
            return [must(omics(*arguments, environment=own)).seconds for _ in repeats]

        must(omics("refresh", "--dir", str(folder), environment=own))
        before = written(settings)
        refreshes = run("refresh", "--dir", str(folder))
        skipped = without_build(settings)
        starts = run("build", "--select", "no_such_model")
        builds = run("build")
        rows = written(settings) - before
        with connection.connect(settings) as conn:
            answers = questions(conn)
    took, start = median(refreshes), median(starts)
    return [
        Row(
            f"refresh with nothing new, {size}",
            f"{took:.1f} s",
            "<= 20 s",
            "-",
            took <= 20,
            f"median of {scale.repeats}, {skipped} of them without a build: nothing changed; "
            f"the start of omics and dbt alone takes {start:.1f} s",
        ),
        Row(
            f"build with nothing new, {size}",
            f"{median(builds):.1f} s",
            "-",
            "-",
            None,
            f"median of {scale.repeats}; dbt goes through all models and tests, as a refresh does "
            "where anything changed",
        ),
        Row(
            "rows of marts that they write",
            f"{rows:,}",
            "0",
            "0",
            rows == 0,
            f"inserted, updated and deleted by {scale.repeats} of each",
        ),
        *(
            Row(
                f"{what}, {values / 1e6:.1f} M values",
                f"{median(times) * 1000:.0f} ms",
                "<= 100 ms",
                "-",
                median(times) <= 0.1,
                f"median of {len(times)}; the slowest {max(times) * 1000:.0f} ms; "
                "without the start of the command",
            )
            for what, times in answers.items()
        ),
    ]


def written(settings: Settings) -> int:
    """Rows that were ever written to the marts, tables that were made since included."""
    # The counters of other sessions arrive when they end, or within a second. This session ends
    # too: one that may have written a moment ago would make the next refresh build.
    time.sleep(1.5)
    with connection.connect(settings) as conn:
        row = conn.execute(
            "select sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint from pg_stat_user_tables"
            " where schemaname = 'marts'"
        ).fetchone()
    return int(row[0]) if row else 0


def without_build(settings: Settings) -> int:
    """Number of refreshes that found that there was nothing to build."""
    with connection.connect(settings) as conn:
        row = conn.execute(
            "select count(*) from ops.runs where counts ? 'build_skipped'"
        ).fetchone()
    return int(row[0]) if row else 0


def questions(conn: psycopg.Connection[Any]) -> dict[str, list[float]]:
    """Seconds of each of many questions about random rows, by kind of question."""
    from warehouse.lineage.explain import explain
    from warehouse.lineage.find import Within, find
    from warehouse.lineage.impact import impact_of

    chance = random.Random(7)  # noqa: S311 - which rows to ask about
    datasets = conn.execute(
        "select d.dataset_id, d.name, f.path from marts.datasets as d"
        " join marts.source_files as f on f.source_file_id = d.source_file_id"
        " order by d.dataset_id"
    ).fetchall()
    rows = conn.execute(
        "select dataset_id, row_number, assay_id from marts.measurements where dataset_id = %s",
        (datasets[0][0],),
    ).fetchall()
    features = conn.execute("select feature_id from marts.features order by 1").fetchall()

    def ask(question: Callable[[], object]) -> list[float]:
        times = []
        for _ in range(QUESTIONS):
            began = time.perf_counter()
            question()
            times.append(time.perf_counter() - began)
        return times

    def cell() -> object:
        dataset_id, row_number, assay_id = chance.choice(rows)
        key = {"dataset_id": dataset_id, "row_number": row_number, "assay_id": assay_id}
        return explain(conn, "measurements", key)

    def named() -> object:
        dataset_id, _, _ = chance.choice(datasets)
        subject = find(conn, str(dataset_id), within=Within(feature="row 5"))
        return explain(conn, subject.mart, subject.key)

    return {
        "omics why, a measurement": ask(cell),
        "omics why, a row of a dataset by its id": ask(named),
        "omics why, a dataset": ask(
            lambda: explain(conn, "datasets", {"dataset_id": chance.choice(datasets)[0]})
        ),
        "omics why, a feature": ask(
            lambda: explain(conn, "features", {"feature_id": chance.choice(features)[0]})
        ),
        "omics impact, a file": ask(lambda: impact_of(conn, chance.choice(datasets)[2])),
    }


BENCHMARKS = {"refresh": unchanged_refresh}
