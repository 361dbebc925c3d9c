"""Servers of their own for tests that start, break and move them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from warehouse import server
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
