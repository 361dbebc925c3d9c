"""Files that belong together: one file per sample of a run, or the three files of a 10x matrix.

Such files are one dataset. They are found by content: each must be of a format with one file per
sample, and they must name the same features. Their names only say which folders are neighbours.
The group stands where a file would stand in plan and ledger: its path is its folder and its format,
its content the content of its members. One file alone stays a file.
"""

from __future__ import annotations

import hashlib
import posixpath
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from loaders.discovery import FoundFile, find_files, find_in_folder, open_filesystem
from loaders.formats.protocol import HEAD_CHARACTERS, Head

#: Share of the features in the first part of two files that both must name.
_SHARED = 0.5
#: A count file is this wide at most; wider tables are no candidates and are not looked at.
_MOST_COLUMNS = 12
MATRIX_MARKET = "10x matrix"

ReadHead = Callable[[FoundFile], str | None]


@dataclass(frozen=True)
class _Kind:
    """What a file is, as far as its first part tells."""

    format: str
    names: frozenset[str]


def grouped(
    found: Iterable[FoundFile],
    *,
    groups_known: Collection[str] = (),
    settled: Collection[str] = (),
    read_head: ReadHead | None = None,
) -> list[FoundFile]:
    """Puts files that belong together in the place of one.

    Args:
        found: Files of a folder that was listed completely.
        groups_known: Paths of groups that are loaded; one stays a group with a single member left.
        settled: Paths of files that are known to be of other formats; they are not opened.
        read_head: Returns the first characters of a file, None for one that is no text.

    Returns:
        The files, each in no more than one group, in order of path.
    """
    files = list(found)
    look = read_head or first_characters
    candidates = [file for file in files if file.path not in settled]
    kinds = {file.path: kind for file in candidates if (kind := _kind(look(file)))}
    groups = [*_matrices(files, kinds, look), *_runs(candidates, kinds, groups_known)]
    members = {member.path for group in groups for member in group.members}
    singles = [file for file in files if file.path not in members]
    return sorted([*singles, *groups], key=lambda file: file.path)


def find_named(places: Iterable[str]) -> list[FoundFile]:
    """Returns files that the user names; a group is named by the path that lists show for it.

    Raises:
        OmicsError: A file does not exist.
    """
    found: list[FoundFile] = []
    for place in places:
        folder, name = posixpath.split(place)
        is_group = name.startswith("[") and name.endswith("]")
        if not is_group or Path(place).exists():
            found += find_files([place])
            continue
        held = grouped(find_in_folder(folder), groups_known=[place])
        wanted = [file for file in held if file.path == place]
        found += wanted or find_files([place])
    return found


def first_characters(file: FoundFile) -> str | None:
    """Returns the beginning of a file as text, unpacked; None for one that is no text."""
    try:
        if file.is_remote:
            filesystem, path = open_filesystem(file.path)
            content = bytes(filesystem.cat_file(path, start=0, end=HEAD_CHARACTERS))
        else:
            with Path(file.path).open("rb") as stream:
                content = stream.read(HEAD_CHARACTERS)
        if content.startswith(b"\x1f\x8b"):
            content = zlib.decompressobj(31).decompress(content, HEAD_CHARACTERS)
    except (OSError, zlib.error):
        return None  # it is refused with its reason when it is read
    if not content or b"\x00" in content[:4096]:
        return None
    return content.decode("utf-8-sig", errors="replace")


def content_hash(members: Sequence[tuple[str, str]]) -> str:
    """Returns the hash of a group: of the relative paths and hashes of its members.

    >>> content_hash([("b", "1"), ("a", "2")]) == content_hash([("a", "2"), ("b", "1")])
    True
    """
    digest = hashlib.sha256()
    for name, sha256 in sorted(members):
        digest.update(f"{name}\0{sha256}\n".encode())
    return digest.hexdigest()


def _kind(text: str | None) -> _Kind | None:
    """Tells a format with one file per sample, and the features that a file of it names."""
    if text is None:
        return None
    first = text[:2000].lstrip().split("\n", 1)[0]
    if text.startswith("%%MatrixMarket matrix coordinate"):
        return _Kind(MATRIX_MARKET, frozenset())
    if not 1 <= first.count("\t") < _MOST_COLUMNS:
        return None
    from loaders.formats import layouts, registry
    from loaders.model import Unreadable

    head = Head("text", text=text)
    claimed = registry.claim(head)
    if claimed is not None:
        about = claimed[0].about
        return _Kind(about.name, _names(head.records, 0)) if about.group else None
    records = head.records
    try:
        roles = layouts.recognise(records[0], records[1:], ()) if len(records) > 1 else None
    except Unreadable:
        return None
    if roles is None or "assay_name_from" not in roles.evidence:
        return None
    return _Kind(roles.format, _names(records[1:], roles.feature_columns[0]))


