"""What a load would change is told row by row, before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from loaders.load import LoadReport, LoadRequest, prepare, preview_load
from loaders.preview import Preview
from tests.loading.files import write_lipids, write_results, write_unreadable
from warehouse.settings import Settings

Load = Callable[..., LoadReport]


def previews(
    settings: Settings, conn: psycopg.Connection[Any], folder: Path, *, prune: bool = False
) -> dict[str, Preview]:
    request = LoadRequest(folder=str(folder), prune=prune)
    found = preview_load(settings, conn, request)
    return {Path(entry.path).name: entry for entry in found}


def test_rows_and_columns_are_compared_with_what_is_landed(
    tmp_path: Path, settings: Settings, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    prepare(conn)
    lipids, genes = tmp_path / "lipidomics", tmp_path / "transcriptomics"
    matrix = write_lipids(lipids / "edited.csv", rows=8, assays=3)
    write_lipids(lipids / "gone.csv", rows=5, seed=3)
    write_lipids(lipids / "same.csv", rows=6, seed=4)
    results = write_results(genes / "results.csv", rows=10)
    first = previews(settings, conn, tmp_path)
    assert {entry.change for entry in first.values()} == {"added"}
    assert first["edited.csv"].counts["rows_added"] == 8
    assert first["edited.csv"].counts["columns_added"] == 3

    load_folder(tmp_path)
    assert previews(settings, conn, tmp_path) == {}
    lines = matrix.read_text().splitlines()
    lines[1] = lines[1].replace(".0", ".5")
    # The same number in other digits is no change.
    lines[2] = ",".join([lines[2].split(",")[0], *(f"{v}0" for v in lines[2].split(",")[1:])])
    lines[3] = "PC 99:9," + lines[3].split(",", 1)[1]
    matrix.write_text("\n".join(lines) + "\n")
    text = results.read_text().replace("ENSG00000000012,101,-0.800", "ENSG00000000012,101,-0.9")
    results.write_text(text)
    (lipids / "gone.csv").unlink()
    write_lipids(lipids / "new.csv", rows=4, seed=9)
    write_unreadable(lipids / "photo.csv")
    found = previews(settings, conn, tmp_path)
    assert found["edited.csv"].change == "changed"
    assert found["edited.csv"].counts == {"rows_added": 1, "rows_changed": 1, "rows_removed": 1}
    assert found["edited.csv"].examples["rows_added"] == ["PC 99:9"]
    assert found["results.csv"].counts == {"rows_changed": 1}
    assert found["results.csv"].examples["rows_changed"] == ["ENSG00000000012"]
    assert found["new.csv"].counts["rows_added"] == 4
    assert found["photo.csv"].change == "quarantined"
    assert "same.csv" not in found
    assert (found["gone.csv"].change, found["gone.csv"].counts) == ("unchanged", {})
    pruned = previews(settings, conn, tmp_path, prune=True)
    assert (pruned["gone.csv"].change, pruned["gone.csv"].counts) == (
        "removed",
        {"rows_removed": 5},
    )
    assert conn.execute("select count(*) from raw_lipidomics.files").fetchone() == (3,)
    assert conn.execute("select count(*) from ops.quarantine").fetchone() == (0,)
