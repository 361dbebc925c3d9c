"""Runs docs/analysis.ipynb and writes the answers into it, without Jupyter.

Run it in a shell with ``eval "$(omics env)"``, where the examples and nothing else are loaded:
``.venv/bin/python docs/run_notebook.py``. A test compares the answers with what it would write.
Only plain Python is understood: no magic commands.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).resolve().parent / "analysis.ipynb"


def run(notebook: dict[str, Any]) -> dict[str, Any]:
    """Returns the notebook with the answers of its cells.

    As in Jupyter, a cell answers with what it prints and with the value of its last line.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    cells = []
    count = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count += 1
            printed, value = _run_cell("".join(cell["source"]), names, f"cell {count}")
            cell = {**cell, "execution_count": count, "outputs": _outputs(printed, value, count)}
        cells.append(cell)
    return {**notebook, "cells": cells}


def _run_cell(source: str, names: dict[str, Any], place: str) -> tuple[str, Any]:
    tree = ast.parse(source, place)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    value = None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, place, "exec"), names)  # noqa: S102 - that is what a notebook is for
        if isinstance(last, ast.Expr):
            expression = ast.Expression(last.value)
            value = eval(compile(expression, place, "eval"), names)  # noqa: S307 - see above
    return printed.getvalue(), value


def _outputs(printed: str, value: Any, count: int) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    if printed:
        outputs.append({"name": "stdout", "output_type": "stream", "text": _lines(printed)})
    if value is not None:
        outputs.append(
            {
                "data": {"text/plain": _lines(repr(value))},
                "execution_count": count,
                "metadata": {},
                "output_type": "execute_result",
            }
        )
    return outputs


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def render(notebook: dict[str, Any]) -> str:
    """Returns the text of a notebook file."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    held = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    NOTEBOOK.write_text(render(run(held)), encoding="utf-8")
