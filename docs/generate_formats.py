"""Writes docs/formats/ from the registry of formats, so that the pages cannot fall behind the code.

Run it after a change of a format: `.venv/bin/python docs/generate_formats.py`.
A test compares the pages with what this script would write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from loaders.formats.protocol import About
from loaders.formats.registry import Entry, entries

FOLDER = Path(__file__).resolve().parent / "formats"

_MARK = "<!-- Written by docs/generate_formats.py from {where}. Do not edit this page by hand. -->"

_INDEX = """\
# Formats that are read

<!-- Written by docs/generate_formats.py from the registry of formats. Do not edit it by hand. -->

A file is recognised by its content, never by its name. Each page says by what, which columns are
the samples, and what 0 means. `omics formats` lists the same on the command line; `omics check
FILE` says what was recognised in a file, and why.
[Adding a format](../add-a-format.md) is a small step.

| format | type | shape | quantities, the preferred one first |
|---|---|---|---|
"""

_REFUSED = """
## Recognised and not read

A file of one of these goes to quarantine with the reason.

| format | why |
|---|---|
"""


def slug(name: str) -> str:
    """Returns the file name of a format's page, without ending.

    >>> slug("GCT"), slug("delimited matrix, samples in rows")
    ('gct', 'delimited-matrix-samples-in-rows')
    """
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")


def pages() -> dict[str, str]:
    """Returns every page: file name to text.

    Raises:
        ValueError: Two formats would share a page.
    """
    known = list(entries())
    readable = [entry for entry in known if not entry.refused]
    found: dict[str, str] = {}
    for entry in readable:
        name = f"{slug(entry.about.name)}.md"
        if name in found:
            raise ValueError(f"two formats would be described in {name}")
        found[name] = page(entry)
    lines = [_index_line(entry.about) for entry in readable]
    refused = [
        f"| {_cell(entry.about.name)} | {_cell(entry.refused)} |"
        for entry in known
        if entry.refused
    ]
    found["README.md"] = (
        _INDEX + "\n".join(lines) + "\n" + (_REFUSED + "\n".join(refused) + "\n" if refused else "")
    )
    return found


def _index_line(about: About) -> str:
    kinds = ", ".join(about.omics_types) or "by content"
    quantities = ", ".join(quantity.name for quantity in about.quantities)
    return (
        f"| [{_cell(about.name)}]({slug(about.name)}.md) | {kinds} | "
        f"{about.shape.split(';')[0]} | {_cell(quantities)} |"
    )


def page(entry: Entry) -> str:
    """Returns the page of one format."""
    about = entry.about
    parts = [f"# {about.name}", _MARK.format(where=entry.where)]
    if about.holds:
        parts.append(about.holds)
    facts = [
        ("recognised by", about.recognised_by),
        ("written by", about.software or ""),
        ("type", ", ".join(about.omics_types) or "decided by the content"),
        ("shape", about.shape),
        ("laid out", about.orientation),
        ("feature", about.feature),
        ("assay", about.assay),
        ("0 means", about.zeros),
        ("missing", ", ".join(f"`{token}`" for token in about.missing)),
        ("files of a run", about.group),
    ]
    rows = [f"| {label} | {_cell(text)} |" for label, text in facts if text]
    parts.append("\n".join(["| | |", "|---|---|", *rows]))
    if about.quantities:
        lines = [
            f"{at}. {quantity.name}: {quantity.columns}"
            + (f" ({quantity.note})" if quantity.note else "")
            for at, quantity in enumerate(about.quantities, start=1)
        ]
        parts.append(
            "## Quantities\n\nEach one that a file holds becomes a dataset of its own; the "
            "first is the primary one.\n\n" + "\n".join(lines)
        )
    for heading, items in (
        ("Flags", about.flags),
        ("Rows that are skipped and counted", about.skipped),
        ("No samples", about.not_samples),
        ("Notes", about.notes),
        ("Where the rules come from", about.sources),
    ):
        if items:
            parts.append(f"## {heading}\n\n{_list(items)}")
    return "\n\n".join(parts) + "\n"


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def write() -> None:
    """Writes the pages, and removes those of formats that are gone."""
    FOLDER.mkdir(exist_ok=True)
    wanted = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
