"""``normalise_new_names``: reads every lipid name of the warehouse that has not been read yet.

Names are read once. A finished load is looked at once per version of the rules; what it brought is
compared with the cache, the rest is read, and a name that was refused is as much of an answer as
one that was mapped. Rows are written in small transactions, so a step that is killed loses a second
or so, and the load it was about is looked at again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from loaders.lipids import goslin, rules
from loaders.lipids.conventions import Convention, find_convention
from loaders.lipids.model import LipidName
from loaders.lipids.normalise import depends_on_dialect, normalise_without_parser
from loaders.lipids.pool import Name, read_names
from loaders.lipids.tables import NAME_COLUMNS, SCHEMA, ensure_lipid_tables

if TYPE_CHECKING:
    import psycopg

    from warehouse.settings import Settings

#: Datasets whose names are taken from Postgres at once.
FILES_AT_ONCE = 200
#: Names written in one transaction.
ROWS_PER_BATCH = 2000
#: From here on, names that need no pygoslin are read by all processors too: 10,000 take 2.7 s in
#: one process and 4.2 s in two that have to be started.
MANY_NAMES = 20_000
#: Longer identifiers are no lipid names, and the key of the cache has to fit into an index page.
MAX_NAME_BYTES = 400

#: Lists of names that are remembered: the plates of one run name the same molecules.
_LISTS_KEPT = 100

_OMICS_SOURCES = ("lipidomics", "metabolomics")
_SIGNATURES = "signatures"

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class LipidNamesReport:
    """What a step did.

    Attributes:
        looked_at: File versions whose names were looked at.
        read: Names read, each in each dialect that matters for it.
        by_status: How they ended.
        seconds: Wall time.
    """

    looked_at: int = 0
    read: int = 0
    by_status: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def counts(self) -> dict[str, int]:
        """Numbers for the run ledger."""
        if not self.looked_at:
            return {}
        return {"lipid_names_read": self.read} | {
            f"lipid_names_{status}": count for status, count in sorted(self.by_status.items())
        }


#: Of a character in UTF-8: shorter names need not be encoded to know that they are short enough.
_MOST_BYTES = 4


@dataclass(frozen=True)
class _File:
    """A file version that is new to this step."""

    source: str
    file_id: int
    load_id: str
    words: str


def normalise_new_names(
    conn: psycopg.Connection[Any], settings: Settings, progress: Any
) -> LipidNamesReport:
    """Reads the lipid names that are new in finished loads, and says how datasets name lipids.

    Args:
        conn: Connection in autocommit mode.
        settings: Settings of the warehouse; ``workers`` limits the processes.
        progress: Told how it gets on: ``stage(text)``.

    Returns:
        What was done; all zero when nothing was new.
    """
    began = time.monotonic()
    ensure_lipid_tables(conn)
    versions = (rules.version(), goslin.version())
    loads = _new_loads(conn, versions)
    if not loads:
        return LipidNamesReport()
    known = _Cache(conn, versions)
    looked_at, conventions = 0, []
    for files in _chunks(_files_of(conn, loads), FILES_AT_ONCE):
        looked_at += len(files)
        conventions += list(_look_at(conn, files, known))
    read = known.read_new(settings.workers, progress.stage)
    _finish(conn, versions, loads, conventions)
    return LipidNamesReport(
        looked_at=looked_at,
        read=sum(read.values()),
        by_status=read,
        seconds=round(time.monotonic() - began, 3),
    )


def _new_loads(conn: psycopg.Connection[Any], versions: tuple[str, str]) -> list[tuple[str, str]]:
    """Returns the finished loads that no step has looked at, as pairs of source and load."""
    union = " union all ".join(
        f"select '{source}' as source, load_id from raw_{source}._dlt_loads where status = 0"  # noqa: S608 - names are constants
        for source in (*_OMICS_SOURCES, _SIGNATURES)
    )
    return conn.execute(
        f"select l.source, l.load_id from ({union}) as l where not exists ("  # noqa: S608 - names are constants
        f"select from {SCHEMA}.lipid_loads as d where d.source = l.source "
        "and d.load_id = l.load_id and d.rules_version = %s and d.parser_version = %s) "
        "order by 1, 2",
        versions,
    ).fetchall()


def _files_of(conn: psycopg.Connection[Any], loads: Sequence[tuple[str, str]]) -> Iterator[_File]:
    for source in sorted({source for source, _ in loads}):
        rows = conn.execute(
            "select file_id, _dlt_load_id, concat_ws(' ', format, software) "  # noqa: S608 - names are constants
            f"from raw_{source}.files where status = 'loaded' and _dlt_load_id = any(%s)",
            ([load_id for owner, load_id in loads if owner == source],),
        ).fetchall()
        yield from (_File(source, *row) for row in rows)


#: Names of the files of one source and load set. One string per file: a row per name would cost
#: several times as much to fetch.
_NAMES_SQL = {
    source: f"""
    select r.file_id, r._dlt_load_id, string_agg(r.reported_name, E'\\x1f')
    from (
        select file_id, _dlt_load_id, reported_name from raw_{source}.feature_rows
        where file_id = any(%(files)s)
        union all
        select file_id, _dlt_load_id, reported_name from raw_{source}.result_rows
        where file_id = any(%(files)s)
    ) as r
    group by 1, 2
    """  # noqa: S608 - names are constants
    for source in _OMICS_SOURCES
} | {
    _SIGNATURES: f"""
    select file_id, _dlt_load_id, string_agg(reported_name, E'\\x1f')
    from raw_{_SIGNATURES}.components
    where file_id = any(%(files)s) and feature_type = 'lipid'
    group by 1, 2
    """  # noqa: S608 - names are constants
}


def _look_at(
    conn: psycopg.Connection[Any], files: Sequence[_File], known: _Cache
) -> Iterator[tuple[_File, Convention]]:
    """Notes the names of some files and yields how the lipid datasets among them name lipids."""
    for source in sorted({file.source for file in files}):
        mine = {(file.file_id, file.load_id): file for file in files if file.source == source}
        rows = conn.execute(
            _NAMES_SQL[source], {"files": [file_id for file_id, _ in mine]}
        ).fetchall()
        for file_id, load_id, joined in rows:
            file = mine.get((file_id, load_id))
            if file is None or joined is None:
                continue
            convention = known.convention_of(joined, file.words, is_asked=source == "metabolomics")
            if convention is not None:
                yield file, convention


class _Cache:
    """Names that have been read, and those that are still to read."""

    def __init__(self, conn: psycopg.Connection[Any], versions: tuple[str, str]) -> None:
        self._conn = conn
        self._versions = versions
        self._names: dict[str, set[str]] = {}
        self._conventions: dict[tuple[str, str, bool], Convention | None] = {}

    def convention_of(self, joined: str, words: str, *, is_asked: bool) -> Convention | None:
        """Wants the names of a file read, and returns how it names lipids.

        Args:
            joined: Its names.
            words: Its format and software.
            is_asked: Whether its names may be those of no lipids; then nothing is wanted, and
                None is returned.
        """
        key = (joined, words, is_asked)
        if key not in self._conventions:
            if len(self._conventions) >= _LISTS_KEPT:
                self._conventions.clear()
            self._conventions[key] = self._look_at(*key)
        return self._conventions[key]

    def _look_at(self, joined: str, words: str, is_asked: bool) -> Convention | None:
        # Made distinct here: Postgres would sort the names of every file for it.
        names = list(dict.fromkeys(joined.split("\x1f")))
        if max(map(len, names)) > MAX_NAME_BYTES // _MOST_BYTES:
            names = [name for name in names if len(name.encode()) <= MAX_NAME_BYTES]
        convention = find_convention(names, format_words=words)
        if is_asked and not convention.is_lipid:
            return None
        self.note(names, convention.dialect)
        return convention

    def note(self, names: Iterable[str], dialect: str) -> None:
        """Wants names read: without a dialect, and in this one where it changes the answer."""
        self._names.setdefault(dialect, set()).update(names)

    def _wanted(self) -> set[Name]:
        wanted = {(name, "") for names in self._names.values() for name in names}
        for dialect, names in self._names.items():
            if dialect:
                wanted |= {(n, dialect) for n in names if depends_on_dialect(n, dialect)}
        return wanted

    def read_new(self, workers: int, stage: Callable[[str], None]) -> dict[str, int]:
        """Reads and writes what is wanted and not known; returns how many ended how."""
        new = self._unknown()
        if not new:
            return {}
        by_status: dict[str, int] = {}
        done = said = 0
        with self._conn.cursor() as cursor:
            cursor.execute(
                f"create temp table if not exists new_lipid_names (like {SCHEMA}.lipid_names "
                "including defaults)"
            )
            for rows in _chunks(_results(new, workers), ROWS_PER_BATCH):
                self._write(cursor, rows)
                for row in rows:
                    by_status[row.status] = by_status.get(row.status, 0) + 1
                done += len(rows)
                if (done - said) * 10 >= len(new) and done < len(new):
                    said = done
                    stage(f"lipid names: {done:,} of {len(new):,}")
            cursor.execute("drop table new_lipid_names")
        # The first build after a large load would otherwise join with an empty table's plan.
        self._conn.execute(f"analyze {SCHEMA}.lipid_names")
        stage(f"lipid names: {len(new):,} read")
        return by_status

    def _unknown(self) -> list[Name]:
        wanted = sorted(self._wanted())
        new: list[Name] = []
        for part in _chunks(wanted, 20_000):
            rows = self._conn.execute(
                "select w.name, w.dialect from unnest(%s::text[], %s::text[]) as w (name, dialect) "  # noqa: S608 - names are constants
                f"where not exists (select from {SCHEMA}.lipid_names as n where n.name = w.name "
                "and n.dialect = w.dialect and n.rules_version = %s and n.parser_version = %s)",
                ([name for name, _ in part], [dialect for _, dialect in part], *self._versions),
            ).fetchall()
            new.extend(rows)
        return new

    def _write(self, cursor: psycopg.Cursor[Any], rows: Sequence[LipidName]) -> None:
        names = ", ".join(name for name, _ in NAME_COLUMNS[:-1])
        with self._conn.transaction():
            with cursor.copy(f"copy new_lipid_names ({names}) from stdin") as copy:
                for row in rows:
                    copy.write_row(_values(row, self._versions))
            # Another load may have read the same name meanwhile, and to the same end.
            cursor.execute(
                f"insert into {SCHEMA}.lipid_names select * from new_lipid_names "  # noqa: S608 - names are constants
                "on conflict do nothing"
            )
            cursor.execute("truncate new_lipid_names")


def _results(names: Sequence[Name], workers: int) -> Iterator[LipidName]:
    """Reads names: what needs pygoslin goes where pygoslin is."""
    if len(names) >= MANY_NAMES and workers > 1:
        for done in read_names(names, workers=workers):
            yield from done
        return
    hard = []
    for name in names:
        found = normalise_without_parser(*name)
        if found is None:
            hard.append(name)
        else:
            yield found
    for done in read_names(hard, workers=workers):
        yield from done


def _values(row: LipidName, versions: tuple[str, str]) -> tuple[Any, ...]:
    """Returns a name in the order of NAME_COLUMNS, without the time."""
    return (
        row.name,
        row.dialect,
        *versions,
        row.status,
        row.reason,
        row.method,
        row.normalized,
        row.level,
        row.species,
        row.molecular_species,
        row.sn_position,
        row.structure_defined,
        row.full_structure,
        row.identity_name,
        row.display_name,
        row.lipid_class,
        row.lipid_category,
        row.formula,
        row.exact_mass,
        row.n_carbons,
        row.n_double_bonds,
        row.n_oxygens,
        json.dumps(row.chains) if row.chains else None,
        row.adduct,
        row.isotope,
        row.is_internal_standard_candidate,
        json.dumps(row.flags),
        json.dumps(row.candidates),
    )


def _finish(
    conn: psycopg.Connection[Any],
    versions: tuple[str, str],
    loads: Sequence[tuple[str, str]],
    conventions: Sequence[tuple[_File, Convention]],
) -> None:
    """Writes the conventions, and in the same transaction that these loads are done."""
    with conn.transaction(), conn.cursor() as cursor:
        # One statement: one for each of 2,000 files takes 0.1 s.
        cursor.execute(
            f"insert into {SCHEMA}.lipid_conventions "  # noqa: S608 - names are constants
            "(file_id, load_id, source, dialect, nacyl_only, evidence, rules_version) "
            "select *, %s from unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], "
            "%s::boolean[], %s::jsonb[]) on conflict do nothing",
            (
                versions[0],
                [file.file_id for file, _ in conventions],
                [file.load_id for file, _ in conventions],
                [file.source for file, _ in conventions],
                [found.dialect for _, found in conventions],
                [found.nacyl_only for _, found in conventions],
                [json.dumps(found.evidence) for _, found in conventions],
            ),
        )
        cursor.executemany(
            f"insert into {SCHEMA}.lipid_loads values (%s, %s, %s, %s) on conflict do nothing",  # noqa: S608 - names are constants
            [(*load, *versions) for load in loads],
        )
        changed = cursor.execute(
            f"insert into {SCHEMA}.lipid_rules as r (is_current, rules_version, parser_version) "  # noqa: S608 - names are constants
            "values (true, %s, %s) on conflict (is_current) do update set "
            "rules_version = excluded.rules_version, parser_version = excluded.parser_version, "
            "since = now() where (r.rules_version, r.parser_version) "
            "is distinct from (excluded.rules_version, excluded.parser_version)",
            versions,
        ).rowcount
        if changed:
            # Everything has just been read with these versions; nobody asks for others any more.
            for table in ("lipid_names", "lipid_loads"):
                cursor.execute(
                    f"delete from {SCHEMA}.{table} "  # noqa: S608 - names are constants
                    "where (rules_version, parser_version) is distinct from (%s, %s)",
                    versions,
                )
            cursor.execute(
                f"delete from {SCHEMA}.lipid_conventions where rules_version <> %s",  # noqa: S608 - names are constants
                versions[:1],
            )


def _chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    part: list[_Item] = []
    for item in items:
        part.append(item)
        if len(part) >= size:
            yield part
            part = []
    if part:
        yield part
