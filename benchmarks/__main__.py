"""``python -m benchmarks``: runs the benchmarks, prints a table, writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    bench_formats,
    bench_identity,
    bench_lipids,
    bench_load,
    bench_refresh,
    bench_scores,
    bench_search,
)
from benchmarks.bench_load import FULL, SMALL, Row, Scale
from benchmarks.measure import REPOSITORY
from benchmarks.server import embedded_server

BENCHMARKS = {
    **bench_load.BENCHMARKS,
    **bench_refresh.BENCHMARKS,
    **bench_identity.BENCHMARKS,
    **bench_lipids.BENCHMARKS,
    **bench_scores.BENCHMARKS,
    **bench_formats.BENCHMARKS,
    **bench_search.BENCHMARKS,
}
REPORT = REPOSITORY / "docs" / "benchmarks.md"


def main() -> None:
    """Runs what was asked for; a full run of everything writes the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--small", action="store_true", help="tiny sizes: only proves that it runs")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    scale = SMALL if arguments.small else FULL
    names = arguments.names or list(BENCHMARKS)
    rows: list[Row] = []
    with embedded_server() as server, tempfile.TemporaryDirectory(prefix="omics-bench-") as work:
        for name in names:
            found = BENCHMARKS[name](server, Path(work), scale)
            rows += found
            print(table(found), flush=True)
    if scale is FULL and not arguments.names:
        REPORT.write_text(report(rows, scale), encoding="utf-8")


def table(rows: list[Row]) -> str:
    """Returns the rows as a Markdown table."""
    lines = ["| what | measured | must | aim | holds | note |", "|---|---|---|---|---|---|"]
    for row in rows:
        holds = {True: "yes", False: "**no**", None: ""}[row.holds]
        lines.append(
            f"| {row.what} | {row.measured} | {row.must} | {row.aim} | {holds} | {row.note} |"
        )
    return "\n".join(lines) + "\n"


def report(rows: list[Row], scale: Scale) -> str:
    """Returns the page for docs: the table, the machine, the date, and how to read it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"""# Benchmarks

Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}. Machine: {os.cpu_count()} processors,
{memory:.0f} GiB memory, {platform.system()} {platform.machine()},
Python {platform.python_version()}; the embedded Postgres with the project's own configuration on
the same machine.

Every comparison is a ratio of two things measured in this one run: single times on a shared machine
differ by a quarter from run to run, ratios much less. CI runs the same code with `--small`, which
proves that it runs and says nothing about speed. To compare two commits, run both on one machine,
one after the other, twice.

{table(rows)}
The files are lipidomics matrices with shorthand names, written by `benchmarks/generate.py`.

The questions of search stand in `benchmarks/retrieval_questions.csv`, over the examples and a few
public files. The weights were chosen by one half of them; the other half was written then, by the
same hand, and is what the table reports. Paths other than "all" are asked alone.
"""


if __name__ == "__main__":
    main()
