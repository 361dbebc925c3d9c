"""The published names with known answers, where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture(scope="session")
def truth() -> Path:
    """The folder of names with known answers beside the checkout."""
    folder = (REPOSITORY.parent / "shared" / "truth").resolve()
    if not folder.is_dir():
        pytest.skip(f"the names with known answers are not here: {folder}")
    return folder
