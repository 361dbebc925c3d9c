"""What the documents name exists: commands, flags, verbs, settings, files, marts, reason codes.

A reader who copies a line from a page must not find that the line was never true, or no longer is.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
import yaml

from omics import cli
from tests.conftest import REPOSITORY
from tests.docs.pages import PAGES, blocks, commands
from warehouse import exits
from warehouse.settings import Settings

SCHEDULES = REPOSITORY / "docs" / "schedules"

#: Variables that documents may name though they are no settings of the project, with their reader.
_FOREIGN_VARIABLES = {
    "OMICS_TEST_DATABASE_URL": "tests/conftest.py",
    "PGPASSFILE": "libpq",
    "OMICS_TYPES": "a constant of loaders/model.py",
}

#: Folders that a path in the text must really hold.
_ROOMS = ("warehouse", "loaders", "omics", "dbt_project", "docs", "tests", "benchmarks")


each_page = pytest.mark.parametrize(
    "page", PAGES, ids=[page.relative_to(REPOSITORY).as_posix() for page in PAGES]
)


@cache
def _spans(page: Path) -> tuple[str, ...]:
    """Inline code."""
    prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return tuple(re.findall(r"`([^`\n]+)`", prose))


def _shell_lines(page: Path) -> Iterator[str]:
    for language, text in blocks(page):
        if language in ("sh", "bash", "shell", "console"):
            yield from (line for line in text.splitlines() if line.strip())


@cache
def _root() -> Any:
    return typer.main.get_command(cli.app)


def _command_tree() -> dict[tuple[str, ...], Any]:
    tree: dict[tuple[str, ...], Any] = {}

    def walk(command: Any, path: tuple[str, ...]) -> None:
        members = getattr(command, "commands", None)
        if members is None:
            tree[path] = command
            return
        for name, member in members.items():
            walk(member, (*path, name))

    walk(_root(), ())
    return tree


TREE = _command_tree()


def _find(words: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """The command that the words begin with, and the words after it."""
    for length in (2, 1):
        path = tuple(words[:length])
        if path in TREE:
            return path, words[length:]
    raise AssertionError(f"there is no command 'omics {' '.join(words)}'")


def _flags(path: tuple[str, ...]) -> set[str]:
    names = {"--help", "-h"}
    for parameter in TREE[path].params:
        if parameter.param_type_name == "option":
            names |= {*parameter.opts, *parameter.secondary_opts}
    return names


def _calls_in_text(page: Path) -> Iterator[str]:
    for span in _spans(page):
        if re.match(r"(?:\.venv/bin/)?omics [a-z]", span):
            yield span
    for line in _shell_lines(page):
        if re.search(r"\bomics [a-z]", line):
            yield line


@each_page
def test_commands_and_flags_exist(page: Path) -> None:
    for text in _calls_in_text(page):
        # A signature such as `omics plan [SOURCE] [--dir DIR]` names flags in brackets.
        plain = re.sub(r"[\[\]…]", " ", text)
        for words in commands(plain, "omics"):
            path, rest = _find(words)
            if TREE[path].context_settings.get("ignore_unknown_options"):
                continue
            used = {word.split("=")[0] for word in rest if word.startswith("--")}
            assert used <= _flags(path), f"omics {' '.join(path)} has no {used - _flags(path)}"


@each_page
def test_shell_lines_parse(page: Path) -> None:
    """Every line to copy is accepted by the command line as it stands, short of being run."""
    for line in _shell_lines(page):
        for words in commands(line, "omics"):
            _parse(words)


def _parse(words: list[str]) -> None:
    path, rest = _find(words)
    command = TREE[path]
    context = command.make_context(path[-1], list(rest))
    sources = [context.params.get("source")]
    assert all(source is None or source in cli.SOURCES for source in sources), words


@pytest.mark.parametrize("path", sorted(TREE), ids=" ".join)
def test_every_command_has_help_with_an_example_that_parses(path: tuple[str, ...]) -> None:
    command = TREE[path]
    help_text = command.help or ""
    assert len(help_text.split("\n")[0]) > 10
    example = re.search(r"Example: (.+)", help_text)
    assert example, f"omics {' '.join(path)} --help shows no example"
    calls = list(commands(example.group(1), "omics"))
    assert any(tuple(words[: len(path)]) == path for words in calls)
    for words in calls:
        _parse(words)
    for parameter in command.params:
        if parameter.param_type_name == "option":
            assert parameter.help, f"omics {' '.join(path)} {parameter.opts[0]} has no help"


def test_readme_lists_every_command_and_exit_code() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    section = readme.split("## Commands")[1].split("\n## ")[0]
    for path in TREE:
        assert f"`omics {' '.join(path)}" in section, f"omics {' '.join(path)} is not in the table"
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    declared = {value for name, value in vars(exits).items() if name.isupper()}
    assert codes == declared


def test_readme_begins_with_the_flow_and_the_twocommands() -> None:
    first_screen = "\n".join((REPOSITORY / "README.md").read_text("utf-8").splitlines()[:24])
    assert "make demo" in first_screen
    assert "make test" in first_screen
    assert "marts" in first_screen


@cache
def _verbs() -> set[str]:
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    return set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


@each_page
def test_make_verbs_exist(page: Path) -> None:
    calls = [words for line in _shell_lines(page) for words in commands(line, "make")]
    calls += [words for span in _spans(page) for words in commands(span, "make")]
    for words in calls:
        verbs = {word for word in words if "=" not in word and not word.startswith("-")}
        assert verbs <= _verbs(), f"make has no {verbs - _verbs()}"


@each_page
def test_settings_exist(page: Path) -> None:
    names = {str(field.validation_alias) for field in Settings.model_fields.values()}
    pattern = (
        r"(?<![\w$])(?:OMICS_[A-Z_]+|PG[A-Z]{4,}|DATABASE_URL|USE_[A-Z_]+|ENABLE_[A-Z_]+"
        r"|[A-Z]+_API_KEY|NOTION_TOKEN)\b"
    )
    code = [*_spans(page), *(text for _, text in blocks(page))]
    named = {name for text in code for name in re.findall(pattern, text)}
    assert named <= names | set(_FOREIGN_VARIABLES), "settings that do not exist"


@each_page
def test_relative_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), f"{target} leads nowhere"
        if anchor:
            assert anchor in _anchors(linked), f"{target}: no such heading"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_paths_in_the_text_exist(page: Path) -> None:
    for span in _spans(page):
        if re.fullmatch(rf"(?:{'|'.join(_ROOMS)})/[\w./-]*", span) and "target" not in span:
            assert (REPOSITORY / span).exists(), f"{span} does not exist"


@cache
def _mart_columns() -> dict[str, set[str]]:
    """Marts with the columns that their contracts name."""
    columns: dict[str, set[str]] = {}
    for file in (REPOSITORY / "dbt_project" / "models" / "marts").glob("*.yml"):
        for model in yaml.safe_load(file.read_text("utf-8")).get("models", []):
            columns[model["name"]] = {column["name"] for column in model.get("columns", [])}
    return columns


@each_page
def test_tables_and_columns_in_sql_exist(page: Path) -> None:
    marts = _mart_columns()
    ops = re.findall(
        r"create table if not exists (ops\.\w+)",
        (REPOSITORY / "warehouse" / "ops.sql").read_text("utf-8"),
    )
    for language, text in blocks(page):
        if language not in ("sql", "python", "r"):
            continue
        sql = "\n".join(line for line in text.splitlines() if " import " not in line)
        named = re.findall(r"\b(?:from|join) ([a-z_.]+)(?: as ([a-z_]+))?", sql)
        known = {alias or table: marts[table] for table, alias in named if table in marts}
        made_here = set(re.findall(r"\b([a-z_]+) as \(", sql))
        assert {table for table, _ in named} <= {*marts, *ops, *made_here}
        for table, column in re.findall(r"\b([a-z_]+)\.([a-z_]+)\b", sql):
            if table in known:
                assert column in known[table], f"{table} has no column {column}"


def test_readme_lists_every_mart() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    for mart in _mart_columns():
        assert f"`{mart}`" in readme, f"the mart {mart} is not in README.md"


def test_the_changelog_knows_every_mart_and_every_command() -> None:
    changes = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    schemas, _, commands_and_settings = changes.partition("### Commands and settings")
    for mart in _mart_columns():
        assert f"`{mart}`" in schemas, f"CHANGELOG.md does not name the mart {mart}"
    for path in TREE:
        assert re.search(rf"`{path[0]}\b", commands_and_settings), f"omics {path[0]}"


def test_reason_codes_are_those_of_the_readers() -> None:
    page = (REPOSITORY / "docs" / "troubleshooting.md").read_text("utf-8")
    table = page.split("| reason code |")[1].split("\n\n")[0]
    documented = {
        code for row in table.splitlines()[2:] for code in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    source = "\n".join(file.read_text("utf-8") for file in (REPOSITORY / "loaders").rglob("*.py"))
    unknown = {code for code in documented if f'"{code}"' not in source}
    assert not unknown, "reason codes that no reader gives"
    raised = set(re.findall(r'Unreadable\(\s*"(\w+)"', source))
    raised |= set(re.findall(r'(?:_broken|_undecided)\(\s*"(\w+)"', source))
    assert not raised - documented, "reason codes without advice"


@cache
def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "docs_generate", REPOSITORY / "docs" / "generate.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_settings_is_up_to_date() -> None:
    written = (REPOSITORY / "docs" / "configuration.md").read_text("utf-8")
    assert written == _generator().render(), "run: .venv/bin/python docs/generate.py"


def test_every_setting_stands_in_the_example_file() -> None:
    example = (REPOSITORY / ".env.example").read_text("utf-8")
    for name in _generator().settings_by_name():
        assert name in example


def _unit_lines(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.+)$", unit.read_text("utf-8"), re.MULTILINE)


def test_systemd_units_call_commands_that_exist() -> None:
    called = []
    for unit in SCHEDULES.glob("*.service"):
        for line in [*_unit_lines(unit, "ExecStart"), *_unit_lines(unit, "ExecStop")]:
            for words in commands(line, "omics"):
                _parse(words)
                called.append(words[0])
    assert sorted(called) == ["refresh", "start", "stop"]


def test_systemd_takes_partial_and_locked_for_success() -> None:
    (line,) = _unit_lines(SCHEDULES / "omics-refresh.service", "SuccessExitStatus")
    assert {int(code) for code in line.split()} == {exits.PARTIAL, exits.LOCKED}


def _cron_command() -> str:
    lines = (SCHEDULES / "crontab").read_text("utf-8").splitlines()
    (line,) = (line for line in lines if line and not line.startswith("#"))
    return line.split(maxsplit=5)[5]


def test_the_crontab_line_calls_a_command_that_exists() -> None:
    command = _cron_command()
    (words,) = commands(command.split(" > ")[0], "omics")
    _parse(words)
    # cron takes a bare percent sign for the end of the line.
    assert "%" not in command


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (exits.DONE, False),
        (exits.PARTIAL, False),
        (exits.LOCKED, False),
        (exits.FAILED, True),
        (exits.USAGE, True),
    ],
)
def test_cron_mails_only_what_needs_a_person(tmp_path: Path, code: int, says: bool) -> None:
    program = tmp_path / ".venv" / "bin" / "omics"
    program.parent.mkdir(parents=True)
    (tmp_path / ".warehouse").mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >&2\nexit {code}\n', encoding="utf-8")
    program.chmod(0o755)
    command = _cron_command().replace("/srv/omics ", f"{shlex.quote(str(tmp_path))} ")
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert bool(ran.stdout) is says
    assert ran.returncode == 0
