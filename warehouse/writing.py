"""Files for users: whole or not at all."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.errors import OmicsError


def require_folder(path: Path) -> None:
    """Makes sure that a file can be written before anything is computed for it.

    Raises:
        OmicsError: Its folder is missing or closed, or a folder has its name.
    """
    if not path.parent.is_dir():
        raise OmicsError(
            "the folder to write to does not exist",
            where=path.parent,
            expected="a folder that is there",
            fix=f"mkdir -p {shlex.quote(str(path.parent))}",
        )
    if path.is_dir():
        raise OmicsError(
            "a folder has the name of the file to write",
            where=path,
            expected="the name of a file",
            fix=f"--out {shlex.quote(str(path / 'NAME'))}",
        )
    if not os.access(path.parent, os.W_OK):
        raise OmicsError(
            "the folder to write to is closed to you",
            where=path.parent,
            expected="a folder that you may write to",
            fix="name another place with --out",
        )


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Gives a path to write to, which takes the place of the file once all of it is there.

    It lies in the same folder: a rename within one file system is all or nothing.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
