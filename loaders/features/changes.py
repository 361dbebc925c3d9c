"""What a new release of a reference would change, before anything is changed.

Both sides, the releases in use and those that would be, are laid side by side in temporary tables
and compared in SQL. A release that is not landed is read straight into them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa

    from loaders.features.releases import Release
    from loaders.model import TablesReading

#: Changes of molecules and of names, in the order in which people want to know them.
CHANGES = (
    "renamed",
    "merged",
    "split",
    "withdrawn",
    "removed",
    "now another molecule",
    "newly ambiguous",
    "no longer ambiguous",
    "added",
)

_WHOSE = "side text, reference text, feature_type text, canonical_id text"
_TABLES = {
    "compared_entities": f"{_WHOSE}, name text, taxon text, status text, replaced_by text[]",
    "compared_names": f"{_WHOSE}, name text, kind text",
    "compared_ids": f"{_WHOSE}, local_id text",
}
_MADE = ("known_entities", "resolved_names", "gone_entities", "reported_keys", "evidence")


@dataclass(frozen=True)
class Change:
    """One molecule or name that differs.

    Attributes:
        reference: Reference that says so.
        change: One of ``CHANGES``.
        feature_type: gene, protein, metabolite and so on.
        canonical_id: The molecule.
        name: Its name afterwards, or the name in question.
        name_before: Its name before.
        others: Other molecules concerned: heirs of one that is gone, meanings of a name.
    """

    reference: str
    change: str
    feature_type: str
    canonical_id: str
    name: str | None
    name_before: str | None
    others: tuple[str, ...]


@dataclass(frozen=True)
class ReportedName:
    """A name that datasets report and of which the references say something else than before.

    Attributes:
        reference: Reference that says so.
        feature_type: Type in which it is reported.
        reported_name: The name.
        before: Molecules that it means by the releases in use; several where it is ambiguous.
        after: Molecules that it would mean.
    """

    reference: str
    feature_type: str
    reported_name: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def resolves_differently(self) -> bool:
        """False where only a description differs, such as the display name."""
        return self.before != self.after


@dataclass(frozen=True)
class Comparison:
    """All that differs between two sets of releases."""

    changes: tuple[Change, ...] = ()
    reported: tuple[ReportedName, ...] = ()
    has_ledger: bool = False

    def counts(self, reference: str) -> dict[str, int]:
        """Returns the number of changes of each kind in one reference."""
        found = [change.change for change in self.changes if change.reference == reference]
        return {kind: found.count(kind) for kind in CHANGES}


@dataclass
class Comparing:
    """Two sides that are being filled; use it once, on a connection of its own transaction."""

    conn: psycopg.Connection[Any]
    _references: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Makes the temporary tables anew."""
        for name in (*_TABLES, *_MADE):
            self.conn.execute(
                f"drop table if exists pg_temp.{name}"
            )  # a temporary one, by its schema
        for name, columns in _TABLES.items():
            self.conn.execute(f"create temporary table {name} ({columns})")

    def add_landed(self, side: str, releases: Iterable[Release]) -> None:
        """Lays landed releases on one side."""
        for release in releases:
            parameters = {
                "side": side,
                "reference": release.reference,
                "file_id": release.file_id,
                "load_id": release.load_id,
            }
            for statement in _LANDED:
                self.conn.execute(statement, parameters)

    def add_read(self, side: str, reference: str, reading: TablesReading) -> dict[str, Any]:
        """Lays a release on one side that is read here and landed nowhere; returns what it is.

        Raises:
            Unreadable: If the file turns out not to be understood.
        """
        release: dict[str, Any] = {}
        for name, table in reading.batches():
            if name == "releases":
                (release,) = table.to_pylist()
            else:
                self._copy(side, reference, name, table)
        return release

    def compare(self) -> Comparison:
        """Returns what differs."""
        for name in _TABLES:
            self.conn.execute(f"analyze pg_temp.{name}")
        self.conn.execute("set local jit = off")
        self.conn.execute(_sql()["prepare"])
        rows = self.conn.execute(_sql()["changes"]).fetchall()
        changes = tuple(
            Change(reference, change, kind, molecule, name, before, tuple(others))
            for reference, change, kind, molecule, name, before, others in rows
        )
        if self.conn.execute("select to_regclass('marts.feature_names')").fetchone() == (None,):
            return Comparison(changes)
        self.conn.execute(_sql()["ledger"])
        reported = self.conn.execute(_sql()["reported"]).fetchall()
        return Comparison(
            changes,
            tuple(
                ReportedName(reference, kind, name, tuple(before), tuple(after))
                for reference, kind, name, before, after in reported
            ),
            has_ledger=True,
        )

    def _copy(self, side: str, reference: str, name: str, table: pa.Table) -> None:
        rows: Iterable[Sequence[Any]]
        columns = table.to_pydict()
        keys = (columns["feature_type"], columns["canonical_id"])
        if name == "entities":
            heirs = [_heirs(text) for text in columns["annotations"]]
            rows = zip(
                *keys, columns["name"], columns["taxon"], columns["status"], heirs, strict=True
            )
            self._write("compared_entities", side, reference, rows)
            own = [canonical_id.partition(":")[2] for canonical_id in columns["canonical_id"]]
            self._write("compared_ids", side, reference, zip(*keys, own, strict=True))
        elif name == "names":
            rows = zip(*keys, columns["name"], columns["kind"], strict=True)
            self._write("compared_names", side, reference, rows)
        elif name == "xrefs":
            rows = zip(*keys, columns["local_id"], strict=True)
            self._write("compared_ids", side, reference, rows)

    def _write(self, table: str, side: str, reference: str, rows: Iterable[Sequence[Any]]) -> None:
        with self.conn.cursor().copy(f"copy pg_temp.{table} from stdin") as copy:
            for row in rows:
                copy.write_row((side, reference, *row))


_OF_THIS = "where file_id = %(file_id)s and _dlt_load_id = %(load_id)s"
_SIDE = "select %(side)s, %(reference)s, feature_type, canonical_id"
_LANDED = (
    f"insert into compared_entities {_SIDE}, name, taxon, status, "
    "string_to_array(annotations::jsonb ->> 'replaced_by', '|') "
    f"from raw_features.entities {_OF_THIS}",
    f"insert into compared_ids {_SIDE}, substr(canonical_id, strpos(canonical_id, ':') + 1) "
    f"from raw_features.entities {_OF_THIS}",
    f"insert into compared_names {_SIDE}, name, kind from raw_features.names {_OF_THIS}",
    f"insert into compared_ids {_SIDE}, local_id from raw_features.xrefs {_OF_THIS}",
)


def _heirs(annotations: str | None) -> list[str] | None:
    if annotations is None or '"replaced_by"' not in annotations:
        return None
    import json

    said: Mapping[str, str] = json.loads(annotations)
    return said["replaced_by"].split("|")


@cache
def _sql() -> dict[str, str]:
    """Returns the parts of ``changes.sql`` by name."""
    text = files(__package__).joinpath("changes.sql").read_text(encoding="utf-8")
    parts = re.split(r"(?m)^-- name: (\w+)\n", text)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))
