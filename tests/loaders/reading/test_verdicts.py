"""Scale, omics type, quantity names, number styles and vocabulary."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders import vocabulary
from loaders.model import Unreadable
from loaders.reading import mapping, quantities, scale, values
from loaders.reading.omics_type import omics_type_of_folder, vote_names, vote_type
from loaders.reading.rows import unique_names
from loaders.reading.values import NumberStyle

_random = np.random.default_rng(7)


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        (_random.lognormal(12, 2, 5000), "linear"),
        (_random.lognormal(-4, 1.5, 5000), "linear"),
        (_random.poisson(40, 5000).astype(float), "linear"),
        (_random.normal(20, 3, 5000), "log2"),
        (_random.normal(8, 2, 5000).clip(3, 14), "log2"),
        (_random.normal(0, 1.5, 5000), "log2"),
        (_random.normal(6, 0.8, 5000).clip(3, 9), "unknown"),
        (np.array([1.5, 2.5]), "unknown"),
        (np.array([]), "unknown"),
        (np.full(50, 3.5), "unknown"),
    ],
    ids=[
        "areas",
        "pmol",
        "counts",
        "log areas",
        "array",
        "ratios",
        "log10?",
        "few",
        "none",
        "flat",
    ],
)
def test_scale(numbers, verdict):
    found, evidence = scale.judge(numbers)
    assert found == verdict
    assert evidence["rule"]


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["PC 34:1", "PE(16:0/18:1)", "TAG 52:3", "Cer d18:1/16:0", "LPC O-16:0"], "lipidomics"),
        (["ENSG00000141510.18", "ENSG00000012048"], "transcriptomics"),
        (["P04637", "Q9Y6K9;Q9Y6K9-2", "sp|P38398|BRCA1_HUMAN"], "proteomics"),
        (["HMDB0000161", "HMDB00123"], "metabolomics"),
        (["Alanine", "Glycine", "Lactate", "3-Hydroxybutyrate", "Citrate"], "metabolomics"),
        (["TP53", "MYC", "EGFR", "BRCA1"], None),
        (["foo", "bar", "baz"], None),
    ],
)
def test_omics_type_by_names(names, kind):
    found = vote_type(names, ["x"], whole_numbers=False, quantity_omics=None)
    assert found.omics_type == kind


def test_gene_symbols_need_a_hint():
    symbols = ["TP53", "MYC", "EGFR", "BRCA1"]
    counts = vote_type(symbols, ["gene"], whole_numbers=True, quantity_omics=None)
    assert counts.omics_type == "transcriptomics"
    intensity = vote_type(symbols, ["gene"], whole_numbers=True, quantity_omics="proteomics")
    assert intensity.omics_type == "proteomics"


def test_sample_names_are_no_molecules():
    for names in (
        ["S1", "S2", "S10"],
        ["WT_1", "KO_2"],
        ["C1", "C2", "C3", "C4"],
        ["026P", "027P"],
    ):
        assert vote_names(names).strong_share == 0


def test_folders():
    assert omics_type_of_folder("Lipidomics") == "lipidomics"
    assert omics_type_of_folder("RNA-seq") == "transcriptomics"
    assert omics_type_of_folder("my_lipidomics_run") is None


def test_one_quantity_is_taken_off_the_sample_names():
    found = quantities.families(["Peak area S1", "Peak area S2"])
    assert (found.samples, found.quantity) == (("S1", "S2"), "Peak area")
    assert quantities.families(["WT_1", "KO_1", "WT_2"]).several == ()
    assert quantities.families(["A area", "B area", "A height", "B height"]).several


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["A", "B", "A (2)", "A (3)", ""]), max_size=12))
def test_unique_names_are_unique_and_keep_order(names):
    found = unique_names(names)
    assert len(set(found)) == len(names)
    assert all(new.startswith(old) for new, old in zip(found, names, strict=True))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.decimals(-(10**9), 10**9, places=3, allow_nan=False), min_size=1, max_size=30),
    st.sampled_from(
        [NumberStyle(), NumberStyle(",", ""), NumberStyle(",", "."), NumberStyle(".", ",")]
    ),
)
def test_numbers_in_any_style_keep_their_digits(numbers, style):
    plain = [str(number) for number in numbers]
    written = []
    for number in numbers:
        text = f"{number:,f}" if style.thousands else f"{number:f}"
        table = str.maketrans({",": style.thousands or "", ".": style.decimal})
        written.append(text.translate(table))
    found = values.parse(pa.array(written), style)
    assert found.bad is None
    assert [float(text) for text in found.text.to_pylist()] == [float(text) for text in plain]


@pytest.mark.parametrize(
    ("cells", "delimiter", "style"),
    [
        (["1.5", "2"], ",", NumberStyle()),
        (["1,5", "2"], ";", NumberStyle(",", "")),
        (["1,234", "1000"], ";", NumberStyle(",", "")),
        (["1,234", "17"], ",", NumberStyle(".", ",")),
        (["1,234,567", "17"], "\t", NumberStyle(".", ",")),
        (["1.234.567", "1.234"], ";", NumberStyle(",", ".")),
        (["1.234,5", "2,25"], ";", NumberStyle(",", ".")),
        (["1,234.5", "2.25"], "\t", NumberStyle(".", ",")),
    ],
)
def test_decimal_marks(cells, delimiter, style):
    assert values.decide_style(pa.array(cells), delimiter=delimiter) == style


def test_vocabulary_holds_only_words():
    def walk(entry, path):
        if isinstance(entry, dict):
            for key, value in entry.items():
                walk(value, [*path, key])
        elif isinstance(entry, list):
            for value in entry:
                walk(value, path)
        else:
            plain = isinstance(entry, str) or path[-1] in ("strong", "minimum")
            assert plain, f"{path}: {entry!r} is read as {type(entry).__name__}; put it in quotes"

    names = [f.name for f in files(vocabulary).iterdir() if f.name.endswith(".yml")]
    assert len(names) >= 6
    for name in names:
        walk(vocabulary.load(name.removesuffix(".yml")), [name])


def test_mapping_stub_comes_back_as_roles():
    import yaml

    header = ["id", 'odd "name"', "S1: a", "note"]
    text = mapping.stub(header, ["feature", "assay", "assay", "annotation"])
    roles = mapping.roles_from(yaml.safe_load(text), header)
    assert roles.feature_columns == (0,)
    assert roles.assay_columns == ((1, 'odd "name"'), (2, "S1: a"))
    assert roles.annotation_columns == (3,)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"orientation": "sideways"}, "sideways"),
        ({"omics_type": "glycomics"}, "glycomics"),
        ({"columns": [{"column": 9, "role": "assay"}]}, "column 9"),
        ({"columns": [{"column": 1, "header": "other", "role": "assay"}]}, "other"),
        ({"columns": [{"column": 1, "role": "feature"}]}, "assay"),
        ({"columns": "none"}, "columns"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(change, said):
    given_mapping = {"orientation": "features_in_rows", "columns": [], **change}
    with pytest.raises(Unreadable, match="mapping_does_not_fit") as caught:
        mapping.roles_from(given_mapping, ["id", "S1"])
    assert said in caught.value.seen + caught.value.expected
