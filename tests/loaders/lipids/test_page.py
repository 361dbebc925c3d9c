"""The page about lipid names says what the code does."""

from __future__ import annotations

import re

from loaders.lipids.normalise import REASONS, normalise
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs/lipid-names.md").read_text(encoding="utf-8")


def _table(header: str) -> list[list[str]]:
    lines = PAGE.split(header)[1].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        rows.append([cell.strip().strip("`").replace("\\|", "|") for cell in cells])
    return rows


def test_examples() -> None:
    rows = _table("| reported | normalized | level | species |")
    assert len(rows) > 10
    for name, normalized, level, species in rows:
        found = normalise(name)
        assert (found.normalized, found.level, found.species) == (normalized, level, species)


def test_reasons() -> None:
    rows = _table("| reason | example | what to do |")
    for reason, name, _ in rows:
        assert str(normalise(name).reason).startswith(f"{reason}: "), name
    assert {reason for reason, _, _ in rows} == set(REASONS) - {"empty", "too_long"}


def test_flags() -> None:
    described = {
        flag.strip(" `") for row in _table("| flag | means |") for flag in row[0].split(",")
    }
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (REPOSITORY / "loaders/lipids").iterdir()
        if path.suffix in (".py", ".yml")
    )
    in_rules = set(re.findall(r", flag: (\w+)[,}]", code))
    assert in_rules <= described
    assert all(f'"{flag}"' in code or flag in in_rules for flag in described)
