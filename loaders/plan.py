"""What a load would do: compares the files that are there with what Postgres holds.

Pure: no database, and the only files opened are those whose change mark differs, to hash them.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from loaders.discovery import FoundFile
from loaders.groups import content_hash
from loaders.known import KnownFile, RefusedFile
from loaders.sources import TABLE_SOURCES, sources

Action = Literal["new", "changed", "moved", "unchanged", "removed", "quarantined", "unsupported"]

#: Actions that make a load read the file.
READING = frozenset({"new", "changed", "moved"})


@dataclass(frozen=True)
class PlannedFile:
    """One file and what a load does with it.

    Attributes:
        action: What happens to it.
        path: Path or URL.
        file: The file as found; None when it is gone.
        key_base: Dataset key (without part) that its datasets get.
        source: Source it is declared to belong to, or None when content decides.
        sha256: Hash, where planning had to compute it.
        detail: A sentence for people.
    """

    action: Action
    path: str
    file: FoundFile | None
    key_base: str
    source: str | None
    sha256: str | None = None
    detail: str = ""


@dataclass(frozen=True)
class LoadPlan:
    """Every file with its action."""

    files: tuple[PlannedFile, ...]

    def of(self, *actions: Action) -> list[PlannedFile]:
        """Returns the files with one of the given actions."""
        return [file for file in self.files if file.action in actions]

    def counts(self) -> dict[str, int]:
        """Returns the number of files per action."""
        return dict(Counter(file.action for file in self.files))


def make_plan(
    found: Iterable[FoundFile],
    known: Mapping[str, KnownFile],
    refused: Mapping[str, RefusedFile],
    *,
    scanned_root: str | None,
    source: str | None,
    reader_version: str,
    hash_file: Callable[[FoundFile], str],
    reread: bool = False,
) -> LoadPlan:
    """Decides what happens to every file.

    Args:
        found: Files that are there.
        known: Newest landed version by path.
        refused: Files in quarantine by path.
        scanned_root: Folder that was listed completely, or None when single files were named;
            only below a scanned folder can a known file be found missing.
        source: Source given on the command line, or None.
        reader_version: A refused file is tried again when the readers are newer.
        hash_file: Gives the SHA-256 of a found file.
        reread: Reads every file again, changed or not.

    Returns:
        The plan, in order of path.
    """
    found_by_path = {file.path: file for file in found}
    members = {member.path for file in found_by_path.values() for member in file.members}
    gone = {
        path: entry
        for path, entry in known.items()
        if path not in found_by_path
        and path not in members  # it is read with others now, and retired once they are loaded
        and scanned_root is not None
        and is_below(path, scanned_root)
        and (source is None or source in entry.sources)
    }
    gone_by_size: dict[int, list[KnownFile]] = defaultdict(list)
    for entry in gone.values():
        gone_by_size[entry.size].append(entry)
    keys_in_use = {entry.key_base for path, entry in known.items() if path not in gone}

    planned: list[PlannedFile] = []
    moved_from: set[str] = set()
    for path, file in sorted(found_by_path.items()):
        declared = source or file.source
        before = known.get(path)
        if before is not None:
            planned.append(
                _known_again(
                    file, before, refused.get(path), declared, hash_file, reread, source is not None
                )
            )
            continue
        refusal = refused.get(path)
        if (
            refusal is not None
            and not reread
            and _same_refusal(file, refusal, declared, reader_version)
        ):
            planned.append(
                PlannedFile(
                    "quarantined", path, file, path, declared, refusal.sha256, refusal.reason_code
                )
            )
            continue
        if declared is not None and not _is_readable(declared):
            planned.append(
                PlannedFile(
                    "unsupported", path, file, path, declared, detail=_unsupported(declared)
                )
            )
            continue
        origin, sha256 = _moved_from(file, gone_by_size, moved_from, hash_file)
        if origin is not None:
            moved_from.add(origin.path)
            planned.append(
                PlannedFile(
                    "moved", path, file, origin.key_base, declared, sha256, f"was {origin.path}"
                )
            )
            continue
        key = _free_key(path, keys_in_use, sha256, file, hash_file)
        planned.append(PlannedFile("new", path, file, key, declared, sha256))
    planned.extend(
        PlannedFile(
            "removed",
            path,
            None,
            entry.key_base,
            None,
            entry.sha256,
            "gone from its folder; its datasets stay until --prune",
        )
        for path, entry in sorted(gone.items())
        if path not in moved_from
    )
    return LoadPlan(tuple(sorted(planned, key=lambda file: file.path)))


def is_below(path: str, root: str) -> bool:
    """Tells whether a path or URL lies below a root.

    >>> is_below("/data/a/x.csv", "/data/a"), is_below("/data/ab/x.csv", "/data/a")
    (True, False)
    """
    return path == root or path.startswith(root.rstrip("/") + "/")


#: hashlib's own way of reading a file clears 256 KiB first, which takes as long as a small file.
_PIECE_BYTES = 1024 * 1024


def sha256_of(path: str) -> str:
    """Returns the SHA-256 of a local file, read in pieces."""
    with open(path, "rb") as handle:  # noqa: PTH123 - a plain path; no Path is made for each of many files
        digest = hashlib.sha256(handle.read(_PIECE_BYTES))
        while piece := handle.read(_PIECE_BYTES):
            digest.update(piece)
        return digest.hexdigest()


def sha256_together(members: Iterable[tuple[str, str]], group: str) -> str:
    """Returns the hash of files that belong together: path and local file of each, and their group.

    Paths count from the folder of the group, so that a run that moves as a whole stays the same.
    """
    folder = group.rsplit("/", 1)[0] + "/"
    return content_hash([(path.removeprefix(folder), sha256_of(local)) for path, local in members])


def _known_again(
    file: FoundFile,
    before: KnownFile,
    refusal: RefusedFile | None,
    declared: str | None,
    hash_file: Callable[[FoundFile], str],
    reread: bool,
    given: bool,
) -> PlannedFile:
    same_type = (
        declared is None
        or declared in before.sources
        or (
            # The content of a sheet that lies among results told what it is, not its folder.
            not given and all(name in TABLE_SOURCES for name in before.sources)
        )
        # So did that of results that lie among sheets.
        or (declared == file.source and declared in TABLE_SOURCES)
    )
    if file.signature == before.signature and same_type and not reread:
        return PlannedFile("unchanged", file.path, file, before.key_base, declared, before.sha256)
    if (
        refusal is not None
        and refusal.signature == file.signature
        and not refusal.may_be_answered
        and same_type
        and not reread
    ):
        return PlannedFile(
            "quarantined",
            file.path,
            file,
            before.key_base,
            declared,
            refusal.sha256,
            f"{refusal.reason_code}; the earlier version stays in the marts",
        )
    sha256 = hash_file(file)
    if sha256 == before.sha256 and same_type and not reread:
        return PlannedFile(
            "unchanged", file.path, file, before.key_base, declared, sha256, "touched"
        )
    detail = "read again" if sha256 == before.sha256 else "content changed"
    if not same_type:
        detail = f"was {', '.join(before.sources)}"
    return PlannedFile("changed", file.path, file, before.key_base, declared, sha256, detail)


def _same_refusal(
    file: FoundFile, refusal: RefusedFile, declared: str | None, reader_version: str
) -> bool:
    """A newer reader, another content or an answer to its question earns another try."""
    return (
        refusal.signature == file.signature
        and not refusal.may_be_answered
        and refusal.reader_version == reader_version
        and refusal.omics_type == (declared or "")
    )


def _moved_from(
    file: FoundFile,
    gone_by_size: Mapping[int, list[KnownFile]],
    taken: set[str],
    hash_file: Callable[[FoundFile], str],
) -> tuple[KnownFile | None, str | None]:
    candidates = [entry for entry in gone_by_size.get(file.size, []) if entry.path not in taken]
    if not candidates:
        return None, None
    sha256 = hash_file(file)
    same = [entry for entry in candidates if entry.sha256 == sha256]
    return (min(same, key=lambda entry: entry.path) if same else None), sha256


def _free_key(
    path: str,
    keys_in_use: set[str],
    sha256: str | None,
    file: FoundFile,
    hash_file: Callable[[FoundFile], str],
) -> str:
    """A file at a place whose key moved away with an earlier file gets a key of its own."""
    if path not in keys_in_use:
        return path
    return f"{path}@{(sha256 or hash_file(file))[:12]}"


def _is_readable(source: str) -> bool:
    known = sources().get(source)
    return known is not None and known.is_readable


def _unsupported(source: str) -> str:
    return f"files of source '{source}' cannot be loaded by this version"
