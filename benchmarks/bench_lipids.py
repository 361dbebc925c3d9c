"""Lipid names: 50,000 that nobody has seen, and the same 50,000 again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product, zip_longest
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

    Of ten names, six are sums and plain chains, two come in the spelling of a tool, one has the
    double bonds of three chains, and one those of a sphingoid base, which only pygoslin reads.
    """
    makers = [
        _each("{head} {a}_{b}", ("PC", "PE", "PS", "PI", "PG", "DG")),
        _each("{head} {a}/{b}", ("PC", "PE", "PA")),
        _each("{head}(d{n}:1/{a}{hydroxyl})", ("Cer", "SM", "HexCer", "LacCer")),
        _each("TG({a}/{b}/{c})", ("TG",)),
        _each("{head} {sum}", ("PC", "PE", "TG", "CL", "DG", "PC O-")),
        _each("{head}(P-16:0/{b})", ("PE", "PC")),
        _each("TAG{sum}-FA{a}", ("TG",)),
        _each("{a}-{b}(d7) {head}", ("PC", "PE", "PG", "PS")),
        _each("{head}(d{n}:1(4E)/{a})", ("Cer", "SM", "GlcCer", "CerP")),
        _each("{head}({a0}/{c1}(9Z)/{c2}(9Z,12Z))[iso6]", ("TG",)),
    ]
    found: dict[str, None] = {}
    for turn in zip_longest(*makers):
        found |= dict.fromkeys(name for name in turn if name is not None)
        if len(found) >= count:
            return list(found)[:count]
    raise ValueError(f"only {len(found):,} names can be made")


def _each(form: str, heads: tuple[str, ...]) -> Iterator[str]:
    carbons = range(8, 35)
    for shift, (a, b, head) in enumerate(product(carbons, carbons, heads)):
        for bonds in range(6):
            values = {
                "head": head,
                "a": f"{a}:{bonds % 4}",
                "b": f"{b}:{max(2, bonds)}",
                "c": f"{10 + shift % 20}:{bonds % 3}",
                "a0": f"{a}:0",
                "n": f"{b}",
                "c1": f"{b}:1",
                "c2": f"{14 + bonds + shift % 12}:2",
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
    with database(base) as settings, connection.connect(settings) as conn:
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
