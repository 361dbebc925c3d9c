"""Which data sources there are and what stands in them: `tables.yml`, read and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Property:
    """One property of a data source.

    Attributes:
        kind: Notion's type.
        column: The column of the mart that it is filled from.
        words: What values of the column are called in Notion, where they are called otherwise.
    """

    kind: str
    column: str
    words: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """One data source.

    Attributes:
        entity_type: What its pages are.
        title: Name of the database.
        title_property: Name of the title property in a database that is made new; in one that is
            adopted it is found by its type.
        properties: Name to what stands there.
        entity: What the marts call its entities, a feature for all tables of features.
        asked_by: The option that asks for its pages; empty where all entities have one.
    """

    entity_type: str
    title: str
    title_property: str
    properties: Mapping[str, Property]
    asked_by: str = ""
    entity: str = ""


@dataclass(frozen=True)
class Relation:
    """A relation between two data sources, with a property on each side.

    Attributes:
        side: Type whose pages it is written on.
        property: Its name there.
        to: Type of the partners.
        mirror: Its name there.
        mart: The table of pairs.
        column: Instead of a mart: the column that names the one partner of a page.
    """

    side: str
    property: str
    to: str
    mirror: str
    mart: str = ""
    column: str = ""


@dataclass(frozen=True)
class Layout:
    """All of it.

    Attributes:
        key: Name of the property that holds the id of the entity in Postgres.
        tables: By type of entity, in the order of publishing.
        relations: Each between a table and an earlier one.
    """

    key: str
    tables: Mapping[str, Table]
    relations: tuple[Relation, ...]


@lru_cache(maxsize=1)
def layout() -> Layout:
    """The content of `tables.yml`."""
    import yaml

    text = Path(__file__).with_name("tables.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    tables = {
        kind: Table(
            entity_type=kind,
            title=entry["title"],
            title_property=entry["title_property"],
            properties={
                name: Property(spec["type"], spec["from"], spec.get("words", {}))
                for name, spec in entry["properties"].items()
            },
            asked_by=entry.get("asked_by", ""),
            entity=entry.get("entity", kind),
        )
        for kind, entry in loaded["tables"].items()
    }
    relations = tuple(Relation(**entry) for entry in loaded["relations"])
    return Layout(str(loaded["key"]), tables, relations)
