"""Writes docs/marts.md: queries with their answers, a diagram and the columns of every mart.

Diagram and columns come from the contracts in dbt_project/models/marts, the answers from a database
that holds the example files and nothing else. Run it after ``make demo`` in a fresh checkout, or
after ``omics build`` where only examples are loaded: ``.venv/bin/python docs/generate_marts.py``.
With ``--contracts`` no database is needed, and the answers stay as they are. Tests compare the page
with what this script would write.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    import psycopg

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "marts.md"
QUERIES = REPOSITORY / "docs" / "queries.yml"
MODELS = REPOSITORY / "dbt_project" / "models"

_HEAD = """\
# The marts

<!-- Written by docs/generate_marts.py from the contracts of the marts and docs/queries.yml.
Do not edit this page by hand. -->

Schema `marts` is what everyone reads: analysts, Notion pages, search, the report. Columns, types
and keys are contracts; [changes](../CHANGELOG.md) of them are announced. The role `analyst` may
read this schema and nothing else. Getting it into pandas, R or a BI tool:
[for analysts](analyst-guide.md).

**Rules for joins.** Ids are the same after every rebuild. Join on `dataset_id`, `feature_id`,
`assay_id`, `contrast_id`, `sample_id` and `signature_id`, never on names; facts carry `dataset_id`,
and a join of two of them names it as well as the finer id.
"""


#: Heading of the part that follows from the contracts.
_CONTRACTS = "## How they hang together"


@dataclass(frozen=True)
class Mart:
    """One contract.

    Attributes:
        name: Name of the table.
        about: Its description.
        key: Columns of its grain.
        columns: Name, type and meaning of each column.
        is_working: Whether it only serves the scores.
    """

    name: str
    about: str
    key: tuple[str, ...]
    columns: tuple[tuple[str, str, str], ...]
    is_working: bool


def marts() -> list[Mart]:
    """Returns every mart, those that only serve scores last."""
    shared = dict(
        re.findall(
            r"{% docs (\w+) %}\s*(.*?)\s*{% enddocs %}",
            (MODELS / "columns.md").read_text("utf-8"),
            re.DOTALL,
        )
    )
    found = []
    for file in sorted((MODELS / "marts").rglob("*.yml")):
        for model in yaml.safe_load(file.read_text("utf-8")).get("models", []):
            found.append(_mart(model, shared, is_working=file.parent.name == "scoring"))
    return sorted(found, key=lambda mart: (mart.is_working, mart.name))


def _mart(model: Mapping[str, Any], shared: Mapping[str, str], *, is_working: bool) -> Mart:
    columns = tuple(
        (column["name"], column["data_type"], _meaning(column["description"], shared))
        for column in model["columns"]
    )
    return Mart(model["name"], _line(model["description"]), _key(model), columns, is_working)


def _key(model: Mapping[str, Any]) -> tuple[str, ...]:
    for test in model.get("data_tests", []):
        if isinstance(test, dict) and "grain" in test:
            return tuple(test["grain"]["arguments"]["columns"])
    return ()


def _meaning(text: str, shared: Mapping[str, str]) -> str:
    filled = re.sub(r"{{ doc\('(\w+)'\) }}", lambda found: shared[found[1]], text)
    return _line(filled).replace("|", "\\|")


def _line(text: str) -> str:
    return " ".join(text.split())


# -- what follows from the contracts ---------------------------------------------------------------


def references(known: Sequence[Mart]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Returns which mart points to which, by which columns.

    A mart points to another whose whole key it holds. A way that follows from two others is left
    out: results point to contrasts, and contrasts to datasets.
    """
    keys = {mart.name: mart.key for mart in known if mart.key and mart.key[-1].endswith("_id")}
    found = []
    for mart in known:
        names = {name for name, _, _ in mart.columns}
        targets = {
            target: key
            for target, key in keys.items()
            if target != mart.name
            and set(key) <= names
            and set(key) != set(mart.key)
            # A table of pairs is pointed to by nobody: it is the pointing.
            and not (len(key) > 1 and all(part in _OWN_IDS.values() for part in key))
        }
        found += [
            (mart.name, target, key)
            for target, key in targets.items()
            if not any(set(key) < set(other) for other in targets.values())
        ]
    return found


#: The one id by which a mart is pointed to.
_OWN_IDS = {
    "datasets": "dataset_id",
    "features": "feature_id",
    "signatures": "signature_id",
    "programs": "program_id",
    "experiments": "experiment_id",
    "samples": "sample_id",
}


def diagram(known: Sequence[Mart]) -> str:
    """Returns the entity diagram in Mermaid's language."""
    shown = [mart for mart in known if not mart.is_working]
    lines = ["erDiagram"]
    for source, target, key in references(shown):
        lines.append(f'    {target} ||--o{{ {source} : "{key[-1]}"')
    for mart in shown:
        types = {name: kind for name, kind, _ in mart.columns}
        lines.append(f"    {mart.name} {{")
        lines += [f"        {types[name]} {name} PK" for name in mart.key]
        lines.append("    }")
    return "\n".join(lines)


def render_contracts() -> str:
    """Returns the part of the page that follows from the contracts."""
    known = marts()
    parts = [
        _CONTRACTS,
        f"```mermaid\n{diagram(known)}\n```",
        "Left out of the drawing: `source_file_id`, by which every fact leads to `source_files`, "
        "and the working tables of the scores.",
        "## Columns",
    ]
    for mart in known:
        key = ", ".join(f"`{name}`" for name in mart.key)
        parts.append(f"### {mart.name}")
        parts.append(mart.about + (f" Key: {key}." if key else ""))
        rows = [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in mart.columns]
        parts.append("\n".join(["| column | type | meaning |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


# -- queries and their answers ---------------------------------------------------------------------


def queries() -> list[dict[str, str]]:
    """Returns the queries: what is asked, the SQL, and sometimes a remark."""
    read: list[dict[str, str]] = yaml.safe_load(QUERIES.read_text("utf-8"))
    return read


def render_queries(conn: psycopg.Connection[Any]) -> str:
    """Returns the queries with the answers that a database gives."""
    parts = [
        "## Ten questions, answered",
        "On the [example files](examples.md), after `make demo`.",
    ]
    for at, query in enumerate(queries(), start=1):
        cursor = conn.execute(query["sql"].encode())
        names = [column.name for column in cursor.description or ()]
        rows = [f"| {' | '.join(map(_cell, row))} |" for row in cursor.fetchall()]
        parts.append(f"### {at}. {query['ask']}")
        if "tell" in query:
            parts.append(query["tell"])
        parts.append(f"```sql\n{query['sql'].rstrip()}\n```")
        parts.append("\n".join([f"| {' | '.join(names)} |", "|" + "---|" * len(names), *rows]))
    return "\n\n".join(parts) + "\n"


def _cell(value: Any) -> str:
    return "" if value is None else str(value).strip().replace("|", "\\|")


def render(conn: psycopg.Connection[Any]) -> str:
    """Returns the whole page."""
    return "\n".join([_HEAD, render_queries(conn), render_contracts()])


def main(arguments: Sequence[str]) -> None:
    """Writes the page; the answers from the database that the settings name."""
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    if "--contracts" in arguments:
        answered, _, _ = PAGE.read_text(encoding="utf-8").partition(_CONTRACTS)
        PAGE.write_text(answered + render_contracts(), encoding="utf-8")
        return
    with connect(get_settings()) as conn:
        PAGE.write_text(render(conn), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
