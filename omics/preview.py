"""``omics plan --preview``: what a load would change in each dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omics import output
from warehouse import exits

if TYPE_CHECKING:
    from loaders.load import LoadRequest

_SHOWN = 60
_KINDS = ("added", "removed", "changed")


def preview_command(request: LoadRequest, *, as_json: bool) -> int:
    """Prints one line for each dataset that a load would touch."""
    from loaders.load import preview_load
    from omics.preparing import prepare
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    settings = get_settings()
    with connect(settings) as conn:
        prepare(conn)
        found = preview_load(settings, conn, request)
    if as_json:
        output.print_json(found)
        return exits.DONE
    if not found:
        output.say("no file is new, changed or gone")
        return exits.DONE
    output.print_table(
        "Preview: rows and columns added, removed, changed",
        ("file", "part", "type", "", "rows", "columns", "rejected"),
        [
            (
                entry.path,
                entry.part,
                entry.omics_type,
                entry.change,
                _signed(entry.counts, "rows") or entry.counts.get("rows"),
                _signed(entry.counts, "columns"),
                entry.counts.get("rows_rejected"),
            )
            for entry in found[:_SHOWN]
        ],
    )
    if len(found) > _SHOWN:
        output.say(f"… and {len(found) - _SHOWN:,} more; --json prints all")
    for entry in found[:_SHOWN]:
        if entry.detail:
            output.say(f"  {entry.path}: {entry.detail}")
        for kind, names in entry.examples.items():
            more = " …" if entry.counts[kind] > len(names) else ""
            output.say(f"  {entry.path}: {kind.replace('_', ' ')}: {', '.join(names)}{more}")
    output.say("nothing was written; mapped names and scores follow when the marts are built")
    return exits.DONE


def _signed(counts: dict[str, int], what: str) -> str:
    found = (
        (sign, counts.get(f"{what}_{kind}", 0)) for sign, kind in zip("+-~", _KINDS, strict=True)
    )
    return " ".join(f"{sign}{count:,}" for sign, count in found if count)
