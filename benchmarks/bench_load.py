"""The budgets of loading and building, each against something measured in the same run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.generate import write_lipid_files
from benchmarks.measure import must, omics
from benchmarks.server import database, environment
from warehouse import connection
from warehouse.settings import Settings

FEATURES = 300
ASSAYS = 12
LARGE_FILES = 10
#: A round takes seconds: one alone says little on a shared machine.
ROUNDS = 3


@dataclass(frozen=True)
class Scale:
    """How large a run is. ``full`` is what the budgets are about; ``small`` proves that it runs."""

    name: str
    files: int
    few_files: int
    unchanged_files: int
    memory_values: int
    slow_files: int
    repeats: int


FULL = Scale("full", 2000, 200, 10_000, 10_000_000, 40, 3)
SMALL = Scale("small", 40, 10, 80, 100_000, 2, 1)


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, against what, and what is asked for."""

    what: str
    measured: str
    must: str
    aim: str
    holds: bool | None
    note: str = ""


@contextmanager
def timed() -> Iterator[list[float]]:
    """Gives a list that holds the seconds of the block once it is done."""
    seconds: list[float] = []
    began = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - began)


def throughput(base: Settings, work: Path, scale: Scale) -> list[Row]:
    """Files per minute, disk, and one new file into many datasets against one into few."""
    rows = []
    many, few = work / "many", work / "few"
    write_lipid_files(many, files=scale.files, features=FEATURES, assays=ASSAYS)
    write_lipid_files(few, files=scale.few_files, features=FEATURES, assays=ASSAYS)
    with database(base) as settings, database(base, "bench_few") as small:
        # dbt's parse of the project is kept between commands; a first build on a new machine takes
        # about 7 s longer.
        for each in (settings, small):
            must(omics("build", "--select", "no_such_model", environment=environment(each)))
        loaded = must(omics("load", "--dir", str(many), environment=environment(settings)))
        built = must(omics("build", environment=environment(settings)))
        per_minute = scale.files / (loaded.seconds + built.seconds) * 60
        alone = scale.files / loaded.seconds * 60
        rows.append(
            Row(
                f"{scale.files:,} files of {FEATURES} x {ASSAYS}: load + build, tests included",
                f"{per_minute:,.0f} files/min",
                "2,000 files/min",
                "6,000",
                per_minute >= 2000,
                f"load {loaded.seconds:.1f} s + build {built.seconds:.1f} s, project parsed before",
            )
        )
        rows.append(
            Row(
                "the same files, load alone",
                f"{alone:,.0f} files/min",
                "5,000 files/min",
                "12,000",
                alone >= 5000,
                f"{loaded.seconds:.1f} s",
            )
        )
        rows.append(disk(settings))
        must(omics("load", "--dir", str(few), environment=environment(small)))
        must(omics("build", environment=environment(small)))
        into_many, into_few = [], []
        for repeat in range(scale.repeats):
            for folder, target, seconds in ((many, settings, into_many), (few, small, into_few)):
                write_lipid_files(
                    folder, files=1, features=FEATURES, assays=ASSAYS, first=90_000 + repeat
                )
                refreshed = must(
                    omics("refresh", "--dir", str(folder), environment=environment(target))
                )
                seconds.append(refreshed.seconds)
        ratio = sorted(into_many)[scale.repeats // 2] / sorted(into_few)[scale.repeats // 2]
        rows.append(
            Row(
                f"refresh with one new file: {scale.files:,} datasets against {scale.few_files}",
                f"{ratio:.2f} x",
                "<= 1.3 x",
                "<= 1.1 x",
                ratio <= 1.3,
                f"medians of {scale.repeats}: {sorted(into_many)[scale.repeats // 2]:.1f} s "
                f"and {sorted(into_few)[scale.repeats // 2]:.1f} s",
            )
        )
    return rows


def disk(settings: Settings) -> Row:
    """Size of the array fact with its indexes against one row per value with its key."""
    with connection.connect(settings) as conn:
        conn.execute("drop table if exists public.long_fact")
        conn.execute(
            "create table public.long_fact as "
            "select m.dataset_id, m.feature_id, m.assay_id, m.row_number, m.abundance "
            "from marts.measurements as m"
        )
        conn.execute("create unique index on public.long_fact (dataset_id, row_number, assay_id)")
        ours, theirs = conn.execute(
            "select pg_total_relation_size('marts.dataset_features')::float8, "
            "pg_total_relation_size('public.long_fact')::float8"
        ).fetchone() or (0.0, 1.0)
        conn.execute("drop table public.long_fact")
    ratio = ours / theirs
    return Row(
        "disk of dataset_features against one row per value (both with their indexes)",
        f"{ratio:.2f}",
        "<= 0.35",
        "<= 0.25",
        ratio <= 0.35,
        f"{ours / 2**20:,.0f} MiB and {theirs / 2**20:,.0f} MiB",
    )


def landing(base: Settings, work: Path, scale: Scale) -> list[Row]:
    """Values per second of reading and landing against barer and slower ways, in this process."""
    many = work / "many"
    if not many.exists():
        write_lipid_files(many, files=scale.files, features=FEATURES, assays=ASSAYS)
    paths = sorted(many.rglob("plate_*.csv"))
    values = len(paths) * FEATURES * ASSAYS
    large = work / "large"
    rows, assays = scale.memory_values // 100 // LARGE_FILES, 100
    write_lipid_files(large, files=LARGE_FILES, features=rows, assays=assays)
    large_paths = sorted(large.rglob("plate_*.csv"))
    large_values = len(large_paths) * rows * assays
    few = paths[: scale.slow_files]
    few_values = len(few) * FEATURES * ASSAYS
    with database(base) as settings:
        url = connection.database_url(settings)
        _load_in_process(settings, few)  # imports and first connections are not what is compared
        by_dicts = few_values / _dlt_row_dicts(url, few)
        by_copy = few_values / _psycopg_copy(url, few)
        by_pandas = few_values / _pandas_to_sql(url, few)
    small = _median_round(base, paths)
    big = _median_round(base, large_paths)
    ours = values / small.ours
    return [
        Row(
            f"read + land, values/s, against a bare pyarrow read + one ADBC copy: "
            f"{len(paths):,} small files",
            f"{small.ratio:.2f}",
            ">= 0.4",
            ">= 0.7",
            small.ratio >= 0.4,
            small.note(values),
        ),
        Row(
            f"the same with {LARGE_FILES} files of {rows * assays / 1e6:,.2g} M values each",
            f"{big.ratio:.2f}",
            ">= 0.4",
            ">= 0.7",
            big.ratio >= 0.4,
            big.note(large_values),
        ),
        Row(
            "landing against dlt fed with row dicts",
            f"{ours / by_dicts:,.0f} x",
            ">= 30 x",
            ">= 60 x",
            ours / by_dicts >= 30,
            f"{by_dicts:,.0f} values/s with row dicts ({few_values:,} values)",
        ),
        Row(
            "landing against psycopg COPY of one row per value",
            f"{ours / by_copy:,.1f} x",
            "-",
            "-",
            None,
            f"{by_copy:,.0f} values/s",
        ),
        Row(
            "landing against pandas to_sql of one row per value",
            f"{ours / by_pandas:,.0f} x",
            "-",
            "-",
            None,
            f"{by_pandas:,.0f} values/s",
        ),
    ]


@dataclass(frozen=True)
class Round:
    """Seconds of one comparison.

    Attributes:
        bare: Reading and copying with nothing else.
        ours: The whole load.
        names: What of it went into reading new lipid names, at the end of the load.
    """

    bare: float
    ours: float
    names: float

    @property
    def ratio(self) -> float:
        """Our values per second to the bare ones."""
        return self.bare / self.ours

    def note(self, values: int) -> str:
        """Says what was compared."""
        return (
            f"{values / self.ours:,.0f} and {values / self.bare:,.0f} values/s, median of {ROUNDS}"
            f" rounds; without the lipid names {self.bare / (self.ours - self.names):.2f}"
        )


def _median_round(base: Settings, paths: list[Path]) -> Round:
    """Our way and the bare one, one after the other, each time on a new database."""
    rounds = []
    for _ in range(ROUNDS):
        with database(base) as settings:
            bare = _bare_read_and_copy(connection.database_url(settings), paths, "bare")
            rounds.append(Round(bare, *_load_in_process(settings, paths)))
    return sorted(rounds, key=lambda each: each.ratio)[ROUNDS // 2]


def unchanged(base: Settings, work: Path, scale: Scale) -> list[Row]:
    """A load that finds nothing new."""
    folder = work / "unchanged"
    write_lipid_files(folder, files=scale.unchanged_files, features=10, assays=4)
    with database(base) as settings:
        must(omics("load", "--dir", str(folder), environment=environment(settings)))
        again = must(omics("load", "--dir", str(folder), environment=environment(settings)))
    return [
        Row(
            f"load again with nothing new, {scale.unchanged_files:,} files",
            f"{again.seconds:.1f} s",
            "<= 15 s",
            "<= 3 s",
            again.seconds <= 15,
        )
    ]


def memory(base: Settings, work: Path, scale: Scale) -> list[Row]:
    """Peak memory of loading many values, from many files and from one."""
    rows = []
    per_file = FEATURES * ASSAYS
    one = work / "one"
    assays = 100
    write_lipid_files(one, files=1, features=scale.memory_values // assays, assays=assays)
    several = work / "several"
    write_lipid_files(
        several, files=scale.memory_values // per_file, features=FEATURES, assays=ASSAYS
    )
    for folder, text in ((several, "many files"), (one, "one file")):
        with database(base) as settings:
            loaded = must(
                omics(
                    "load",
                    "--dir",
                    str(folder),
                    environment=environment(settings),
                    watch_memory=True,
                )
            )
        rows.append(
            Row(
                f"peak memory, loading {scale.memory_values / 1e6:,.1f} M values from {text}",
                f"{loaded.peak_mib:.0f} MiB",
                "<= 512 MiB",
                "<= 256 MiB",
                loaded.peak_mib <= 512 if loaded.peak_mib else None,
                f"all processes of the command together, {loaded.seconds:.1f} s",
            )
        )
    return rows


def _load_in_process(settings: Settings, paths: list[Path]) -> tuple[float, float]:
    """Seconds of a load, and of its last step, which reads the new lipid names."""
    from loaders.load import LoadRequest, load, prepare
    from warehouse.ledger import finish_run, start_run

    with connection.connect(settings) as conn:
        prepare(conn)
        run_id = start_run(conn, "bench", {})
        request = LoadRequest(files=tuple(map(str, paths)), source="lipidomics", reread=True)
        with timed() as seconds:
            report = load(settings, conn, request, run_id=run_id)
        finish_run(conn, run_id, exit_code=0, counts=report.counts, durations=report.durations)
    if len(report.loaded) != len(paths):
        raise SystemExit(f"{len(report.refused)} of {len(paths)} files were refused")
    return seconds[0], report.durations["lipid_names"]


def _bare_read_and_copy(url: str, paths: list[Path], table_name: str) -> float:
    import adbc_driver_postgresql.dbapi as adbc
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    with timed() as seconds:
        tables = []
        for number, path in enumerate(paths):
            table = csv.read_csv(path)
            columns = [column.to_numpy() for column in table.columns[1:]]
            flat = pa.array(np.column_stack(columns).ravel())
            offsets = np.arange(0, len(flat) + 1, len(columns), dtype=np.int32)
            arrays = pa.ListArray.from_arrays(pa.array(offsets), flat)
            ids = pa.repeat(pa.scalar(number, pa.int64()), table.num_rows)
            names = table.column(0).combine_chunks()
            tables.append(pa.table([ids, names, arrays], names=["file_id", "name", "quantities"]))
        with adbc.connect(url) as conn, conn.cursor() as cursor:
            cursor.adbc_ingest(table_name, pa.concat_tables(tables), mode="create")
            conn.commit()
    return seconds[0]


def _long_rows(paths: list[Path]) -> Iterator[dict[str, Any]]:
    import csv

    for number, path in enumerate(paths):
        with path.open(newline="") as handle:
            for record in csv.DictReader(handle):
                name = record.pop("Lipid Species")
                for assay, value in record.items():
                    yield {"file_id": number, "name": name, "assay": assay, "value": float(value)}


def _dlt_row_dicts(url: str, paths: list[Path]) -> float:
    import tempfile

    import dlt

    with tempfile.TemporaryDirectory() as folder, timed() as seconds:
        pipeline = dlt.pipeline(
            "bench_rows",
            pipelines_dir=folder,
            destination=dlt.destinations.postgres(credentials=url),
            dataset_name="bench_rows",
        )
        info = pipeline.run(
            _long_rows(paths), table_name="rows", loader_file_format="insert_values"
        )
        info.raise_on_failed_jobs()
    return seconds[0]


def _psycopg_copy(url: str, paths: list[Path]) -> float:
    import psycopg

    with timed() as seconds, psycopg.connect(url) as conn, conn.cursor() as cursor:
        cursor.execute(
            "create table copy_rows (file_id bigint, name text, assay text, value float8)"
        )
        with cursor.copy("copy copy_rows from stdin") as copy:
            for row in _long_rows(paths):
                copy.write_row(tuple(row.values()))
    return seconds[0]


def _pandas_to_sql(url: str, paths: list[Path]) -> float:
    import pandas as pd
    import sqlalchemy

    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with timed() as seconds:
        for number, path in enumerate(paths):
            wide = pd.read_csv(path)
            long = wide.melt(id_vars="Lipid Species", var_name="assay").assign(file_id=number)
            long.to_sql("pandas_rows", engine, if_exists="append", index=False)
    engine.dispose()
    return seconds[0]


BENCHMARKS = {
    "throughput": throughput,
    "landing": landing,
    "unchanged": unchanged,
    "memory": memory,
}
