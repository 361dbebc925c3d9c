"""Which files are there, and which source each belongs to.

A place is a local folder, a local file, or any URL that fsspec understands (``s3://``, ``gs://``,
``https://``, ``memory://``). Nothing is opened here: names, sizes and times only.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from loaders.datafiles import read_yaml
from warehouse.errors import OmicsError

#: How evidence says that a folder's name decided.
FOLDER_RULE = "folder name"

#: Left behind by editors, operating systems and half-finished copies; never results.
_IGNORED_NAMES = frozenset({"thumbs.db", "desktop.ini"})
_IGNORED_PREFIXES = (".", "~$")
_IGNORED_SUFFIXES = (".tmp", ".part", ".crdownload", "~")


@dataclass(frozen=True)
class FoundFile:
    """A file that lies in a place, before it is opened.

    Attributes:
        path: Absolute local path or URL; the identity of the file.
        root: The place it was found in.
        source: Source named by the nearest telling folder, or None.
        source_evidence: Why ``source`` was chosen.
        size: Size in bytes.
        modified_at: Last change, UTC.
        signature: Changes whenever the content may have changed; cheap to compare.
        members: The files that belong together under this path; none for a real file.
    """

    path: str
    root: str
    source: str | None
    source_evidence: Mapping[str, str]
    size: int
    modified_at: datetime
    signature: str
    members: tuple[FoundFile, ...] = ()

    @property
    def is_remote(self) -> bool:
        """True when the file must be fetched before it can be read."""
        return "://" in self.path


def is_url(place: str) -> bool:
    """Tells a URL from a local path.

    >>> is_url("s3://bucket/results"), is_url("/data/results"), is_url("file:///data")
    (True, False, False)
    """
    return "://" in place and not place.startswith(("file://", "local://"))


def normalise_place(place: str) -> str:
    """Returns the one spelling of a place under which its files are remembered.

    Symbolic links in the place itself are resolved, so that two spellings of one folder do not
    make two datasets of each file.
    """
    if is_url(place):
        filesystem, path = open_filesystem(place)
        return str(filesystem.unstrip_protocol(path)).rstrip("/")
    for scheme in ("file://", "local://"):
        if place.startswith(scheme):
            place = place.removeprefix(scheme)
            break
    return os.path.realpath(os.path.expanduser(place))  # noqa: PTH111 - a Path per file takes 0.1 ms


@cache
def _source_by_folder() -> dict[str, str]:
    by_source: dict[str, list[str]] = read_yaml("loaders", "source_folders.yml")
    return {name.casefold(): source for source, names in by_source.items() for name in names}


def source_from_folders(folders: Iterable[str]) -> tuple[str | None, dict[str, str]]:
    """Returns the source that the nearest telling folder names, with the evidence.

    >>> source_from_folders(["results", "Lipidomics", "2024"])
    ('lipidomics', {'rule': 'folder name', 'folder': 'Lipidomics'})
    >>> source_from_folders(["results"])
    (None, {})
    """
    names = _source_by_folder()
    for folder in reversed(list(folders)):
        source = names.get(folder.casefold())
        if source is not None:
            return source, {"rule": FOLDER_RULE, "folder": folder}
    return None, {}


def is_ignored(name: str) -> bool:
    """Tells files that are never results: hidden, temporary, left by editors.

    >>> [is_ignored(name) for name in (".DS_Store", "~$plate.xlsx", "plate.csv.part", "plate.csv")]
    [True, True, True, False]
    """
    lowered = name.casefold()
    return (
        lowered in _IGNORED_NAMES
        or lowered.startswith(_IGNORED_PREFIXES)
        or lowered.endswith(_IGNORED_SUFFIXES)
    )


def find_in_folder(place: str) -> list[FoundFile]:
    """Lists every file below a folder or URL, in order of path.

    Raises:
        OmicsError: The place does not exist, is not a folder, or its protocol is not installed.
    """
    root = normalise_place(place)
    if is_url(root):
        return sorted(_remote_files(root), key=lambda file: file.path)
    if not Path(root).exists():
        raise OmicsError(
            what="folder not found",
            where=place,
            expected="a folder that holds result files",
            fix="check the spelling of --dir, or name single files with --file",
        )
    if not Path(root).is_dir():
        raise OmicsError(
            what="not a folder",
            where=place,
            expected="a folder",
            fix=f"use --file {place}",
        )
    return sorted(_local_files(root), key=lambda file: file.path)


def find_files(places: Iterable[str]) -> list[FoundFile]:
    """Returns single files named by the user, local or remote.

    Raises:
        OmicsError: A file does not exist.
    """
    found: list[FoundFile] = []
    for place in places:
        path = normalise_place(place)
        if is_url(path):
            matches = list(_remote_files(path))
            if not matches:
                raise _no_file(place)
            found.extend(matches)
            continue
        try:
            status = os.stat(path)  # noqa: PTH116 - as above
        except (OSError, ValueError):
            raise _no_file(place) from None
        if not stat.S_ISREG(status.st_mode):
            raise _no_file(place)
        parent = os.path.dirname(path)  # noqa: PTH120 - as above
        found.append(_local_file(path, status, parent, [os.path.basename(parent)]))  # noqa: PTH119
    return found


def _no_file(place: str) -> OmicsError:
    return OmicsError(
        what="file not found",
        where=place,
        expected="a readable file",
        fix="check the path; use --dir for a folder",
    )


def _local_files(root: str) -> Iterator[FoundFile]:
    # os.scandir gives names and kinds in one pass over a folder, without a Path for each entry.
    pending: list[tuple[str, tuple[str, ...]]] = [(root, (Path(root).name,))]
    while pending:
        folder, names = pending.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_ignored(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append((entry.path, (*names, entry.name)))
                    continue
                try:
                    status = entry.stat()
                except OSError:
                    continue  # a dangling link, or gone since the listing
                if stat.S_ISREG(status.st_mode):
                    yield _local_file(entry.path, status, root, names)


def _local_file(path: str, status: os.stat_result, root: str, folders: Iterable[str]) -> FoundFile:
    source, evidence = source_from_folders(folders)
    return FoundFile(
        path=path,
        root=root,
        source=source,
        source_evidence=evidence,
        size=status.st_size,
        modified_at=datetime.fromtimestamp(status.st_mtime, tz=UTC),
        # The change time is part of it: an edit that restores the old modified time still shows.
        signature=f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}",
    )


def open_filesystem(url: str) -> tuple[Any, str]:
    """Returns the fsspec file system of a URL and the path inside it.

    Raises:
        OmicsError: The protocol is unknown or its package is not installed.
    """
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise OmicsError(
            what=f"cannot open this kind of address: {error}",
            where=url,
            expected="a local path or an address whose protocol is installed",
            fix="install the extra for remote files: pip install -e '.[remote]'",
        ) from error
    return filesystem, str(path)


def _remote_files(url: str) -> Iterator[FoundFile]:
    filesystem, path = open_filesystem(url)
    if not filesystem.exists(path):
        raise OmicsError(
            what="address not found",
            where=url,
            expected="an address that holds result files",
            fix="check the spelling and the access rights",
        )
    if filesystem.isfile(path):
        details = {path: filesystem.info(path)}
        base = PurePosixPath(path).parent
    else:
        details = filesystem.find(path, detail=True)
        base = PurePosixPath(path)
    for name, info in details.items():
        relative = PurePosixPath(name).relative_to(base) if name.startswith(str(base)) else None
        parts = relative.parts if relative is not None else PurePosixPath(name).parts
        if any(is_ignored(part) for part in parts):
            continue
        source, evidence = source_from_folders([base.name, *parts[:-1]])
        changed = _remote_time(info)
        size = int(info.get("size") or 0)
        tag = info.get("ETag") or info.get("etag") or info.get("md5Hash") or changed.isoformat()
        yield FoundFile(
            path=filesystem.unstrip_protocol(name),
            root=url,
            source=source,
            source_evidence=evidence,
            size=size,
            modified_at=changed,
            signature=f"{size}:{tag}",
        )


def _remote_time(info: Mapping[str, Any]) -> datetime:
    for key in ("mtime", "LastModified", "last_modified", "updated", "created"):
        value = info.get(key)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, tz=UTC)
        if isinstance(value, str):
            try:
                parsed = datetime.fromisoformat(value)
            except ValueError:
                continue
            return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return datetime.fromtimestamp(0, tz=UTC)


def fetch(file: FoundFile, folder: Path) -> Path:
    """Returns a local file with the content of ``file``; a remote one is copied to ``folder``."""
    if not file.is_remote:
        return Path(file.path)
    filesystem, path = open_filesystem(file.path)
    name = hashlib.sha256(file.path.encode()).hexdigest()[:16]
    target = folder / f"{name}{PurePosixPath(path).suffix}"
    filesystem.get_file(path, str(target))
    return target
