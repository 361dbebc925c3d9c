"""The pages of the project, and what stands in them: blocks of code and commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.conftest import REPOSITORY

#: Written by tools, not by people, or kept out of the repository.
_SKIPPED_FOLDERS = {
    ".venv",
    ".git",
    ".warehouse",
    "target",
    "node_modules",
    "logs",
    "build",
    "dist",
}


def _pages() -> list[Path]:
    return sorted(
        page
        for page in REPOSITORY.rglob("*.md")
        if not _SKIPPED_FOLDERS & set(page.relative_to(REPOSITORY).parts)
        and not any(part.startswith(".") for part in page.relative_to(REPOSITORY).parts)
    )


PAGES = _pages()


@cache
def blocks(page: Path) -> tuple[tuple[str, str], ...]:
    """Fenced blocks as pairs of language and text."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return tuple((str(language), str(text)) for language, text in found)


def commands(text: str, program: str) -> Iterator[list[str]]:
    """Calls of a program in a shell line: `eval "$(omics env)" && psql …` holds `omics env`."""
    inner = re.findall(r"\$\(([^()]*)\)", text)
    for part in [re.sub(r"\$\([^()]*\)", "", text), *inner]:
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            continue
        for call in _split(words, {"&&", "||", "|", ";"}):
            while call and re.fullmatch(r"[A-Z_]+=.*", call[0]):
                call = call[1:]
            if call and (call[0] == program or call[0].endswith(f"/{program}")):
                yield call[1:]


def _split(words: list[str], at: set[str]) -> Iterator[list[str]]:
    call: list[str] = []
    for word in words:
        if word in at:
            yield call
            call = []
        else:
            call.append(word)
    yield call
