"""Lipid names: 50,000 that nobody has seen, and the same 50,000 again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.server import database
from warehouse import connection
from warehouse.settings import Settings

if TYPE_CHECKING:
    import psycopg

    from benchmarks.bench_load import Row, Scale

NAMES = 50_000
FILES = 50


def names(count: int) -> list[str]:
    """Returns ``count`` different names of many classes, levels and dialects, by rule.

    Of ten names, six are sums and plain chains, two come in the spelling of a tool, and two have
    double-bond positions, which only pygoslin reads.
    """
    makers = [
        _each("{head} {a}_{b}", ("PC", "PE", "PS", "PI", "PG", "DG")),
        _each("{head} {a}/{b}", ("PC", "PE", "PA")),
        _each("{head}(d18:1/{a}{hydroxyl})", ("Cer", "SM", "HexCer", "LacCer")),
        _each("TG({a}/{b}/{c})", ("TG",)),
        _each("{head} {sum}", ("PC", "PE", "TG", "CL", "DG", "PC O-")),
        _each("{head}(P-16:0/{b})", ("PE", "PC")),
        _each("TAG{sum}-FA{a}", ("TG",)),
        _each("{a}-{b}(d7) {head}", ("PC", "PE", "PG", "PS")),
        _each("{head}({a}/{b}(9Z,12Z))", ("PC", "PE", "PS", "PI")),
        _each("{head} {a}/{b}(9Z)", ("PC", "PE", "DG")),
    ]
    found: dict[str, None] = {}
    while len(found) < count:
        for maker in makers:
            name = next(maker, None)
            if name is not None and len(found) < count:
                found[name] = None
    return list(found)


def _each(form: str, heads: tuple[str, ...]) -> Iterator[str]:
    carbons = range(10, 31)
    for shift, (a, b, head) in enumerate(product(carbons, carbons, heads)):
        for bonds in range(6):
            values = {
                "head": head,
                "a": f"{a}:{bonds % 4}",
                "b": f"{b}:{max(2, bonds)}",
                "c": f"{10 + shift % 20}:{bonds % 3}",
                "sum": f"{a + b + 16}:{bonds + shift % 6}",
                "hydroxyl": "(OH)" if bonds % 2 else "",
            }
            yield form.format(**values).replace("O- ", "O-")


def lipid_names(base: Settings, work: Path, scale: Scale) -> list[Row]:
    """50,000 names the first and the second time, on the processors of the machine."""
    from benchmarks.bench_load import Row
    from loaders.lipids.step import normalise_new_names
    from loaders.load import SilentProgress, prepare

    count = NAMES if scale.name == "full" else 600
    with database(base, "bench_lipids") as settings, connection.connect(settings) as conn:
        prepare(conn)
        wanted = names(count)
        _land(conn, wanted, "first")
        began = time.perf_counter()
        first = normalise_new_names(conn, settings, SilentProgress())
        seconds = time.perf_counter() - began
        _land(conn, wanted, "second")
        began = time.perf_counter()
        second = normalise_new_names(conn, settings, SilentProgress())
        again = time.perf_counter() - began
        began = time.perf_counter()
        normalise_new_names(conn, settings, SilentProgress())
        idle = time.perf_counter() - began
    assert (first.read, second.read) == (count, 0)
    mapped = first.by_status["mapped"] / count
    return [
        Row(
            f"{count:,} new lipid names, {settings.workers} processes",
            f"{seconds:,.1f} s",
            "600 s",
            "",
            seconds <= 600,
            f"{count / seconds:,.0f} names/s, {mapped:.1%} mapped",
        ),
        Row(f"the same {count:,} in another file", f"{again:.2f} s", "10 s", "", again <= 10),
        Row("nothing new", f"{idle * 1000:.1f} ms", "50 ms", "", idle <= 0.05),
    ]


def _land(conn: psycopg.Connection[Any], wanted: list[str], load_id: str) -> None:
    """Puts names into the landing tables as a finished load would."""
    from loaders.landing_tables import FEATURE_ROWS
    from loaders.landing_tables import FILES as FILES_TABLE

    offset = 0 if load_id == "first" else FILES
    share = -(-len(wanted) // FILES)
    with conn.transaction(), conn.cursor() as cursor:
        for number in range(FILES):
            file_id = offset + number
            cursor.execute(
                f"insert into raw_lipidomics.{FILES_TABLE.name} "
                "(file_id, dataset_key, status, _dlt_load_id) values (%s, %s, 'loaded', %s)",
                (file_id, f"bench/{file_id}.csv", load_id),
            )
            with cursor.copy(
                f"copy raw_lipidomics.{FEATURE_ROWS.name} "
                "(file_id, row_number, reported_name, _dlt_load_id) from stdin"
            ) as copy:
                for row, name in enumerate(wanted[number * share : (number + 1) * share]):
                    copy.write_row((file_id, row, name, load_id))
        cursor.execute(
            "insert into raw_lipidomics._dlt_loads (load_id, status, inserted_at) "
            "values (%s, 0, now())",
            (load_id,),
        )


BENCHMARKS = {"lipids": lipid_names}
