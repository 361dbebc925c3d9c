"""The commands of ``omics mappings``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omics import output
from warehouse import exits

if TYPE_CHECKING:
    from loaders.mappings import KeptMapping


def list_command(*, as_json: bool) -> int:
    """Prints the remembered mappings, the newest first."""
    from loaders.load import prepare
    from loaders.mappings import listed
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    with connect(get_settings()) as conn:
        prepare(conn)
        kept = listed(conn)
    if as_json:
        output.print_json(kept)
    elif kept:
        output.print_table(
            "Remembered column roles",
            ("id", "given for", "known columns", "samples", "since"),
            [
                (m.mapping_id, m.given_for, _columns(m.kind), _samples(m.kind), m.created_at)
                for m in kept
            ],
        )
    else:
        output.say("no column roles are remembered")
    return exits.DONE


def show_command(identifier: str, *, as_json: bool) -> int:
    """Prints one mapping in full."""
    from loaders.load import prepare
    from loaders.mappings import find
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    with connect(get_settings()) as conn:
        prepare(conn)
        kept = find(conn, identifier)
    if as_json:
        output.print_json(kept)
        return exits.DONE
    _print(kept)
    return exits.DONE


def forget_command(identifier: str, *, as_json: bool) -> int:
    """Forgets one mapping."""
    from loaders.load import prepare
    from loaders.mappings import forget
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    with connect(get_settings()) as conn:
        prepare(conn)
        kept = forget(conn, identifier)
    if as_json:
        output.print_json({"forgotten": kept.mapping_id})
    else:
        output.say(f"forgot {kept.mapping_id}; the datasets that it loaded stay")
    return exits.DONE


def _print(kept: KeptMapping) -> None:
    import yaml

    output.say(f"mapping {kept.mapping_id}, given for {kept.given_for}")
    output.say(f"  since {kept.created_at:%Y-%m-%d %H:%M:%S}")
    text = yaml.safe_dump(dict(kept.kind), sort_keys=False, allow_unicode=True)
    for line in text.rstrip().splitlines():
        output.say(f"  {line}")


def _columns(kind: Mapping[str, Any]) -> str:
    return ", ".join(f"{entry['header']} ({entry['role']})" for entry in kind.get("fixed", ()))


def _samples(kind: Mapping[str, Any]) -> str:
    rules = [
        f"{rule['prefix']}…{rule['suffix']} ({rule['role']})" for rule in kind.get("rules", ())
    ]
    return ", ".join(rules) or f"like {', '.join(kind.get('varying', ())[:3])}"
