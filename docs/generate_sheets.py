"""Writes what follows from the columns of sheets: a page of the documentation and two seeds.

Run it after a change of ``loaders/programs/columns.yml``: ``python docs/generate_sheets.py``.
"""

from __future__ import annotations

from pathlib import Path

from loaders.programs import columns

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "sheet-columns.md"
SEEDS = REPOSITORY / "dbt_project" / "seeds"

_TITLES = {
    "program": "Programs",
    "experiment": "Experiments",
    "dataset": "Datasets",
    "sample": "Samples and runs",
}


def page() -> str:
    """Returns the tables of fields and headers."""
    parts = [
        "# Columns of sheets",
        "",
        "<!-- Written by docs/generate_sheets.py from loaders/programs/columns.yml. "
        "Do not edit this page by hand. -->",
        "",
        "Headers are compared without regard to case, blanks, dots, underscores and hyphens.",
        "Those in the third column mean the field in any sheet; those in the fourth only once the",
        "kind of the sheet is known, by its name or its other columns. Columns that are not listed",
        "are kept as attributes.",
        "[How to write sheets](programs-and-samples.md).",
    ]
    for kind in columns.KINDS:
        known = columns.kind_of_sheet(kind)
        names = ", ".join(f"`{name}`" for name in sorted(known.sheets))
        parts += ["", f"## {_TITLES[kind]}", "", f"Names of such a sheet: {names}.", ""]
        parts += ["| field | holds | headers | also |", "|---|---|---|---|"]
        for field in known.fields:
            mark = " (list)" if field.is_list else ""
            needed = " **key**" if field.name in known.key else ""
            parts.append(
                f"| `{field.name}`{needed} | {field.help}{mark} | {', '.join(field.headers)} "
                f"| {', '.join(field.words)} |"
            )
    parts += ["", "## Accessions", "", "Columns that hold one accession each:", ""]
    parts += ["| registry | headers |", "|---|---|"]
    for registry, headers in columns.content()["external_ids"].items():
        parts.append(f"| `{registry}` | {', '.join(headers)} |")
    parts += ["", "## Words that are understood", ""]
    for field in columns.content()["values"]:
        parts += [f"**{field}**", "", "| word | spellings |", "|---|---|"]
        for word, spellings in columns.content()["values"][field].items():
            parts.append(f"| `{word}` | {', '.join(map(str, spellings))} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def seeds() -> dict[str, str]:
    """Returns the seeds by file name."""
    return {
        "sample_attribute_fields.csv": _csv(("header", "field"), columns.label_words()),
        "sample_type_words.csv": _csv(("spelling", "sample_type"), columns.sample_type_words()),
    }


def _csv(header: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    return "".join(f"{first},{second}\n" for first, second in (header, *rows))


def write() -> None:
    """Writes all of them."""
    PAGE.write_text(page(), encoding="utf-8")
    for name, text in seeds().items():
        (SEEDS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
