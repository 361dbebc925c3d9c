"""What is a result table, and what only looks like one."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from loaders.formats import statistics
from loaders.model import Roles

GENES = ["TP53", "EGFR", "MYC", "BRCA1", "KRAS", "PTEN", "RB1", "VEGFA"]


def rows(*columns: list[str]) -> list[list[str]]:
    return [list(row) for row in zip(*columns, strict=True)]


def signed(scale: float = 1.0) -> list[str]:
    return [str(scale * value) for value in (1.5, -0.7, 2.25, -3.0, 0.1, -0.2, 0.9, -1.1)]


def chance() -> list[str]:
    return ["0.001", "0.2", "1e-16", "0.5", "0.9", "NA", "0.04", "1"]


def positive(factor: float = 1.0) -> list[str]:
    return [str(factor * value) for value in (5.0, 7.5, 11.0, 3.25, 9.0, 6.0, 4.5, 8.0)]


POSITIVE = {"basemean", "aveexpr", "logcpm", "lfcse", "se", "seb", "df", "f", "lr", "meanobs"}
SIGNED = {"t", "stat", "b", "estimate", "statistic", "scores"}


def table(header: list[str]) -> list[list[str]]:
    """Believable cells for each header of a result table."""
    columns = []
    for name in header:
        word = statistics.fold(name)
        if word in POSITIVE or word.startswith("neglog"):
            columns.append(positive())
        elif any(part in word for part in ("pval", "padj", "fdr", "qval", "adjp")):
            columns.append(chance())
        elif word in SIGNED or any(part in word for part in ("fc", "fold", "log2")):
            columns.append(signed())
        else:
            columns.append(
                [f"{name}{n}" for n in range(8)] if name and "gene" not in word else GENES
            )
    return rows(*columns)


TOOLS = [
    (
        "DESeq2",
        ["", "baseMean", "log2FoldChange", "lfcSE", "stat", "pvalue", "padj"],
        {
            "mean_abundance",
            "log2_fold_change",
            "std_error",
            "statistic",
            "p_value",
            "adjusted_p_value",
        },
    ),
    (
        "limma",
        ["ID", "adj.P.Val", "P.Value", "t", "B", "logFC", "Gene.symbol", "Gene.title"],
        {"adjusted_p_value", "p_value", "statistic", "log_odds", "log2_fold_change"},
    ),
    (
        "limma",
        ["", "logFC", "AveExpr", "t", "P.Value", "adj.P.Val", "B"],
        {
            "log2_fold_change",
            "mean_abundance",
            "statistic",
            "p_value",
            "adjusted_p_value",
            "log_odds",
        },
    ),
    (
        "edgeR",
        ["", "logFC", "logCPM", "F", "PValue", "FDR"],
        {"log2_fold_change", "mean_abundance", "statistic", "p_value", "adjusted_p_value"},
    ),
    (
        "edgeR",
        ["genes", "logFC", "logCPM", "PValue", "FDR"],
        {"log2_fold_change", "mean_abundance", "p_value", "adjusted_p_value"},
    ),
    (
        "sleuth",
        ["target_id", "pval", "qval", "b", "se_b", "mean_obs"],
        {"p_value", "adjusted_p_value", "ln_fold_change", "std_error", "mean_abundance"},
    ),
    (
        "scanpy",
        ["names", "scores", "logfoldchanges", "pvals", "pvals_adj"],
        {"statistic", "log2_fold_change", "p_value", "adjusted_p_value"},
    ),
    (
        "Seurat",
        ["", "p_val", "avg_log2FC", "pct.1", "pct.2", "p_val_adj"],
        {"p_value", "log2_fold_change", "adjusted_p_value"},
    ),
    (
        "Seurat",
        ["gene", "p_val", "avg_logFC", "pct.1", "pct.2", "p_val_adj"],
        {"p_value", "ln_fold_change", "adjusted_p_value"},
    ),
    (
        "Spectronaut",
        ["ProteinGroups", "AVG Log2 Ratio", "Qvalue", "Pvalue"],
        {"log2_fold_change", "p_value", "adjusted_p_value"},
    ),
    (
        "OlinkAnalyze",
        ["Assay", "OlinkID", "UniProt", "estimate", "statistic", "p.value", "Adjusted_pval"],
        {"log2_fold_change", "statistic", "p_value", "adjusted_p_value"},
    ),
    (None, ["gene_symbol", "log2 fold change", "p-value"], {"log2_fold_change", "p_value"}),
    (None, ["Gene", "LOG2FC", "-log10(p)"], {"log2_fold_change", "neg_log10_p_value"}),
    (None, ["protein", "logfc", "q-value"], {"log2_fold_change", "adjusted_p_value"}),
    (
        None,
        ["metabolite", "log2(FC)", "p.val", "adj p"],
        {"log2_fold_change", "p_value", "adjusted_p_value"},
    ),
]


@pytest.mark.parametrize(
    ("tool", "header", "expected"),
    TOOLS,
    ids=[f"{tool}-{at}" for at, (tool, _, _) in enumerate(TOOLS)],
)
def test_tools_are_known_by_their_headers(
    tool: str | None, header: list[str], expected: set[str]
) -> None:
    roles = statistics.recognise(header, table(header))
    assert roles is not None
    assert roles.orientation == "result_table"
    assert roles.software == tool
    assert set(roles.contrasts[0].columns) == expected
    assert roles.assay_columns == ()
    assert roles.contrasts[0].contrast.name == "contrast"
    assert roles.contrasts[0].contrast.numerator is None


@pytest.mark.parametrize(
    ("header", "feature"),
    [
        (["", "logFC", "P.Value", "adj.P.Val"], ""),
        (["ID", "adj.P.Val", "P.Value", "t", "B", "logFC", "Gene.symbol"], "ID"),
        (["description", "gene", "log2FC", "pvalue"], "gene"),
        (
            ["Assay", "OlinkID", "UniProt", "estimate", "statistic", "p.value", "Adjusted_pval"],
            "OlinkID",
        ),
    ],
)
def test_the_feature_is_named_by_the_most_telling_column(header: list[str], feature: str) -> None:
    roles = statistics.recognise(header, table(header))
    assert roles is not None
    assert [header[index] for index in roles.feature_columns] == [feature]


def test_a_row_number_is_no_feature() -> None:
    header = ["", "gene", "log2FC", "pvalue"]
    body = rows([str(n) for n in range(1, 9)], GENES, signed(), chance())
    roles = statistics.recognise(header, body)
    assert roles is not None
    assert roles.feature_columns == (1,)
    assert roles.ignored_columns == {0: "row number"}


@pytest.mark.parametrize(
    "header",
    [
        ["gene", "FC1", "FC2", "FC3"],
        ["gene", "T", "B", "F", "P"],
        ["gene", "A", "B", "F"],
        ["protein", "score"],
        ["protein", "Score", "Q-value", "Intensity A", "Intensity B"],
        ["Protein IDs", "Ratio H/L", "Ratio H/L normalized", "Q-value"],
        ["lipid", "t", "p", "q"],
        ["lipid", "p1", "p2", "t1"],
        ["gene", "FDR_1", "FDR_2"],
    ],
)
def test_sample_names_that_look_like_statistics_make_no_result_table(header: list[str]) -> None:
    body = rows(GENES, *(positive(n + 0.5) for n in range(len(header) - 1)))
    assert statistics.recognise(header, body) is None


def test_a_p_value_column_must_hold_p_values() -> None:
    body = rows(GENES, signed(), positive(10))
    assert statistics.recognise(["gene", "log2FC", "pvalue"], body) is None


@pytest.mark.parametrize(
    "header",
    [
        ["gene", "logFC_A_vs_B", "adj.P.Val_A_vs_B", "logFC_C_vs_B", "adj.P.Val_C_vs_B"],
        ["gene", "A_vs_B.logFC", "A_vs_B.adj.P.Val", "C_vs_B.logFC", "C_vs_B.adj.P.Val"],
        ["gene", "log2FC (A vs B)", "adj p (A vs B)", "log2FC (C vs B)", "adj p (C vs B)"],
        ["gene", "log2FC A/B", "padj A/B", "log2FC C/B", "padj C/B"],
    ],
)
def test_wide_tables_have_one_contrast_per_label(header: list[str]) -> None:
    roles = statistics.recognise(header, rows(GENES, signed(), chance(), signed(2), chance()))
    assert roles is not None
    sides = [(c.contrast.numerator, c.contrast.denominator) for c in roles.contrasts]
    assert sides == [("A", "B"), ("C", "B")]
    assert [dict(c.columns) for c in roles.contrasts] == [
        {"log2_fold_change": 1, "adjusted_p_value": 2},
        {"log2_fold_change": 3, "adjusted_p_value": 4},
    ]


def test_perseus_columns() -> None:
    header = [
        "Protein IDs",
        "-Log Student's T-test p-value KO_WT",
        "Student's T-test q-value KO_WT",
        "Student's T-test Difference KO_WT",
        "Student's T-test Test statistic KO_WT",
    ]
    roles = statistics.recognise(header, rows(GENES, positive(), chance(), signed(), signed()))
    assert roles is not None
    assert roles.software == "Perseus"
    assert roles.contrasts[0].contrast.statistic_type == "t"
    assert set(roles.contrasts[0].columns) == {
        "neg_log10_p_value",
        "adjusted_p_value",
        "log2_fold_change",
        "statistic",
    }


def test_statistics_and_samples_in_one_table() -> None:
    header = ["gene", "baseMean", "log2FoldChange", "lfcSE", "stat", "pvalue", "padj"]
    header += ["ctrl_1", "ctrl_2", "case_1", "case_2", "length"]
    body = rows(
        GENES,
        positive(),
        signed(),
        positive(),
        signed(),
        chance(),
        chance(),
        *(positive(n) for n in range(2, 6)),
        positive(1000),
    )
    roles = statistics.recognise(header, body)
    assert roles is not None
    assert [name for _, name in roles.assay_columns] == ["ctrl_1", "ctrl_2", "case_1", "case_2"]
    assert roles.annotation_columns == (11,)


def test_the_coefficients_of_an_f_test_are_no_samples() -> None:
    header = ["", "groupB", "groupC", "groupD", "groupE", "AveExpr", "F", "P.Value", "adj.P.Val"]
    body = rows(
        GENES, *(signed(n) for n in range(1, 5)), positive(), positive(), chance(), chance()
    )
    roles = statistics.recognise(header, body)
    assert roles is not None
    assert roles.assay_columns == ()
    assert roles.contrasts[0].contrast.statistic_type == "F"


def test_wald_and_likelihood_ratio_are_told_by_the_numbers() -> None:
    header = ["", "baseMean", "log2FoldChange", "lfcSE", "stat", "pvalue", "padj"]
    wald = rows(GENES, positive(), signed(), ["0.5"] * 8, signed(2), chance(), chance())
    ratio = rows(GENES, positive(), signed(), ["0.5"] * 8, positive(), chance(), chance())
    for body, expected in ((wald, "Wald"), (ratio, "LRT")):
        roles = statistics.recognise(header, body)
        assert roles is not None
        assert roles.contrasts[0].contrast.statistic_type == expected


def test_a_signed_fold_change_is_not_taken_for_a_ratio() -> None:
    roles = statistics.recognise(
        ["gene", "fold change", "p-value"], rows(GENES, signed(), chance())
    )
    assert roles is not None
    assert set(roles.contrasts[0].columns) == {"p_value"}
    assert roles.annotation_columns == (1,)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["ENSG00000141510", "ENSG00000146648.18"], ("gene", "transcriptomics")),
        (["P04637;P04637-2", "Q9Y6K9"], ("protein", "proteomics")),
        (["sp|P04637|P53_HUMAN"], ("protein", "proteomics")),
        (["PC 34:1", "TG(16:0/18:1/18:2)"], ("lipid", "lipidomics")),
        (["TP53", "IL-6", "journal"], (None, None)),
        ([], (None, None)),
    ],
)
def test_identifiers_tell_the_type(
    names: list[str], expected: tuple[str | None, str | None]
) -> None:
    assert statistics.identify(names) == expected


def test_statistic_words_are_no_samples() -> None:
    header = ["gene", "s1", "s2", "p-value", "FDR", "T", "B"]
    assert statistics.statistic_columns(header) == {3: "p_value", 4: "adjusted_p_value"}


# --- rows -----------------------------------------------------------------------------------------


def read(
    header: list[str],
    body: list[list[str]],
    *,
    decimal_comma: bool = False,
    sample: list[list[str]] | None = None,
    missing: frozenset[str] = frozenset(),
) -> tuple[list[dict[str, object]], statistics.ResultTables, Roles]:
    roles = statistics.recognise(header, sample or body)
    assert roles is not None
    columns = {f"c{i}": pa.array([row[i] for row in body]) for i in range(len(header))}
    columns["row_number"] = pa.array(range(2, len(body) + 2), pa.int64())
    # Two batches: what a batch learns must hold in the next one.
    whole = pa.table(columns)
    half = max(1, len(body) // 2)
    reading = statistics.result_tables(
        roles,
        [whole.slice(0, half), whole.slice(half)],
        header=header,
        decimal_comma=decimal_comma,
        missing=missing,
    )
    landed = [row for batch in reading.batches() for row in batch.to_pylist()]
    return landed, reading, roles


def test_digits_stay_as_in_the_file_and_nothing_is_dropped() -> None:
    header = ["gene", "log2FC", "pvalue", "note"]
    body = rows(
        ["g1", "g2", "g3", "g4", "g5"],
        ["1.50", "-2e-3", "Inf", "-inf", "NA"],
        ["0.0500", "<1e-16", "NA", "", "NaN"],
        ['say "hi"', "back\\slash", "", "tab\there", "é"],
    )
    landed, reading, _ = read(header, body, sample=table(header))
    assert [row["log2_fold_change"] for row in landed] == [
        "1.50",
        "-2e-3",
        "Infinity",
        "-Infinity",
        None,
    ]
    assert [row["p_value"] for row in landed] == ["0.0500", "1e-16", None, None, None]
    assert [row["result_flag"] for row in landed] == [None, "below_limit", None, None, None]
    notes = [json.loads(str(row["annotations"] or "{}")).get("note") for row in landed]
    assert notes == ['say "hi"', "back\\slash", None, "tab\there", "é"]
    counts = reading.counts()
    assert (counts.rows_read, counts.rows_landed, counts.rows_rejected) == (5, 5, 0)
    assert counts.n_values == 6
    assert reading.rejects().num_rows == 0


def test_the_landing_columns_are_in_order() -> None:
    header = ["gene", "log2FC", "pvalue"]
    landed, _, _ = read(header, table(header))
    assert list(landed[0]) == [
        "contrast_position",
        "row_number",
        "reported_name",
        "annotations",
        "log2_fold_change",
        "fold_change",
        "ln_fold_change",
        "std_error",
        "statistic",
        "degrees_of_freedom",
        "p_value",
        "neg_log10_p_value",
        "adjusted_p_value",
        "mean_abundance",
        "log_odds",
        "result_flag",
        "is_contaminant",
        "is_decoy",
        "is_internal_standard",
    ]


def test_bad_cells_cost_the_row_and_say_why() -> None:
    header = ["gene", "log2FC", "pvalue"]
    body = rows(
        ["g1", "g2", "g3", "", "g5"],
        ["1", "oops", "1", "1", "1"],
        ["0.1", "0.1", "1.5", "0.1", "-0.1"],
    )
    landed, reading, _ = read(header, body, sample=table(header))
    assert [row["reported_name"] for row in landed] == ["g1"]
    rejects = reading.rejects().sort_by("row_number").to_pylist()
    seen = [(r["row_number"], r["column_name"], r["raw_text"], r["reason_code"]) for r in rejects]
    assert seen == [
        (3, "log2FC", "oops", "not_a_number"),
        (4, "pvalue", "1.5", "p_value_out_of_range"),
        (5, "gene", "", "missing_feature_name"),
        (6, "pvalue", "-0.1", "p_value_out_of_range"),
    ]
    counts = reading.counts()
    assert (counts.rows_read, counts.rows_landed, counts.rows_rejected) == (5, 1, 4)


def test_decimal_commas() -> None:
    header = ["gene", "log2FC", "pvalue"]
    body = rows(["g1", "g2", "g3"], ["1,5", "-2", "0,25"], ["0,05", "1E-5", "<0,001"])
    landed, _, _ = read(header, body, decimal_comma=True)
    assert [row["log2_fold_change"] for row in landed] == ["1.5", "-2", "0.25"]
    assert [row["p_value"] for row in landed] == ["0.05", "1E-5", "0.001"]


def test_a_label_column_names_the_contrasts() -> None:
    header = ["Protein", "Label", "log2FC", "SE", "Tvalue", "DF", "pvalue", "adj.pvalue", "issue"]
    body = [
        ["P1", "A vs B", "1.5", "0.5", "3", "4", "0.04", "0.06", "NA"],
        ["P2", "A vs B", "Inf", "NA", "NA", "NA", "NA", "0", "oneConditionMissing"],
        ["P1", "C vs B", "-1", "0.5", "-2", "4", "0.11", "0.2", ""],
        ["P2", "C vs B", "0.5", "0.5", "1", "4", "0.3", "0.3", ""],
    ]
    landed, reading, roles = read(header, body)
    assert roles.software == "MSstats"
    assert roles.evidence["contrast_column"] == 1
    assert [(c.position, c.name, c.numerator, c.denominator) for c in reading.contrasts] == [
        (1, "A vs B", "A", "B"),
        (2, "C vs B", "C", "B"),
    ]
    assert [row["contrast_position"] for row in landed] == [1, 1, 2, 2]
    assert [row["result_flag"] for row in landed] == [None, "oneConditionMissing", None, None]
    assert landed[1]["log2_fold_change"] == "Infinity"
    assert roles.contrasts[0].contrast.statistic_type == "t"
    assert roles.contrasts[0].contrast.adjust_method == "BH"


def test_spectronaut_says_numerator_and_denominator_in_columns() -> None:
    header = [
        "Comparison (group1/group2)",
        "Condition Numerator",
        "Condition Denominator",
        "ProteinGroups",
        "AVG Log2 Ratio",
        "Qvalue",
        "Pvalue",
    ]
    body = [
        ["x-1 / y-2", "x-1", "y-2", "P1;P2", "1", "0.1", "0.1"],
        ["x-1 / y-2", "x-1", "y-2", "P3", "-1", "0.1", "0.1"],
    ]
    _, reading, _ = read(header, body)
    (contrast,) = reading.contrasts
    assert (contrast.numerator, contrast.denominator) == ("x-1", "y-2")


def test_wide_contrasts_land_one_row_each() -> None:
    header = ["gene", "logFC_A_vs_B", "adj.P.Val_A_vs_B", "logFC_C_vs_B", "adj.P.Val_C_vs_B"]
    body = rows(GENES, signed(), chance(), signed(2), chance())
    landed, reading, _ = read(header, body)
    assert len(landed) == 16
    assert reading.counts().rows_landed == 8
    assert {row["contrast_position"] for row in landed} == {1, 2}
