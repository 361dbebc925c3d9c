"""``omics formats``: which formats are read, and how."""

from __future__ import annotations

import difflib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from omics import output
from warehouse import exits
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    from loaders.formats.registry import Entry


def formats_command(name: str | None, *, as_json: bool) -> int:
    """Prints the list of formats, or all that is known of one.

    Raises:
        OmicsError: No format has that name.
    """
    from loaders.formats.registry import entries

    found = list(entries())
    if name is not None:
        return _show(name, found, as_json=as_json)
    if as_json:
        output.print_json([_record(entry) for entry in found])
        return exits.DONE
    output.print_table(
        "Formats that are read",
        ("format", "type", "shape", "quantities, the preferred one first"),
        [_line(entry) for entry in found if not entry.refused],
    )
    output.print_table(
        "Recognised and not read",
        ("format", "why"),
        [(entry.about.name, entry.refused) for entry in found if entry.refused],
    )
    return exits.DONE


def _line(entry: Entry) -> tuple[str, ...]:
    about = entry.about
    return (
        about.name,
        ", ".join(about.omics_types) or "by content",
        about.shape.split(";")[0],
        ", ".join(quantity.name for quantity in about.quantities),
    )


def _record(entry: Entry) -> dict[str, Any]:
    return {
        **asdict(entry.about),
        "family": entry.family,
        "described_in": entry.where,
        "refused": entry.refused or None,
    }


def _show(name: str, found: list[Entry], *, as_json: bool) -> int:
    by_name = {entry.about.name.casefold(): entry for entry in found}
    entry = by_name.get(name.casefold())
    if entry is None:
        near = difflib.get_close_matches(name.casefold(), by_name, n=3, cutoff=0.4)
        shown = ", ".join(repr(by_name[key].about.name) for key in near)
        raise OmicsError(
            f"no format is named {name!r}",
            where="omics formats",
            expected=f"one of the names that 'omics formats' lists{': ' + shown if shown else ''}",
            fix="omics formats",
        )
    if as_json:
        output.print_json(_record(entry))
        return exits.DONE
    output.say(entry.about.name)
    for label, value in _record(entry).items():
        if label == "name" or not value:
            continue
        if isinstance(value, list | tuple):
            lines = [
                f"{v['name']}: {v['columns']}{'; ' + v['note'] if v['note'] else ''}"
                if isinstance(v, dict)
                else str(v)
                for v in value
            ]
        else:
            lines = [str(value)]
        for at, line in enumerate(lines):
            output.say(f"  {label.replace('_', ' ') + ':' if not at else '':<17}{line}")
    return exits.DONE
