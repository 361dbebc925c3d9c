"""The sources that files belong to: where each lands, and who reads it.

The four omics sources share their landing tables and one reader, which finds out what a file is.
Every other source brings a package of its own: ``loaders.<source>.tables`` declares its landing
tables, ``loaders.<source>.read`` reads one file. To add a source is to add its name here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from loaders.landing_tables import TABLES, LandingTable
from loaders.model import OMICS_TYPES

if TYPE_CHECKING:
    from loaders.model import ReadOptions, SourceFile, TablesReading

#: Sources with tables of their own, in the order of landing: programs first, because a sheet of
#: theirs may say which omics type a file has.
TABLE_SOURCES = ("programs", "features", "signatures")

#: Those of them that can be read so far.
READABLE = frozenset({"features", "programs", "signatures"})


@dataclass(frozen=True)
class Source:
    """A source and its landing tables.

    Attributes:
        name: Name on the command line; the landing schema is ``raw_<name>``.
        tables: Landing tables, ``files`` and ``rejected_rows`` among them.
        is_omics: True when its files hold datasets.
        is_readable: False while no reader of this version knows it.
    """

    name: str
    tables: tuple[LandingTable, ...]
    is_omics: bool
    is_readable: bool = True

    @property
    def schema(self) -> str:
        """Landing schema."""
        return f"raw_{self.name}"


class SourceReader(Protocol):
    """What the module ``loaders.<source>.read`` offers; neither function knows a database."""

    def read_file(self, source: SourceFile, *, options: ReadOptions) -> list[TablesReading]:
        """Reads a file; raises ``Unreadable``."""

    def recognise(self, source: SourceFile, options: ReadOptions) -> str | None:
        """Returns why a file is surely of this source, from its first lines, or None."""


@cache
def sources() -> Mapping[str, Source]:
    """Returns every source by name, in the order of landing."""
    found = [
        Source(name, _tables_of(name), is_omics=False, is_readable=name in READABLE)
        for name in TABLE_SOURCES
    ]
    found += [Source(name, TABLES, is_omics=True) for name in OMICS_TYPES]
    return {source.name: source for source in found}


def reader_of(name: str) -> SourceReader:
    """Returns the reader of a source with tables of its own."""
    return cast(SourceReader, import_module(f"loaders.{name}.read"))


def recognise(source: SourceFile, options: ReadOptions) -> tuple[str | None, str]:
    """Returns the source with tables of its own that a file's content names, and why.

    A file that cannot be opened is nobody's; its true reader will say what is wrong with it.
    """
    from loaders.model import Unreadable

    for name in TABLE_SOURCES:
        if name not in READABLE:
            continue
        try:
            reason = reader_of(name).recognise(source, options)
        except (Unreadable, OSError, EOFError):
            continue
        if reason is not None:
            return name, reason
    return None, ""


def _tables_of(name: str) -> tuple[LandingTable, ...]:
    return cast("tuple[LandingTable, ...]", import_module(f"loaders.{name}.tables").TABLES)
