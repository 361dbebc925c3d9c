"""What several commands ask of the marts first: are they built, and which dataset is meant?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import psycopg

_FIND = """
select dataset_id, name from marts.datasets
where dataset_id::text = lower(%(text)s) or lower(name) = lower(%(text)s)
    or (%(start)s ~ '^[0-9a-f-]{6,}$' and dataset_id::text like %(start)s || '%%')
order by name, dataset_id
"""

_NEAR = """
select name from marts.datasets where strpos(lower(name), lower(%(text)s)) > 0 order by name limit 5
"""


def require_marts(conn: psycopg.Connection[Any], names: Iterable[str]) -> None:
    """Makes sure that marts are built.

    Raises:
        OmicsError: One is not.
    """
    for name in names:
        row = conn.execute("select to_regclass(%s) is not null", (f"marts.{name}",)).fetchone()
        if not (row and row[0]):
            raise OmicsError(
                "the marts are not built",
                where=f"marts.{name}",
                expected="marts to read",
                fix="omics build (after omics load --dir DIR)",
            )


def find_dataset(conn: psycopg.Connection[Any], text: str) -> tuple[UUID, str]:
    """Returns id and name of the dataset that a name, an id or the beginning of an id means.

    Raises:
        OmicsError: There is none, or the name fits several; nothing is guessed.
    """
    asked = {"text": text, "start": text.lower()}
    found = conn.execute(_FIND, asked).fetchall()
    if len(found) == 1:
        return found[0][0], found[0][1]
    if found:
        listed = ", ".join(f"{name} ({identifier})" for identifier, name in found[:5])
        raise OmicsError(
            f"{len(found)} datasets are called {text!r}",
            where="marts.datasets",
            expected=f"the id of one of them: {listed}",
            fix="give the id instead of the name",
        )
    near = ", ".join(str(name) for (name,) in conn.execute(_NEAR, asked).fetchall())
    raise OmicsError(
        f"no dataset is called {text!r}",
        where="marts.datasets",
        expected="a name or an id" + (f"; near: {near}" if near else ""),
        fix="list the names: omics psql -c 'select name from datasets'",
    )