def _names(records: Sequence[Sequence[str]], column: int) -> frozenset[str]:
    found = (record[column] for record in records if len(record) > column)
    return frozenset(name for name in found if not name.startswith(("N_", "__")))


def _runs(
    files: Sequence[FoundFile], kinds: dict[str, _Kind], known: Collection[str]
) -> Iterator[FoundFile]:
    """Yields a group per format and folder, or per format and neighbouring folders of one file.

    A folder may hold one sample at two levels, its genes and its transcripts: then files of one
    name in neighbouring folders belong together.
    """
    by_folder: dict[tuple[str, str], list[FoundFile]] = defaultdict(list)
    for file in files:
        kind = kinds.get(file.path)
        if kind is not None and kind.format != MATRIX_MARKET:
            by_folder[posixpath.dirname(file.path), kind.format].append(file)
    neighbours: dict[tuple[str, str], list[FoundFile]] = defaultdict(list)
    for (folder, name), held in by_folder.items():
        path = group_path(folder, name)
        sets = _of_one_set(held, kinds)
        if path in known or any(len(found) > 1 for found in sets):
            yield from _group(path, held, kinds, known)
            continue
        above = posixpath.dirname(folder)
        root = held[0].root.rstrip("/")
        if above == root or above.startswith(f"{root}/"):
            for file in held:
                level = name if len(held) == 1 else f"{name} {posixpath.basename(file.path)}"
                neighbours[above, level].append(file)
    for (folder, name), held in neighbours.items():
        yield from _group(group_path(folder, name), held, kinds, known)


def _of_one_set(files: Sequence[FoundFile], kinds: dict[str, _Kind]) -> list[list[FoundFile]]:
    """Parts files into those that name the same features, as far as their first parts tell."""
    sets: list[list[FoundFile]] = []
    for file in sorted(files, key=lambda file: file.path):
        names = kinds[file.path].names
        for held in sets:
            theirs = kinds[held[0].path].names
            if len(names & theirs) >= _SHARED * max(1, min(len(names), len(theirs))):
                held.append(file)
                break
        else:
            sets.append([file])
    return sets


def group_path(folder: str, name: str) -> str:
    """Returns the path under which a group is remembered.

    >>> group_path("/data/run1", "salmon quant")
    '/data/run1/[salmon quant]'
    """
    return f"{folder}/[{name}]"


def _group(
    path: str, files: Sequence[FoundFile], kinds: dict[str, _Kind], known: Collection[str]
) -> Iterator[FoundFile]:
    """Yields the largest set of files that name the same features, if it is more than one file."""
    sets = _of_one_set(files, kinds)
    largest = max(sets, key=len)
    if len(largest) > 1 or path in known:
        yield together(path, largest)


def together(path: str, members: Sequence[FoundFile]) -> FoundFile:
    """Returns the group of some files, as one file."""
    members = sorted(members, key=lambda file: file.path)
    signatures = [(file.path, file.signature) for file in members]
    sources = {file.source for file in members}
    first = members[0]
    return replace(
        first,
        path=path,
        source=first.source if len(sources) == 1 else None,
        source_evidence=first.source_evidence if len(sources) == 1 else {},
        size=sum(file.size for file in members),
        modified_at=max(file.modified_at for file in members),
        signature=f"{len(members)} files:{content_hash(signatures)[:24]}",
        members=tuple(members),
    )


def _matrices(
    files: Sequence[FoundFile], kinds: dict[str, _Kind], look: ReadHead
) -> Iterator[FoundFile]:
    """Yields each Matrix Market file with the lists of features and barcodes that lie beside it."""
    by_folder: dict[str, list[FoundFile]] = defaultdict(list)
    for file in files:
        by_folder[posixpath.dirname(file.path)].append(file)
    for folder, held in by_folder.items():
        matrices = [
            file
            for file in held
            if (kind := kinds.get(file.path)) is not None and kind.format == MATRIX_MARKET
        ]
        if not matrices:
            continue
        lists = [file for file in held if file not in matrices and _is_list(look(file))]
        for matrix in matrices:
            nearest = sorted(lists, key=lambda file: (-_common(file.path, matrix.path), file.path))
            beside = nearest[:2]
            if len(beside) < 2:
                continue
            name = MATRIX_MARKET
            if len(matrices) > 1:
                name = f"{MATRIX_MARKET} {posixpath.basename(matrix.path)}"
            yield together(group_path(folder, name), [matrix, *beside])


def _is_list(text: str | None) -> bool:
    """Whether every line has one cell, or as many as the first one: features or barcodes."""
    if text is None or text.startswith("%%MatrixMarket"):
        return False
    lines = text.split("\n")[:50]
    lines = lines[:-1] if len(lines) > 1 else lines
    return len({line.count("\t") for line in lines if line}) == 1


def _common(one: str, other: str) -> int:
    """Returns how many characters two paths have in common at their beginning."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
