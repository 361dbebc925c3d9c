"""Servers of their own for tests that start, break and move them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from warehouse import connection, server
from warehouse.settings import Settings


@pytest.fixture
def new_root(tmp_path: Path) -> Iterator[Callable[[str], Settings]]:
    """Makes project roots whose servers are stopped at the end."""
    made: list[Settings] = []

    def make(name: str) -> Settings:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        made.append(Settings(root=folder))
        return made[-1]

    yield make
    for settings in made:
        if settings.root.is_dir():
            server.stop(settings)


@pytest.fixture
def kill_a_connection() -> Callable[[Settings], None]:
    """Kills a process of the server, which then ends all others and recovers.

    Returns when the server's main process has seen it: before, it lets callers in, only to throw
    them out a moment later.
    """

    def kill(settings: Settings) -> None:
        with connection.connect(settings) as conn:
            pid = conn.info.backend_pid
            os.kill(pid, signal.SIGKILL)
            conn.close()
        deadline = time.monotonic() + 30
        with suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.kill(pid, 0)
                time.sleep(0.005)
            raise AssertionError(f"process {pid} is still there 30 s after it was killed")

    return kill
