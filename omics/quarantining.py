"""The commands of ``omics quarantine``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from omics import output
from warehouse import exits
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    from loaders.quarantine import Quarantined


def list_command(*, as_json: bool) -> int:
    """Prints the files in quarantine."""
    from loaders.quarantine import listed
    from omics.preparing import prepare
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    with connect(get_settings()) as conn:
        prepare(conn)
        files = listed(conn)
    if as_json:
        output.print_json(files)
    elif files:
        output.print_table(
            "Quarantine",
            ("id", "file", "reason", "seen", "since"),
            [
                (f.quarantine_id, f.source_path, f.reason_code, f.seen, f.first_seen_at)
                for f in files
            ],
        )
    else:
        output.say("nothing in quarantine")
    return exits.DONE


def show_command(identifier: str, *, write_mapping: str | None, as_json: bool) -> int:
    """Prints everything known of one refused file; writes its column roles to be completed."""
    from loaders.quarantine import find
    from omics.preparing import prepare
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    with connect(get_settings()) as conn:
        prepare(conn)
        file = find(conn, identifier)
    if write_mapping is not None:
        _write_mapping(file, Path(write_mapping))
    if as_json:
        output.print_json(file)
        return exits.DONE
    output.say(f"{file.source_path}")
    for label, value in (
        ("id", file.quarantine_id),
        ("reason", file.reason_code),
        ("place", file.place),
        ("seen", file.seen),
        ("expected", file.expected),
        ("question", file.question),
        ("nearest format", file.nearest_format),
        ("what differs", file.differs),
        ("size", f"{file.size_bytes:,} bytes"),
        ("first seen", f"{file.first_seen_at:%Y-%m-%d %H:%M:%S}"),
    ):
        if value:
            output.say(f"  {label + ':':<16}{value}")
    if file.mapping_stub:
        output.say("  column roles, as far as they were understood:")
        for line in file.mapping_stub.rstrip().splitlines():
            output.say(f"    {line}")
    if write_mapping is not None:
        answer = f"--mapping {write_mapping}, once the roles in it are right"
    else:
        answer = "--source TYPE" + (" or --mapping FILE" if file.mapping_stub else "")
    output.say(f"next: mend the file, or: omics quarantine replay {file.quarantine_id} {answer}")
    return exits.DONE


def _write_mapping(file: Quarantined, target: Path) -> None:
    if file.mapping_stub is None:
        raise OmicsError(
            f"there are no columns to give roles to: {file.reason_code}",
            where=file.source_path,
            expected="a file that was refused because its columns were not understood",
            fix=f"see: omics quarantine show {file.quarantine_id}",
        )
    if target.exists():
        raise OmicsError(
            "the file exists already and may hold your answers",
            where=target,
            expected="a name that is free",
            fix="choose another name, or remove the file",
        )
    target.write_text(file.mapping_stub, encoding="utf-8")


def replay_command(
    identifiers: list[str], *, source: str | None, mapping: str | None, as_json: bool
) -> int:
    """Reads refused files again and loads those that can be read now."""
    from loaders.load import LoadRequest
    from loaders.quarantine import find, listed
    from omics.loading import load_document, run_load
    from omics.preparing import prepare
    from omics.reports import print_load
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    with connect(get_settings()) as conn:
        prepare(conn)
        files = [find(conn, i) for i in identifiers] if identifiers else listed(conn)
        if not files:
            output.say("nothing in quarantine")
            return exits.DONE
        request = LoadRequest(
            files=tuple(file.source_path for file in files),
            source=source,
            reread=True,
            mapping_file=mapping,
        )
        report = run_load(conn, request, command="quarantine replay", quiet=as_json)
    if as_json:
        output.print_json(load_document(report))
    else:
        print_load(report)
    return exits.DONE if report.is_complete else exits.PARTIAL
