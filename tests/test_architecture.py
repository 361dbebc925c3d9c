"""The walls between the rooms. Each failure says why its wall is there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
MODELS = REPOSITORY / "dbt_project" / "models"

ROOMS = ("warehouse", "loaders", "sync", "omics")

#: Room, what it may not import, and why.
WALLS = {
    "warehouse": (
        {"loaders", "sync", "omics"},
        "every room stands on the warehouse; if it leans on one of them, none can be used alone",
    ),
    "loaders": (
        {"sync", "omics"},
        "loading ends in raw schemas: it neither knows nor waits for what is published from them",
    ),
    "sync": (
        {"loaders", "omics"},
        "sync publishes what the marts say; reading files itself would make a second truth",
    ),
}

#: Layer of dbt models, the layers it may read, and why.
LAYERS = {
    "staging": (set(), "staging gives one source its names and types, and reads that source only"),
    "intermediate": (
        {"staging", "intermediate", "seeds"},
        "a source is cleaned in one place, staging, and never read around it",
    ),
    "marts": (
        {"intermediate", "marts"},
        "what a mart says is worked out once, in intermediate, where others can use it",
    ),
}


def _modules(room: str) -> list[Path]:
    return sorted((REPOSITORY / room).rglob("*.py"))


def _imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every module that is imported, inside functions and for type checks too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, node.lineno


def _reads_environment(tree: ast.AST) -> Iterator[int]:
    names = {"environ", "environb", "getenv", "getenvb", "putenv"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in names:
            if isinstance(node.value, ast.Name) and node.value.id == "os":
                yield node.lineno
        elif (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and names & {alias.name for alias in node.names}
        ):
            yield node.lineno


@pytest.mark.parametrize("room", WALLS)
def test_rooms_import_only_what_they_may(room: str) -> None:
    forbidden, reason = WALLS[room]
    through = [
        f"{path.relative_to(REPOSITORY)}:{line} imports {name}"
        for path in _modules(room)
        for name, line in _imports(ast.parse(path.read_bytes()))
        if name.partition(".")[0] in forbidden
    ]
    assert not through, f"{reason}:\n" + "\n".join(through)


def test_the_walls_are_seen_from_inside_functions() -> None:
    code = "def f():\n    from sync.plan import x\n    import os\n    return os.environ['A']\n"
    tree = ast.parse(code)
    assert ("sync.plan", 2) in list(_imports(tree))
    assert list(_reads_environment(tree)) == [4]


def test_one_module_reads_the_environment() -> None:
    readers = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for room in ROOMS
        for path in _modules(room)
        if path != REPOSITORY / "warehouse" / "settings.py"
        for line in _reads_environment(ast.parse(path.read_bytes()))
    ]
    assert not readers, (
        "a setting that is read elsewhere is in no documentation, no .env and no check of the "
        "doctor; add it to warehouse/settings.py:\n" + "\n".join(readers)
    )


def test_nothing_in_a_room_imports_the_tests() -> None:
    inside = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for room in ROOMS
        for path in _modules(room)
        for name, line in _imports(ast.parse(path.read_bytes()))
        if name.partition(".")[0] in {"tests", "benchmarks", "pytest", "hypothesis"}
    ]
    assert not inside, "what runs in a laboratory has no test tools: " + ", ".join(inside)


def test_dagster_is_used_in_its_own_folder_and_nothing_rests_on_that() -> None:
    folder = REPOSITORY / "omics" / "orchestration"
    through = [
        f"{path.relative_to(REPOSITORY)}:{line} imports {name}"
        for room in ROOMS
        for path in _modules(room)
        if folder not in path.parents
        for name, line in _imports(ast.parse(path.read_bytes()))
        if name.startswith(("dagster", "omics.orchestration"))
    ]
    assert not through, "Dagster is optional: all else works without it:\n" + "\n".join(through)


@pytest.mark.parametrize("layer", LAYERS)
def test_models_read_only_the_layers_they_may(layer: str) -> None:
    allowed, reason = LAYERS[layer]
    layer_of = {
        path.stem: folder.name for folder in MODELS.iterdir() for path in folder.rglob("*.sql")
    }
    seeds = REPOSITORY / "dbt_project" / "seeds"
    layer_of |= {path.stem: "seeds" for path in seeds.rglob("*.csv")}
    through = []
    for path in sorted((MODELS / layer).rglob("*.sql")):
        # Comments may speak of other models.
        text = re.sub(r"\{#.*?#\}|--[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for name in re.findall(r"\bref\(\s*['\"](\w+)['\"]", text):
            if layer_of.get(name) not in allowed:
                through.append(f"{path.stem} reads {name} ({layer_of.get(name)})")
        if layer != "staging" and re.search(r"\bsource\(", text):
            through.append(f"{path.stem} reads a source")
    assert not through, f"{reason}:\n" + "\n".join(through)


def test_the_command_line_answers_before_heavy_packages_load() -> None:
    heavy = ("dlt", "dbt", "pandas", "pyarrow", "psycopg", "numpy", "python_calamine", "dagster")
    code = (
        "import sys, omics.cli, loaders, warehouse;"
        f"print(*[name for name in {heavy} if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == [], (
        "`omics --help` must answer at once; import these inside the functions that need them"
    )
