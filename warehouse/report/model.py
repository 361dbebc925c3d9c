"""What a report is made of, before anything is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["table", "bar", "box", "scatter", "heatmap"]


@dataclass(frozen=True)
class Plot:
    """One plot or table.

    Attributes:
        kind: How it is drawn.
        data: One entry for each view that a switch chooses between; what an entry holds depends on
            the kind and is what MultiQC's function of that name takes.
        options: Settings of MultiQC's function.
        columns: Columns of a table, or categories of bars: key to MultiQC's header.
        axes: Names along the two sides of a heat map.
    """

    kind: Kind
    data: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    axes: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


@dataclass(frozen=True)
class Section:
    """A heading, what its numbers mean, and a plot where there is something to draw."""

    anchor: str
    name: str
    description: str
    plot: Plot | None = None


@dataclass(frozen=True)
class Chapter:
    """Sections that belong together; the navigation lists them."""

    anchor: str
    name: str
    info: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes:
        title: Heading of the page.
        comment: Text under the heading, as Markdown.
        facts: Short facts under that, by name.
        general: The table at the head: row name to values.
        general_columns: Its columns.
        chapters: What follows.
    """

    title: str
    comment: str
    facts: Mapping[str, str]
    general: Mapping[str, Mapping[str, Any]]
    general_columns: Mapping[str, Mapping[str, Any]]
    chapters: tuple[Chapter, ...]

    def document(self) -> dict[str, Any]:
        """Returns the report as JSON can hold it."""
        return asdict(self)
