"""The omics types that landed sheets of datasets declare for files that no folder decides."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loaders.programs import columns

if TYPE_CHECKING:
    import psycopg

RULE = "programs sheet"

_WILD = re.compile(r"[*?]")

#: Current sheets only: the rule of staging, so that loader and marts follow the same sheets.
_ROWS = """
    with visible as (
        select f.*, row_number() over (
            partition by f.dataset_key
            order by f.loaded_at desc, f._dlt_load_id desc, f.file_id desc
        ) as version_rank
        from raw_programs.files as f
        where f.status = 'loaded' and exists (
            select 1 from raw_programs._dlt_loads as l
            where l.load_id = f._dlt_load_id and l.status = 0)
    )
    select v.source_path, v.source_root, r.row_number, r.fields::jsonb -> 'files',
        r.fields::jsonb ->> 'omics_type'
    from visible as v
    join raw_programs.records as r on r.file_id = v.file_id and r._dlt_load_id = v._dlt_load_id
    left join ops.dataset_states as s on s.dataset_key = v.dataset_key
    where v.version_rank = 1 and r.kind = 'dataset' and r.fields::jsonb ? 'omics_type'
      and not coalesce(s.state = 'removed' and s.since >= v.loaded_at, false)
    order by v.source_path, r.row_number
"""


@dataclass(frozen=True)
class Declaration:
    """What one row of a sheet declares."""

    omics_type: str
    sheet: str
    row_number: int

    def evidence(self) -> dict[str, str]:
        """Returns why a file has the type."""
        return {"rule": RULE, "sheet": self.sheet, "line": str(self.row_number)}


class DeclaredTypes:
    """Answers which omics type the sheets declare for a path."""

    def __init__(self, rows: Iterable[tuple[str, str, int, Sequence[str], str]]) -> None:
        """Takes rows of sheet path, loaded folder, line, file names and omics type."""
        self._paths: dict[str, list[Declaration]] = defaultdict(list)
        self._tails: dict[str, list[tuple[str, Declaration]]] = defaultdict(list)
        self._patterns: list[tuple[re.Pattern[str], Declaration]] = []
        for sheet, root, row_number, names, omics_type in rows:
            declaration = Declaration(omics_type, sheet, row_number)
            folder = sheet.rpartition("/")[0]
            for name in names:
                full = [name, _joined(folder, name), _joined(root, name)]
                if _WILD.search(name):
                    self._patterns += [(glob_pattern(path), declaration) for path in full]
                    continue
                for path in full:
                    self._paths[path].append(declaration)
                tail = "/" + re.sub(r"^(\.{0,2}/)+", "", name)
                self._tails[tail.rpartition("/")[2]].append((tail, declaration))

    def of(self, path: str) -> Declaration | None:
        """Returns what the sheets declare for a file; None when nothing, or when they disagree.

        A row that names the file goes before one that names the end of its path, and that before a
        pattern.
        """
        base = path.rpartition("/")[2]
        for found in (
            self._paths.get(path, []),
            [said for tail, said in self._tails.get(base, []) if path.endswith(tail)],
            [said for pattern, said in self._patterns if pattern.fullmatch(path)],
        ):
            if found:
                types = {said.omics_type for said in found}
                return found[0] if len(types) == 1 else None
        return None

    def __bool__(self) -> bool:
        """False when no sheet declares a type."""
        return bool(self._paths or self._patterns)


def declared_types(conn: psycopg.Connection[Any]) -> DeclaredTypes:
    """Reads what the landed sheets declare."""
    rows = conn.execute(_ROWS).fetchall()
    return DeclaredTypes(
        (sheet, root or "", number, columns.sequence(names), omics_type)
        for sheet, root, number, names, omics_type in rows
    )


def glob_pattern(glob: str) -> re.Pattern[str]:
    """Returns a pattern for a path: ``*`` and ``?`` stay inside a folder, ``**`` does not.

    >>> bool(glob_pattern("/d/*/x?.csv").fullmatch("/d/a/x1.csv"))
    True
    >>> bool(glob_pattern("/d/*.csv").fullmatch("/d/a/x.csv"))
    False
    """
    parts: Mapping[str, str] = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    cut = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    return re.compile("".join(parts.get(part, re.escape(part)) for part in cut))


def _joined(folder: str, name: str) -> str:
    if "://" in folder:
        scheme, _, rest = folder.partition("://")
        return f"{scheme}://{posixpath.normpath(posixpath.join(rest, name))}"
    return posixpath.normpath(posixpath.join(folder, name))
