"""The command ``omics report``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from omics import output
from warehouse import exits


def report_command(path: str, *, datasets: Sequence[str], as_json: bool) -> int:
    """Writes the quality report and says where it is."""
    from warehouse.connection import connect
    from warehouse.report.write import require_multiqc, write_report
    from warehouse.settings import get_settings

    # Before a server is started for nothing.
    require_multiqc()
    with connect(get_settings()) as conn:
        written = write_report(conn, Path(path).resolve(), names=datasets)
    if as_json:
        output.print_json(asdict(written))
    else:
        output.say(
            f"wrote {written.path} ({written.size / 1e6:.1f} MB): {written.datasets:,} datasets, "
            f"{len(written.sections)} plots and tables"
        )
        output.say("open it in a browser; it needs no network and no other file")
    return exits.DONE
