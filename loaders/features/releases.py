"""Releases of references as a plan sees them: landed ones, and ones that are only read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from warehouse.errors import OmicsError


@dataclass(frozen=True)
class Release:
    """One release of one table of a reference.

    Attributes:
        reference: Who says so, for example hgnc.
        content: Which of its tables, for example genes.
        taxon: The species it is about, or ``''``.
        version: Version that the file names, if any.
        released_on: Its date.
        is_dated_by_content: False where the date is that of the file.
        modified_at: Last change of the file.
        path: File, and part of it where it has several.
        sha256: Hash of the file.
        file_id: Landed version; None where it is not landed.
        load_id: Load that landed it.
        n_entities: Number of molecules.
        is_current: False where another version took the file's place.
        is_pinned: Whether it is held.
        is_used: Whether the next build uses it.
        reason: Why, or why not.
    """

    reference: str
    content: str
    taxon: str
    version: str | None
    released_on: date
    is_dated_by_content: bool
    modified_at: datetime
    path: str
    sha256: str
    file_id: int | None
    load_id: str | None
    n_entities: int
    is_current: bool = True
    is_pinned: bool = False
    is_used: bool = False
    reason: str = ""

    @property
    def scope(self) -> tuple[str, str, str]:
        """What only one release is used of."""
        return (self.reference, self.content, self.taxon)

    @property
    def label(self) -> str:
        """Version, or else the date."""
        return self.version or self.released_on.isoformat()


def find(releases: Iterable[Release], reference: str, wanted: str) -> list[Release]:
    """Returns the landed releases that a user means: by version, date, hash or path.

    Args:
        releases: All that are landed.
        reference: Name of the reference, alone or as ``reference/content``.
        wanted: Version, ISO date, beginning of the hash (six digits or more), or end of the path.

    Raises:
        OmicsError: None fits, or several of one table do.
    """
    name, _, content = reference.partition("/")
    known = [r for r in releases if r.reference == name and content in ("", r.content)]
    if name == "custom" or (not known and reference.startswith("custom:")):
        # Names of sheets may hold a stroke themselves.
        known = [r for r in releases if r.reference == reference]
    if not known:
        there = sorted({r.reference for r in releases})
        raise OmicsError(
            f"no release of '{reference}' is landed",
            expected=f"one of {', '.join(there)}" if there else "a reference that was loaded",
            fix="see: omics features list",
        )
    fitting = [r for r in known if _fits(r, wanted)]
    if not fitting:
        raise OmicsError(
            f"'{wanted}' is no release of {reference}",
            expected="one of " + ", ".join(sorted({r.label for r in known})),
            fix="see: omics features list",
        )
    by_scope: dict[tuple[str, str, str], list[Release]] = {}
    for release in fitting:
        by_scope.setdefault(release.scope, []).append(release)
    for scope, several in by_scope.items():
        if len({release.sha256 for release in several}) > 1:
            raise OmicsError(
                f"'{wanted}' fits several releases of {scope[0]} {scope[1]}",
                expected="one of their hashes: "
                + ", ".join(f"{r.sha256[:12]} ({r.path})" for r in several),
                fix=f"omics features pin {scope[0]} {several[0].sha256[:12]}",
            )
    return [several[0] for several in by_scope.values()]


def _fits(release: Release, wanted: str) -> bool:
    return (
        wanted in (release.version, release.released_on.isoformat(), str(release.file_id))
        or (len(wanted) >= 6 and release.sha256.startswith(wanted.lower()))
        or release.path.endswith("/" + wanted)
        or release.path == wanted
    )


def verdict(new: Release, landed: Iterable[Release]) -> tuple[bool, str]:
    """Tells whether a release would be used once it is landed, by the rule of the marts.

    The rule itself is ``int_reference_releases_ranked``: a pinned release, else the newest; one
    that dates itself goes before one of which only the file's date is known, and a file that is
    replaced counts no longer.
    """
    others = [r for r in landed if r.scope == new.scope and r.sha256 != new.sha256]
    same = [r for r in landed if r.scope == new.scope and r.sha256 == new.sha256]
    if any(release.is_pinned for release in others):
        return False, "another release is pinned"
    if any(release.is_pinned for release in same):
        return True, "pinned"
    rivals = [r for r in others if r.is_current and r.path != new.path]
    newer = [r for r in rivals if _rank(r) > _rank(new)]
    if newer:
        return False, f"another release is newer or dates itself: {max(newer, key=_rank).label}"
    return True, "newest"


def _rank(release: Release) -> tuple[bool, date, datetime]:
    return (release.is_dated_by_content, release.released_on, release.modified_at)
