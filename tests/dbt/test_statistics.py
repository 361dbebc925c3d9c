"""The functions of schema `stats` against scipy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from scipy import special, stats

from tests.dbt.landing import create_landing
from warehouse import connection
from warehouse.settings import Settings

#: Far tails are compared down to here.
SMALLEST = 1e-200


@pytest.fixture(scope="module")
def functions(module_settings: Settings, dbt: Callable[..., Any]) -> psycopg.Connection[Any]:
    with connection.connect(module_settings) as conn:
        create_landing(conn)
        dbt(module_settings, "run", "--select", "stg_ops__dataset_states")
        yield conn


def _differences(
    conn: psycopg.Connection[Any],
    call: str,
    arguments: list[tuple[float, ...]],
    expected: list[float],
) -> list[tuple[tuple[float, ...], float, float, float]]:
    """Returns (arguments, SQL, reference, relative difference), the largest difference first."""
    found = []
    with conn.cursor() as cursor:
        for given, reference in zip(arguments, expected, strict=True):
            (value,) = cursor.execute(f"select {call}", given).fetchone()
            scale = max(abs(reference), 1e-300)
            found.append((given, value, reference, abs(value - reference) / scale))
    return sorted(found, key=lambda row: -row[3])


def test_gamma_logarithms(functions: psycopg.Connection[Any]) -> None:
    values = [0.01, 0.1, 0.5, 0.7, 1.5, 2.5, 3, 7, 9.99, 10, 10.5, 55.5, 171, 1e4, 7500.5, 1e8]
    rows = _differences(
        functions, "stats.log_gamma(%s)", [(x,) for x in values], list(special.gammaln(values))
    )
    assert rows[0][3] < 1e-13, rows[0]
    pairs = [(a, b) for a in (0.5, 2.0, 40.0, 7500.0) for b in (0.5, 3.0, 80.0)]
    rows = _differences(
        functions, "stats.log_beta(%s, %s)", pairs, [float(special.betaln(*p)) for p in pairs]
    )
    assert rows[0][3] < 1e-11, rows[0]
    # Where both gammas are large, scipy's difference of their logarithms keeps nine digits.
    (value,) = functions.execute("select stats.log_beta(1e6, 3)").fetchone()
    assert value == pytest.approx(math.log(2 / (1e6 * 1_000_001 * 1_000_002)), rel=1e-14)


def test_student_tails(functions: psycopg.Connection[Any]) -> None:
    pairs = [
        (t, df)
        for df in (1.0, 1.7, 2.0, 3.3, 8.0, 25.5, 98.0, 298.0, 4998.0, 14998.0, 1e6)
        for t in (1e-3, 0.1, -0.7, 1.0, 1.96, -3.5, 6.0, 10.0, 17.0, 29.0, 40.0, 1e4)
    ]
    expected = [float(2 * stats.t.sf(abs(t), df)) for t, df in pairs]
    kept = [(p, e) for p, e in zip(pairs, expected, strict=True) if e > SMALLEST]
    assert min(e for _, e in kept) < 1e-150
    rows = _differences(
        functions, "stats.student_p(%s, %s)", [p for p, _ in kept], [e for _, e in kept]
    )
    assert rows[0][3] < 1e-9, rows[:3]


def test_student_near_the_middle(functions: psycopg.Connection[Any]) -> None:
    # With one degree of freedom p is known in closed form; scipy loses nine digits here.
    (value,) = functions.execute("select stats.student_p(1e-8, 1)").fetchone()
    assert value == pytest.approx(1 - 2 / math.pi * math.atan(1e-8), rel=1e-15)


def test_student_edges(functions: psycopg.Connection[Any]) -> None:
    answers = functions.execute(
        "select stats.student_p(0, 5), stats.student_p('Infinity', 5), stats.student_p(1, 0),"
        " stats.student_p(null, 5), stats.student_p('NaN', 5), stats.student_p(100, 1e6)"
    ).fetchone()
    assert answers == (1, 0, None, None, None, 0)


def test_normal_tails(functions: psycopg.Connection[Any]) -> None:
    values = [(z,) for z in (-9.0, -2.5, -1.0, 0.0, 1e-9, 0.3, 1.0, 2.49, 2.5, 2.51, 3.0, 4.4,
                             6.0, 8.0, 12.0, 20.0, 30.0)]  # fmt: skip
    rows = _differences(
        functions, "stats.normal_upper(%s)", values, [float(stats.norm.sf(*z)) for z in values]
    )
    assert rows[0][3] < 1e-11, rows[:3]
    assert stats.norm.sf(30.0) < 1e-196
    rows = _differences(
        functions,
        "stats.normal_p(%s)",
        values,
        [float(min(1.0, 2 * stats.norm.sf(abs(z)))) for (z,) in values],
    )
    assert rows[0][3] < 1e-11, rows[:3]


def test_normal_quantiles(functions: psycopg.Connection[Any]) -> None:
    values = [(p,) for p in (1e-300, 1e-200, 1e-100, 1e-30, 1e-9, 1e-4, 0.01, 0.0749, 0.0751,
                             0.2, 0.4999, 0.7, 0.93, 0.999999)]  # fmt: skip
    rows = _differences(
        functions,
        "stats.normal_quantile_upper(%s)",
        values,
        [float(stats.norm.isf(*p)) for p in values],
    )
    assert rows[0][3] < 1e-12, rows[:3]
    assert functions.execute(
        "select stats.normal_quantile_upper(0), stats.normal_quantile_upper(1)"
    ).fetchone() == (None, None)


def test_hypergeometric_tails(functions: psycopg.Connection[Any]) -> None:
    cases = [
        (k, n, m, d)
        for n, m, d in (
            (20, 7, 12),
            (300, 40, 25),
            (15000, 100, 1500),
            (15000, 5000, 300),
            (12000, 12, 11000),
            (1_000_000, 20_000, 500),
        )
        for k in (0, 1, 2, 5, 7, 10, 12, 20, 35, 60, 90, 99, 150)
    ]
    expected = [float(stats.hypergeom.sf(k - 1, n, m, d)) for k, n, m, d in cases]
    kept = [(c, e) for c, e in zip(cases, expected, strict=True) if e > SMALLEST]
    rows = _differences(
        functions,
        "stats.hypergeometric_upper(%s, %s, %s, %s)",
        [c for c, _ in kept],
        [e for _, e in kept],
    )
    # scipy's own digits end earlier: see the exact test below.
    assert rows[0][3] < 1e-9, rows[:3]
    zero = [c for c, e in zip(cases, expected, strict=True) if e == 0]
    assert zero
    for case in zero:
        (value,) = functions.execute(
            "select stats.hypergeometric_upper(%s, %s, %s, %s)", case
        ).fetchone()
        assert value < SMALLEST


def test_hypergeometric_tails_against_whole_numbers(functions: psycopg.Connection[Any]) -> None:
    for k, n, m, d in ((30, 15000, 100, 1500), (5, 60, 20, 9), (90, 15000, 100, 1500)):
        tail = sum(math.comb(m, i) * math.comb(n - m, d - i) for i in range(k, min(m, d) + 1))
        (value,) = functions.execute(
            "select stats.hypergeometric_upper(%s, %s, %s, %s)", (k, n, m, d)
        ).fetchone()
        assert value == pytest.approx(tail / math.comb(n, d), rel=1e-12)


def test_sign_test(functions: psycopg.Connection[Any]) -> None:
    cases = [(k, n) for n in (1, 2, 5, 17, 100, 801) for k in range(0, n + 1, max(1, n // 13))]
    rows = _differences(
        functions,
        "stats.sign_test_p(%s, %s)",
        cases,
        [float(stats.binomtest(k, n).pvalue) for k, n in cases],
    )
    kept = [row for row in rows if row[2] > SMALLEST]
    assert kept[0][3] < 1e-9, kept[:3]
    assert functions.execute("select stats.sign_test_p(0, 0)").fetchone() == (None,)


def test_made_again_only_when_changed(
    functions: psycopg.Connection[Any], module_settings: Settings, dbt: Callable[..., Any]
) -> None:
    def versions() -> list[Any]:
        return functions.execute(
            "select proname, pro.xmin::text from pg_proc as pro "
            "where pronamespace = 'stats'::regnamespace order by 1, 2"
        ).fetchall()

    before = versions()
    dbt(module_settings, "run", "--select", "stg_ops__dataset_states")
    assert versions() == before
    functions.execute("comment on schema stats is 'of an older version'")
    dbt(module_settings, "run", "--select", "stg_ops__dataset_states")
    assert versions() != before


def test_may_run_in_parallel_and_in_indexes(functions: psycopg.Connection[Any]) -> None:
    wrong = functions.execute(
        "select proname from pg_proc where pronamespace = 'stats'::regnamespace "
        "and (provolatile <> 'i' or proparallel <> 's')"
    ).fetchall()
    assert wrong == []
