"""What the documents show is true: written pages, queries, programs, commands, the notebook."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from tests.conftest import REPOSITORY
from tests.docs.pages import PAGES, blocks, commands
from warehouse.connection import database_url
from warehouse.settings import Settings, get_settings

DOCS = REPOSITORY / "docs"

#: Commands that only read, so that their examples can be run.
_READING = {
    "check", "formats", "why", "impact", "signatures", "datasets", "export", "status",
    "env", "search",
}  # fmt: skip
_READING_PAIRS = {
    ("features", "list"), ("mappings", "list"), ("quarantine", "list"), ("quarantine", "show"),
    ("sync", "status"),
}  # fmt: skip

#: A word that stands for something of the reader's: DATASET, ID, plate7.csv, /data/omics.
_STAND_IN = re.compile(r"^[A-Z][A-Z_]+…?$|…|^(?:plate|roles|results|counts\.tsv|/data)|=ID$|\bID\b")


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up while they are made.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


# -- the page of marts -----------------------------------------------------------------------------


def test_columns_and_diagram_follow_the_contracts() -> None:
    written = (DOCS / "marts.md").read_text("utf-8")
    assert written.endswith(_module("generate_marts").render_contracts()), (
        "run: .venv/bin/python docs/generate_marts.py --contracts"
    )


def test_ten_questions_have_the_answers_of_the_page(
    example_marts: psycopg.Connection[Any],
) -> None:
    generator = _module("generate_marts")
    assert len(generator.queries()) == 10
    assert (DOCS / "marts.md").read_text("utf-8") == generator.render(example_marts), (
        "run: .venv/bin/python docs/generate_marts.py"
    )


def test_the_diagram_draws_what_joins() -> None:
    generator = _module("generate_marts")
    shown = [mart for mart in generator.marts() if not mart.is_working]
    drawn = {(source, target) for source, target, _ in generator.references(shown)}
    assert {
        ("assays", "datasets"),
        ("assays", "samples"),
        ("dataset_features", "features"),
        ("differential_results", "contrasts"),
        ("measurements", "assays"),
        ("signature_components", "signatures"),
    } <= drawn
    # It follows from contrasts.
    assert ("differential_results", "datasets") not in drawn


# -- SQL, Python, commands -------------------------------------------------------------------------


def _with(language: str) -> list[Any]:
    found = []
    for page in PAGES:
        texts = [text for spoken, text in blocks(page) if spoken == language]
        if texts:
            found.append(pytest.param(texts, id=page.relative_to(REPOSITORY).as_posix()))
    return found


@pytest.mark.parametrize("texts", _with("sql"))
def test_sql_of_a_page_runs(texts: list[str], example_marts: psycopg.Connection[Any]) -> None:
    for text in texts:
        example_marts.execute(text.encode())


@pytest.mark.parametrize("texts", _with("python"))
def test_python_of_a_page_runs(
    texts: list[str],
    example_settings: Settings,
    example_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    """As a reader would: one program after the other in the shell in which `omics env` was run."""
    program = tmp_path / "program.py"
    program.write_text("\n\n".join(texts), "utf-8")
    url = {"DATABASE_URL": database_url(example_settings)}
    ran = subprocess.run(
        [sys.executable, str(program)],
        env={**example_environment, **url, "PYTHONPATH": str(REPOSITORY)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]


def _examples(page: Path) -> list[tuple[str, ...]]:
    """Commands of a page that only read and name nothing of the reader's own."""
    found = []
    for language, text in blocks(page):
        if language != "sh":
            continue
        for line in text.splitlines():
            for words in commands(line, "omics"):
                reads = words[0] in _READING or tuple(words[:2]) in _READING_PAIRS
                if reads and not any(_STAND_IN.search(word) for word in words[1:]):
                    found.append(tuple(words))
    return found


EXAMPLES = sorted({words for page in PAGES for words in _examples(page)})


def test_examples_of_every_reading_command_are_run() -> None:
    assert {words[0] for words in EXAMPLES} >= {"why", "impact", "signatures", "datasets", "export"}
    assert len(EXAMPLES) > 15


@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_a_command_of_the_documents_runs(
    words: tuple[str, ...],
    example_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from omics import cli

    monkeypatch.setenv("DATABASE_URL", database_url(example_settings))
    # What is written lands in a folder of its own; files of the project are found from there too.
    monkeypatch.chdir(tmp_path)
    for held in ("examples", "docs"):
        (tmp_path / held).symlink_to(REPOSITORY / held)
    get_settings.cache_clear()
    try:
        code = cli.run(list(words))
    finally:
        get_settings.cache_clear()
    said = capfd.readouterr()
    assert code == 0, said.err + said.out
    assert said.out.strip()


# -- the notebook ----------------------------------------------------------------------------------


def test_the_notebook_is_one_that_jupyter_opens() -> None:
    notebook = json.loads((DOCS / "analysis.ipynb").read_text("utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    identifiers = [cell["id"] for cell in notebook["cells"]]
    assert len(set(identifiers)) == len(identifiers)
    for cell in notebook["cells"]:
        needed = {"id", "cell_type", "metadata", "source"}
        if cell["cell_type"] == "code":
            needed |= {"execution_count", "outputs"}
        assert set(cell) == needed
        assert all(isinstance(line, str) for line in cell["source"])


def test_the_notebook_gives_the_answers_that_it_shows(
    example_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in example_environment.items():
        if name.startswith("PG"):
            monkeypatch.setenv(name, value)
    runner = _module("run_notebook")
    text = (DOCS / "analysis.ipynb").read_text("utf-8")
    assert runner.render(runner.run(json.loads(text))) == text, (
        "run: .venv/bin/python docs/run_notebook.py"
    )
