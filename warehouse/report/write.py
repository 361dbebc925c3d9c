"""Writes the report to a file, whole or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.errors import OmicsError
from warehouse.writing import require_folder, whole

if TYPE_CHECKING:
    import psycopg

    from warehouse.report.reading import Limits

#: What to type where MultiQC is missing.
INSTALL = "pip install -e '.[report]' -c constraints.txt"


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: The page.
        size: Its bytes.
        datasets: Datasets that it is about.
        sections: Sections with a plot or table, by name of chapter and section.
    """

    path: Path
    size: int
    datasets: int
    sections: tuple[str, ...]


def require_multiqc() -> None:
    """Makes sure that MultiQC can be used.

    Raises:
        OmicsError: It is not installed.
    """
    if find_spec("multiqc") is None:
        raise OmicsError(
            "the report is drawn by MultiQC, which is not installed",
            where=sys.executable,
            expected="the optional packages of the report",
            fix=INSTALL,
        )


def write_report(
    conn: psycopg.Connection[Any],
    path: Path,
    *,
    limits: Limits | None = None,
    names: Sequence[str] = (),
) -> Written:
    """Reads the marts and writes one HTML page that needs nothing else.

    Args:
        conn: A connection; it only reads.
        path: Where the page goes; one that is there is replaced once the new one is whole.
        limits: How much of a large warehouse is shown.
        names: Names or ids of the datasets to report on; none means all.

    Raises:
        OmicsError: MultiQC or the marts are missing, a dataset is unknown, or drawing failed.
    """
    from warehouse.marts import find_dataset, require_marts
    from warehouse.report.content import build
    from warehouse.report.reading import NEEDED, Limits, Marts

    require_multiqc()
    require_folder(path)
    require_marts(conn, NEEDED)
    only = [find_dataset(conn, name)[0] for name in names] or None
    # One moment for all queries: a build in between would mix two states of the marts.
    with conn.transaction():
        conn.execute("set transaction isolation level repeatable read, read only")
        report = build(Marts(conn, limits or Limits(), only))
        (total,) = conn.execute(
            "select count(*) from marts.datasets "
            "where %(only)s::uuid[] is null or dataset_id = any(%(only)s)",
            {"only": only},
        ).fetchall()
    document = report.document()
    _draw(document, path)
    return Written(
        path=path,
        size=path.stat().st_size,
        datasets=total[0],
        sections=tuple(
            f"{chapter.name}: {section.name}"
            for chapter in report.chapters
            for section in chapter.sections
            if section.plot is not None
        ),
    )


def _draw(document: dict[str, Any], path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="omics-report-") as folder:
        source = Path(folder) / "report.json"
        page = Path(folder) / "report.html"
        source.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")
        finished = subprocess.run(  # noqa: S603 - a module of this project
            [sys.executable, "-m", "warehouse.report.render", str(source), str(page)],
            # MultiQC reads settings from the folder it is started in.
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0 or not page.is_file():
            said = (finished.stderr or finished.stdout).strip().splitlines()
            raise OmicsError(
                "MultiQC could not draw the report",
                where="warehouse.report.render",
                expected="a page",
                fix=f"report this with its last line: {said[-1] if said else 'no output'}",
            )
        with whole(path) as beside:
            beside.write_bytes(page.read_bytes())
