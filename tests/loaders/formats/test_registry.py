"""The registry lists itself, every format describes itself, and the pages say the same."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from loaders.formats import registry
from loaders.formats.protocol import Head

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pages", ROOT / "docs" / "generate_formats.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_two_formats_have_one_name():
    names = [entry.about.name for entry in registry.entries()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", registry.MODULES)
def test_a_format_with_code_says_all_that_its_page_needs(name):
    for module, found in registry.modules():
        if module != name:
            continue
        about = found.about
        assert about.holds.endswith(".")
        assert about.recognised_by
        assert about.feature
        assert about.assay
        assert about.zeros
        assert about.sources
        assert (ROOT / "tests" / "loaders" / "formats" / name).is_dir(), "it has no test folder"


def test_nothing_claims_what_bears_no_mark():
    plain = Head("text", text="name\ta\tb\nPC 34:1\t1\t2\nPE 36:2\t3\t4\n")
    assert registry.claim(plain) is None
    assert registry.claim(Head("sheet", cells=(("name", "a"), ("x", "1")))) is None
    assert registry.claim(Head("binary", first=b"\x00\x01\x02\x03" * 8)) is None


def test_the_pages_are_those_that_the_code_describes(pages):
    written = {path.name: path.read_text(encoding="utf-8") for path in pages.FOLDER.glob("*.md")}
    assert written == pages.pages(), "run: .venv/bin/python docs/generate_formats.py"
