"""The ways rows take to the marts, and what row numbers count, read from data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Route:
    """How a mart is reached.

    Attributes:
        called: What one row is called.
        key: Columns that tell rows apart.
        ways: Name of a way to its tables and models, ``<source>`` left open.
    """

    called: str
    key: tuple[str, ...]
    ways: Mapping[str, tuple[str, ...]]

    def models(self, way: str, source: str | None) -> tuple[str, ...]:
        """Returns the tables and models of a way for one source."""
        return tuple(step.replace("<source>", source or "") for step in self.ways[way])


@cache
def routes() -> Mapping[str, Route]:
    """Returns every mart whose rows can be explained."""
    return {
        mart: Route(
            said["called"],
            tuple(said["key"]),
            {way: tuple(steps) for way, steps in said["ways"].items()},
        )
        for mart, said in _data("marts.yml").items()
    }


def unit_and_meaning(*, orientation: str | None, sheet: bool) -> tuple[str, str]:
    """Returns what a row number counts: its unit and a sentence.

    >>> unit_and_meaning(orientation="samples_in_rows", sheet=False)[0]
    'column'
    """
    known = {"orientation": orientation, "sheet": sheet}
    for rule in _data("places.yml"):
        if all(known[name] == value for name, value in rule["when"].items()):
            return str(rule["unit"]), str(rule["means"])
    raise LookupError("the last rule of places.yml has no condition and always holds")


@cache
def _data(name: str) -> Any:
    import yaml

    return yaml.safe_load(files(__package__).joinpath(name).read_text("utf-8"))
