"""Scores of signatures against reference implementations, and what they must never do."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
import pytest
from scipy import stats

from tests.conftest import REPOSITORY
from tests.dbt.landing import Matrix, Results, create_landing, land, land_sheet
from tests.dbt.signature_landing import land_signatures
from warehouse import connection
from warehouse.settings import Settings

N = 600
GENES = [f"GENE{i}" for i in range(N)]
RANDOM = np.random.default_rng(20261124)
T = RANDOM.standard_t(8, N) * np.where(np.arange(N) % 4 == 0, 4, 1)
P = 2 * stats.t.sf(np.abs(T), 8)
ADJUSTED = stats.false_discovery_control(P)

TRUTH = REPOSITORY.parent / "shared" / "truth" / "singscore"


def _picked(size: int, seed: int) -> list[int]:
    return list(map(int, np.random.default_rng(seed).choice(N, size, replace=False)))


@dataclass(frozen=True)
class Signature:
    """Indices of the genes with their signed weights."""

    weights: dict[int, float]

    @property
    def components(self) -> list[tuple[str, int, str]]:
        """Name, direction and weight of each component."""
        return [(GENES[i], int(math.copysign(1, w)), repr(abs(w))) for i, w in self.weights.items()]

    def vector(self) -> np.ndarray[Any, Any]:
        """Weights of all genes, 0 outside of the signature."""
        found = np.zeros(N)
        for i, w in self.weights.items():
            found[i] = w
        return found


WEIGHTED = Signature(dict(zip(_picked(40, 1), RANDOM.normal(size=40).tolist(), strict=True)))
TOP = np.argsort(-T)
UP_ONLY = Signature(dict.fromkeys(map(int, [*TOP[:15], *TOP[200:220]]), 1.0))
AGREEING = Signature({int(i): math.copysign(1.0, T[i]) for i in np.argsort(-np.abs(T))[:30]})
OPPOSING = Signature({i: -w for i, w in AGREEING.weights.items()})
HEAVY = Signature(
    {i: (9.0 if n < 10 else 1.0) * w for n, (i, w) in enumerate(AGREEING.weights.items())}
)
MANY = {f"random {k}": Signature(dict.fromkeys(_picked(25, 100 + k), 1.0)) for k in range(12)}

SETS = {
    "weighted": WEIGHTED.components,
    "up only": UP_ONLY.components,
    "agreeing": AGREEING.components,
    "opposing": OPPOSING.components,
    "heavy": HEAVY.components,
    "plain": [(name, 0, weight) for name, _, weight in UP_ONLY.components],
    "elsewhere": [(f"OTHER{i}", 1, "1") for i in range(20)],
    "tiny": [(GENES[i], 1, "1") for i in range(4)],
    "mostly unknown": [
        *((GENES[i], 1, "1") for i in range(10)), *((f"OTHER{i}", 1, "1") for i in range(90)),
    ],
    "marked rows": [(f"MARKED{i}", 1, "1") for i in range(10)],
    "lipids": [(f"PC {30 + i}:1", 1, "1", "lipid") for i in range(10)],
    **{name: signature.components for name, signature in MANY.items()},
}  # fmt: skip


def _row(i: int) -> dict[str, str | None]:
    return {
        "reported_name": GENES[i],
        "statistic": repr(float(T[i])),
        "log2_fold_change": repr(float(T[i] / 5)),
        "p_value": repr(float(P[i])),
        "adjusted_p_value": repr(float(ADJUSTED[i])),
    }


ROWS = [_row(i) for i in range(N)]
#: A second, weaker measurement of genes that are there already: it must not count.
REPEATED = [
    _row(i) | {"statistic": "50", "p_value": "0.999", "adjusted_p_value": "1"} for i in range(5)
]
MARKED: list[dict[str, Any]] = [
    {"reported_name": f"MARKED{i}", "statistic": "40", "p_value": "0", flag: True}
    for i in range(10)
    for flag in (["is_contaminant", "is_decoy", "is_internal_standard"][i % 3],)
]

#: A matrix of two groups, four and three assays, with gaps: 1 row lacks both groups, 1 one of them.
GROUPS = np.exp2(RANDOM.normal(8, 1, size=(80, 7)))
GROUPS[0, [0, 5]] = np.nan
GROUPS[1, [4, 5]] = np.nan


@dataclass(frozen=True)
class Scores:
    """The built marts."""

    conn: psycopg.Connection[Any]

    def of(self, signature: str, method: str, dataset: str = "statistics") -> dict[str, Any]:
        """The one row of a signature and a method in a dataset."""
        cursor = self.conn.execute(
            "select scores.* from marts.dataset_signatures as scores"
            " join marts.signatures using (signature_id)"
            " join marts.datasets using (dataset_id)"
            " where signatures.name = %s and method = %s and datasets.name = %s",
            (signature, method, dataset),
        )
        assert cursor.description is not None
        names = [column.name for column in cursor.description]
        rows = cursor.fetchall()
        assert len(rows) == 1, rows
        return dict(zip(names, rows[0], strict=True))


def _read(name: str) -> list[list[str]]:
    # These files end their lines with CR alone.
    text = (TRUTH / name).read_bytes().decode().replace("\r\n", "\n").replace("\r", "\n")
    return [line.split("\t") for line in text.split("\n") if line]


@pytest.fixture(scope="module")
def scores(module_settings: Settings, dbt: Callable[..., Any]) -> Iterator[Scores]:
    with connection.connect(module_settings) as conn:
        create_landing(conn)
        contrast = {"contrast": {"statistic_type": "t"}}
        in_order = Results({"a vs b": [*ROWS, *REPEATED, *MARKED]}, **contrast)
        backwards = Results({"a vs b": [*MARKED, *REPEATED, *ROWS[::-1]]}, **contrast)
        land(conn, "transcriptomics", "statistics", in_order, minute=1)
        land(conn, "transcriptomics", "shuffled", backwards, minute=2)
        land(
            conn, "transcriptomics", "p values",
            Results({"a vs b": [row | {"statistic": None} for row in ROWS]}), minute=3,
        )  # fmt: skip
        land(
            conn, "transcriptomics", "flat",
            Results({"a vs b": [{"reported_name": g, "log2_fold_change": "1"} for g in GENES]}),
            minute=4,
        )  # fmt: skip
        land(
            conn, "transcriptomics", "/data/groups/two groups.csv",
            Matrix(rows=[
                (f"OF_GROUPS{i}", [None if math.isnan(v) else repr(float(v)) for v in row])
                for i, row in enumerate(GROUPS)
            ]),
            minute=8,
        )  # fmt: skip
        land_sheet(
            conn,
            "/data/groups/samples.csv",
            [
                ("sample", {"name": f"S{i}", "study_variable": "drug" if i < 5 else "vehicle"})
                for i in range(1, 8)
            ],
            minute=9,
        )
        land_signatures(conn, "/data/signatures/all.csv", SETS, minute=5)
        if TRUTH.is_dir():
            header, *rows = _read("entrez_sample.txt")
            land(
                conn, "transcriptomics", "published",
                Matrix(
                    rows=[(row[0], row[1:]) for row in rows], assays=header[1:],
                    files={"value_scale": "log2"},
                ),
                minute=6,
            )  # fmt: skip
            both = [
                *((row[0], 1, "1") for row in _read("entrez_up.txt")),
                *((row[0], -1, "1") for row in _read("entrez_down.txt")),
            ]
            big = {row[0]: row[-1] for row in _read("tgfb_upDown.txt")[1:]}
            land_signatures(
                conn,
                "/data/signatures/published.csv",
                {
                    "short": both,
                    "published": [(k, 1 if v == "up" else -1, "1") for k, v in big.items()],
                    "published up": [(k, 1, "1") for k, v in big.items() if v == "up"],
                },
                minute=7,
            )
        dbt(module_settings, "run")
        yield Scores(conn)


@pytest.mark.parametrize("name", ["weighted", "up only", "heavy"])
def test_ulm_is_the_regression_of_scipy(scores: Scores, name: str) -> None:
    signature = {"weighted": WEIGHTED, "up only": UP_ONLY, "heavy": HEAVY}[name]
    found = scores.of(name, "ulm")
    fitted = stats.linregress(signature.vector(), T)
    t = fitted.slope / fitted.stderr
    assert found["statistic"] == pytest.approx(t, rel=1e-9)
    # abs=0: the heavy one has a p of 1e-86, far below what approx lets pass of itself.
    assert found["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), N - 2), rel=1e-9, abs=0)
    assert found["n_features"] == N
    weights = np.array(list(signature.weights.values()))
    inflation = 1 + 0.01 * (weights.sum() ** 2 / (weights**2).sum() - 1)
    corrected = 2 * stats.t.sf(abs(t) / math.sqrt(inflation), N - 2)
    assert found["p_value_vif"] == pytest.approx(corrected, rel=1e-9, abs=0)


def test_two_groups_of_a_matrix_are_compared_as_scipy_does(scores: Scores) -> None:
    rows = scores.conn.execute(
        "select c.name, c.is_derived, r.reported_name, r.log2_fold_change, r.statistic, r.p_value,"
        " r.adjusted_p_value from marts.derived_results as r"
        " join marts.contrasts as c using (dataset_id, contrast_id) order by r.row_number"
    ).fetchall()
    assert len(rows) == len(GROUPS)
    assert {row[:2] for row in rows} == {("drug vs vehicle", True)}
    tested = {}
    for i, logs in enumerate(np.log2(GROUPS)):
        drug, vehicle = (half[~np.isnan(half)] for half in (logs[:4], logs[4:]))
        assert rows[i][3] == pytest.approx(drug.mean() - vehicle.mean(), rel=1e-9, abs=1e-12)
        if len(vehicle) > 1:
            tested[i] = stats.ttest_ind(drug, vehicle, equal_var=False)
    adjusted = stats.false_discovery_control([found.pvalue for found in tested.values()])
    for (i, found), q in zip(tested.items(), adjusted, strict=True):
        assert rows[i][4] == pytest.approx(found.statistic, rel=1e-9)
        assert rows[i][5] == pytest.approx(found.pvalue, rel=1e-9, abs=0)
        assert rows[i][6] == pytest.approx(q, rel=1e-12, abs=0)
    # One value has no spread: a fold change and no test.
    assert rows[1][4:] == (None, None, None)


def test_missing_values_are_judged_by_group(scores: Scores) -> None:
    found = scores.conn.execute(
        "select check_name, value, status, message from marts.dataset_quality"
        " join marts.datasets as d using (dataset_id)"
        " where d.name = 'two groups' and check_name like 'missing_in_%%group' order by 1"
    ).fetchall()
    every, worst = found
    # The first row lacks 1 of 4 and 1 of 3; the second is complete in one group.
    assert every[:3] == ("missing_in_every_group", pytest.approx(1 / 80), "pass")
    assert worst[:3] == ("missing_in_worst_group", pytest.approx(3 / 240), "pass")
    assert worst[3].endswith("vehicle")


@pytest.mark.skipif(
    sys.platform == "darwin" and platform.machine() == "x86_64",
    reason="decoupler's numba is not built for Macs with Intel processors",
)
@pytest.mark.parametrize("name", ["weighted", "up only", "heavy"])
def test_ulm_is_that_of_decoupler(scores: Scores, name: str) -> None:
    import pandas as pd
    from decoupler.mt import ulm

    signature = {"weighted": WEIGHTED, "up only": UP_ONLY, "heavy": HEAVY}[name]
    network = pd.DataFrame(
        [(name, GENES[i], w) for i, w in signature.weights.items()],
        columns=["source", "target", "weight"],
    )
    # The p that `ulm` returns is adjusted, here for one test, and rounded to 32 bits: the heavy one
    # becomes 0. `func`, which it calls, has the p itself.
    ts, rounded = ulm(pd.DataFrame([T], columns=GENES, index=["x"]), network, tmin=1)
    _, ps = ulm.func(T[np.newaxis], signature.vector()[:, np.newaxis])
    found = scores.of(name, "ulm")
    assert found["statistic"] == pytest.approx(ts.iloc[0, 0], rel=1e-9, abs=0)
    assert found["p_value"] == pytest.approx(ps[0, 0], rel=1e-9, abs=0)
    assert np.float32(found["p_value"]) == pytest.approx(rounded.iloc[0, 0], rel=2**-23, abs=0)


def test_sign_concordance_is_the_sign_test_of_scipy(scores: Scores) -> None:
    found = scores.of("weighted", "sign_concordance")
    agree = sum(w * T[i] > 0 for i, w in WEIGHTED.weights.items())
    assert (found["n_concordant"], found["n_discordant"]) == (agree, 40 - agree)
    assert found["score"] == pytest.approx((2 * agree - 40) / 40, rel=1e-15)
    assert found["p_value"] == pytest.approx(
        stats.binomtest(int(agree), 40).pvalue, rel=1e-9, abs=0
    )


def test_signed_overlap_and_its_directional_p(scores: Scores) -> None:
    found = scores.of("weighted", "signed_overlap")
    changed = ADJUSTED <= 0.05
    weights = WEIGHTED.weights
    agreeing = sum(abs(w) * np.sign(w * T[i]) for i, w in weights.items() if changed[i])
    assert found["score"] == pytest.approx(agreeing / sum(map(abs, weights.values())), rel=1e-12)
    lowest = 1.0
    for direction in (1, -1):
        half = [i for i, w in weights.items() if w * direction > 0]
        for way in (1, -1):
            hits = sum(changed[i] and T[i] * way > 0 for i in half)
            p = stats.hypergeom.sf(hits - 1, N, int((changed & (T * way > 0)).sum()), len(half))
            lowest = min(lowest, float(p))
    assert 0 < changed.sum() < N
    assert found["p_value"] == pytest.approx(min(1, 4 * lowest), rel=1e-9, abs=0)


@pytest.mark.parametrize(("name", "side"), [("up only", 1), ("weighted", 1), ("weighted", -1)])
def test_enrichment_score_is_that_of_gseapy(scores: Scores, name: str, side: int) -> None:
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import gseapy

        signature = {"weighted": WEIGHTED, "up only": UP_ONLY}[name]
        members = [GENES[i] for i, w in signature.weights.items() if w * side > 0]
        result = gseapy.prerank(
            rnk=pd.Series(T, index=GENES).sort_values(ascending=False),
            gene_sets={"set": members}, min_size=1, max_size=N, permutation_num=1, outdir=None,
            no_plot=True, threads=1, seed=1,
        )  # fmt: skip
    expected = float(result.res2d.loc[0, "ES"])
    found = scores.of(name, "gsea_up" if side > 0 else "gsea_down")
    assert found["score"] == pytest.approx(expected, abs=1e-9)
    if name == "weighted":
        up, down = (scores.of(name, f"gsea_{half}")["score"] for half in ("up", "down"))
        wtcs = (up - down) / 2 if up * down < 0 else 0
        assert scores.of(name, "wtcs")["score"] == pytest.approx(wtcs, abs=1e-12)


@pytest.mark.skipif(not TRUTH.is_dir(), reason="../shared/truth is not on this machine")
@pytest.mark.parametrize(
    ("signature", "truth"),
    [("published", "scored_data.txt"), ("published up", "scored_data_up.txt")],
)
def test_singscore_has_the_published_values(scores: Scores, signature: str, truth: str) -> None:
    rows = scores.conn.execute(
        "select assays.name, score, null_reason from marts.dataset_signatures"
        " join marts.signatures using (signature_id) join marts.assays using (assay_id)"
        " where signatures.name = %s and method = 'singscore'",
        (signature,),
    ).fetchall()
    found = {name: score for name, score, _ in rows}
    # PySingscore centres the up half alone, so that its sum of both halves is 1/2 higher; with both
    # centred, as in the paper, a reversed signature has the opposite score.
    shift = 0.5 if signature == "published" else 0.0
    expected = {row[0]: float(row[1]) - shift for row in _read(truth)[1:]}
    assert set(found) == set(expected)
    for name, score in expected.items():
        assert found[name] == pytest.approx(score, abs=1e-12), name


def test_singscore_by_its_definition(scores: Scores) -> None:
    ranks = stats.rankdata(T, method="min")
    total, variance = 0.0, 0.0
    sizes = []
    for side in (1, -1):
        half = [i for i, w in WEIGHTED.weights.items() if w * side > 0]
        sizes.append(len(half))
        mean = ranks[half].mean()
        total += side * ((mean - (len(half) + 1) / 2) / (N - len(half)) - 0.5)
        variance += 1 / (len(half) * N * (N - len(half)))
    variance += 2 / (N * (N - sizes[0]) * (N - sizes[1]))
    variance *= np.var(stats.rankdata(T), ddof=1)
    found = scores.of("weighted", "singscore")
    assert found["score"] == pytest.approx(total, abs=1e-12)
    z = total / math.sqrt(variance)
    assert found["statistic"] == pytest.approx(z, rel=1e-9)
    assert found["p_value"] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-9, abs=0)


def test_q_values_are_those_of_scipy_and_statsmodels(scores: Scores) -> None:
    from statsmodels.stats.multitest import multipletests

    rows = scores.conn.execute(
        "select method, p_value, q_within_dataset, n_tests from marts.dataset_signatures"
        " join marts.datasets using (dataset_id)"
        " where datasets.name = 'statistics' and p_value is not null"
    ).fetchall()
    methods = {row[0] for row in rows}
    assert methods == {"ulm", "singscore", "signed_overlap", "sign_concordance"}
    for method in methods:
        p, q, sizes = zip(*[row[1:] for row in rows if row[0] == method], strict=True)
        assert set(sizes) == {len(p)}
        assert len(p) >= 15
        assert np.allclose(q, stats.false_discovery_control(p), rtol=1e-12, atol=0)
        assert np.allclose(q, multipletests(p, method="fdr_bh")[1], rtol=1e-12, atol=0)


def test_agreeing_and_opposing_mirror_each_other(scores: Scores) -> None:
    for method in ("ulm", "singscore", "signed_overlap", "sign_concordance"):
        agreeing, opposing = (scores.of(name, method) for name in ("agreeing", "opposing"))
        assert agreeing["score"] > 0
        assert agreeing["score"] == pytest.approx(-opposing["score"], rel=1e-12)
        assert agreeing["p_value"] == pytest.approx(opposing["p_value"], rel=1e-9, abs=0)
    assert scores.of("agreeing", "sign_concordance")["score"] == 1
    assert scores.of("agreeing", "wtcs")["score"] == pytest.approx(
        -scores.of("opposing", "wtcs")["score"], rel=1e-12
    )


def test_weight_matters(scores: Scores) -> None:
    equal, heavy = scores.of("agreeing", "ulm"), scores.of("heavy", "ulm")
    assert abs(equal["score"] - heavy["score"]) > 0.1


def test_direction_matters(scores: Scores) -> None:
    assert scores.of("agreeing", "ulm")["score"] > 5
    assert scores.of("opposing", "ulm")["score"] < -5


def test_a_plain_set_is_scored_as_rising(scores: Scores) -> None:
    plain, up = scores.of("plain", "ulm"), scores.of("up only", "ulm")
    assert plain["score"] == up["score"]
    directed = scores.conn.execute(
        "select is_directed from marts.signatures where name in ('plain', 'up only') order by name"
    ).fetchall()
    assert directed == [(False,), (True,)]


@pytest.mark.parametrize(
    ("name", "method", "reason"),
    [
        ("elsewhere", "none", "nothing_in_common"),
        ("lipids", "none", "nothing_in_common"),
        ("marked rows", "none", "nothing_in_common"),
        ("tiny", "ulm", "too_few_matched"),
        ("mostly unknown", "ulm", "low_coverage"),
    ],
)
def test_no_score_has_a_reason(scores: Scores, name: str, method: str, reason: str) -> None:
    found = scores.of(name, method)
    assert found["null_reason"] == reason
    assert found["score"] is found["p_value"] is found["cohort_percentile"] is None


def test_equal_values_give_no_score(scores: Scores) -> None:
    found = scores.of("weighted", "ulm", "flat")
    assert (found["score"], found["null_reason"]) == (None, "no_spread")


def test_the_order_of_rows_does_not_matter(scores: Scores) -> None:
    rows = scores.conn.execute(
        "select datasets.name, signature_id, method, score, statistic, p_value, p_value_vif,"
        " q_within_dataset, n_matched, cohort_percentile"
        " from marts.dataset_signatures join marts.datasets using (dataset_id)"
        " where datasets.name in ('statistics', 'shuffled') order by 2, 3"
    ).fetchall()
    first, second = ([r[1:] for r in rows if r[0] == name] for name in ("statistics", "shuffled"))
    assert len(first) > 100
    assert first == second


def test_p_values_with_signs_serve_where_there_is_no_statistic(scores: Scores) -> None:
    found = scores.of("weighted", "ulm", "p values")
    z = np.sign(T) * stats.norm.isf(P / 2)
    fitted = stats.linregress(WEIGHTED.vector(), z)
    assert found["score_input"] == "signed_p"
    assert found["statistic"] == pytest.approx(fitted.slope / fitted.stderr, rel=1e-9)


def test_percentiles_compare_scores_of_one_input(scores: Scores) -> None:
    rows = scores.conn.execute(
        "select signature_id, method, score_input, score, cohort_percentile, cohort_size"
        " from marts.dataset_signatures where score is not null"
    ).fetchall()
    cohorts: dict[Any, list[float]] = {}
    for signature, method, given, score, _, _ in rows:
        cohorts.setdefault((signature, method, given), []).append(abs(score))
    checked = 0
    for signature, method, given, score, percentile, size in rows:
        cohort = cohorts[signature, method, given]
        assert size == len(cohort)
        if size == 1:
            assert percentile is None
            continue
        below = sum(other < abs(score) for other in cohort)
        assert percentile == pytest.approx(np.sign(score) * 100 * below / (size - 1), rel=1e-12)
        checked += 1
    assert checked > 100


def test_the_old_score_knows_no_direction(scores: Scores) -> None:
    agreeing, opposing = (scores.of(n, "legacy_overlap") for n in ("agreeing", "opposing"))
    assert agreeing["score"] == opposing["score"] == pytest.approx(0.65)
    assert scores.of("mostly unknown", "legacy_overlap")["score"] == pytest.approx(0.515)


def _asked(settings: Settings, *arguments: str) -> tuple[int, str]:
    finished = subprocess.run(
        [sys.executable, "-m", "omics.cli", *arguments],
        env={**os.environ, "DATABASE_URL": connection.database_url(settings)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.returncode, finished.stdout + finished.stderr


def test_the_best_signatures_of_a_dataset_are_asked_for(
    scores: Scores, module_settings: Settings
) -> None:
    code, printed = _asked(module_settings, "signatures", "statistics", "--json", "--limit", "3")
    assert code == 0, printed
    answer = json.loads(printed)
    assert len(answer["matches"]) == 3
    sizes = [abs(match["cohort_percentile"]) for match in answer["matches"]]
    assert sizes == sorted(sizes, reverse=True)
    reasons = {row["signature"]: row["null_reason"] for row in answer["without_score"]}
    assert reasons["elsewhere"] == "nothing_in_common"
    code, printed = _asked(module_settings, "signatures", "statistics")
    assert code == 0
    assert "driven by" in printed


def test_the_best_datasets_of_a_signature_are_asked_for(
    scores: Scores, module_settings: Settings
) -> None:
    code, printed = _asked(module_settings, "datasets", "AGREEING", "--json")
    assert code == 0, printed
    best = json.loads(printed)["matches"][0]
    # The largest products of weight and distance from the mean pull the most.
    mean = T.mean()
    pulls = sorted(AGREEING.weights, key=lambda i: -AGREEING.weights[i] * (T[i] - mean))
    if best["dataset"] in ("statistics", "shuffled"):
        assert [driver["feature"] for driver in best["drivers"]] == [GENES[i] for i in pulls[:5]]
    assert best["score"] > 5


def test_an_unknown_name_is_told_with_a_way_on(scores: Scores, module_settings: Settings) -> None:
    code, printed = _asked(module_settings, "datasets", "agree")
    assert code == 1
    assert "near: agreeing" in printed


def test_what_a_signature_resolves_to_is_counted(scores: Scores) -> None:
    row = scores.conn.execute(
        "select n_members, n_components, n_resolved, n_scored, n_up, n_down, resolved_fraction"
        " from marts.signatures where name = 'weighted'"
    ).fetchone()
    up = sum(w > 0 for w in WEIGHTED.weights.values())
    # Without reference tables no name of a gene is known; it is compared as it is written.
    assert row == (40, 40, 0, 40, up, 40 - up, 0)
