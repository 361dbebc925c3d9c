"""New datasets, new, edited and removed signatures give the scores that a full refresh gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.dbt.landing import Matrix, Results, create_landing, land, set_state
from tests.dbt.signature_landing import land_signatures
from warehouse import connection
from warehouse.settings import Settings

GENES = [f"GENE{i}" for i in range(80)]
TABLES = (
    "signatures", "signature_components", "signature_features", "scored_observations",
    "contrast_ranks", "assay_ranks", "signature_scores", "dataset_signatures", "features",
    "feature_names", "documents",
)  # fmt: skip


def _results(seed: int) -> Results:
    drawn = random.Random(seed)  # noqa: S311 - made-up data
    return Results(
        {"a vs b": [{"reported_name": gene, "statistic": str(drawn.gauss(0, 1))} for gene in GENES]}
    )


def _matrix(seed: int) -> Matrix:
    drawn = random.Random(seed)  # noqa: S311 - made-up data
    return Matrix([(gene, [str(drawn.gauss(8, 1)) for _ in range(3)]) for gene in GENES])


def _set(first: int, *, down: bool = False) -> list[tuple[str, int, str]]:
    return [
        (f"GENE{i}", -1 if down and i % 2 else 1, str(1 + i % 3)) for i in range(first, first + 12)
    ]


def _rows(settings: Settings) -> dict[str, list[str]]:
    with connection.connect(settings) as conn:
        return {
            table: [
                text
                for (text,) in conn.execute(
                    f"select row(t.*)::text from marts.{table} as t order by 1"
                )
            ]
            for table in TABLES
        }


def test_increments_and_full_refresh_agree(
    module_settings: Settings, dbt: Callable[..., Any]
) -> None:
    with connection.connect(module_settings) as conn:
        create_landing(conn)
        land(conn, "transcriptomics", "/d/one", _results(1), minute=1)
        dbt(module_settings, "run")
        assert not _rows(module_settings)["contrast_ranks"], "ranked without a signature"
        land_signatures(conn, "/s/edited", {"A": _set(0), "gone": _set(9)}, minute=2)
        land_signatures(conn, "/s/removed", {"R": _set(20)}, minute=3)
        land(conn, "transcriptomics", "/d/matrix", _matrix(2), minute=4)
        dbt(module_settings, "run")
        before = _rows(module_settings)
        land(conn, "transcriptomics", "/d/three", _results(3), minute=5)
        land(conn, "transcriptomics", "/d/one", _results(4), minute=6)
        land_signatures(conn, "/s/edited", {"A": _set(3, down=True)}, minute=7)
        land_signatures(conn, "/s/new", {"N": [*_set(40), ("GENE900", 1, "1")]}, minute=8)
        set_state(conn, "/s/removed", "removed", minute=9)
        # What matches is told in documents, and these are made after all that says it is done.
        dbt(module_settings, "run", "--exclude", "documents")
        dbt(module_settings, "run")
        increments = _rows(module_settings)
        names = [n for (n,) in conn.execute("select name from marts.signatures order by name")]
    assert names == ["A", "N"]
    assert increments["signature_scores"] != before["signature_scores"]
    dbt(module_settings, "run", "--full-refresh")
    assert increments == _rows(module_settings)
