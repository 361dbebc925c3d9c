"""One database with the examples, built once; searches read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import REPOSITORY
from tests.end_to_end.conftest import Omics, runner
from tests.sync.conftest import marts, notion, notion_options, pinecone, pinecone_options
from warehouse.connection import connect
from warehouse.settings import Settings

__all__ = ["marts", "notion", "notion_options", "pinecone", "pinecone_options"]

Conn = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def omics(module_settings: Settings, module_target: Path) -> Omics:
    """Runs a command against the module's database."""
    return runner(module_settings, module_target)


@pytest.fixture(scope="module")
def examples(omics: Omics, module_settings: Settings) -> Iterator[Conn]:
    """A connection to the marts of the examples, loaded and built as a user does it."""
    omics("load", "--dir", str(REPOSITORY / "examples"), codes=(0, 2))
    omics("build")
    with connect(module_settings) as conn:
        yield conn
