"""Names for tables that no tool has signed, by how they are laid out.

The roles of their columns were voted for; here only the name of the layout is told, where there is
one: MetaboAnalyst's table (one label beside each sample), and what R's ``write.table`` writes (no
header above the names of the rows).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loaders.model import Roles
from loaders.reading.grid import Grid
from loaders.reading.numbers import TEXT, classify

SAMPLES_IN_ROWS = "MetaboAnalyst, samples in rows"
SAMPLES_IN_COLUMNS = "MetaboAnalyst, samples in columns"
R_TABLE = "R write.table"


def named(grid: Grid, roles: Roles, rows: Sequence[Sequence[str]]) -> Roles:
    """Names the layout of a table whose roles were voted for.

    Args:
        grid: The table.
        roles: Its roles.
        rows: Some of its rows.
    """
    if roles.orientation == "samples_in_rows" and _has_one_label_column(grid, roles, rows):
        return replace(roles, format=SAMPLES_IN_ROWS)
    if roles.orientation == "features_in_rows" and roles.feature_columns == (0,):
        plain = not roles.annotation_columns and not roles.ignored_columns
        if plain and grid.labels_below == 1 and len(grid.label_rows) == 1 and not grid.preamble:
            return replace(roles, format=SAMPLES_IN_COLUMNS)
        if grid.evidence.get("header_one_short"):
            return replace(roles, format=R_TABLE, software="R")
    return roles


def _has_one_label_column(grid: Grid, roles: Roles, rows: Sequence[Sequence[str]]) -> bool:
    """Whether column 1 names the sample, column 2 its class, and all others are molecules."""
    if roles.sample_column != 0 or roles.annotation_columns != (1,) or roles.ignored_columns:
        return False
    labels = [row[1].strip() for row in rows if len(row) > 1 and row[1].strip()]
    is_class = all(classify(label) == TEXT for label in labels)
    return bool(labels) and is_class and len(set(labels)) <= max(1, len(labels) // 2)
