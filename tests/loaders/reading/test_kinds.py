"""Column roles that were given once: what counts as a file of the same kind, and what does not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from loaders.formats import layouts
from loaders.model import Remembered
from loaders.reading import kinds, mapping, nearest
from loaders.reading.describe import fingerprint


def given(columns: dict[str, str], **settings: object) -> dict[str, object]:
    return {**settings, "columns": [{"header": h, "role": r} for h, r in columns.items()]}


REPORT = {"Nr": "ignore", "Cmpd": "feature", "RTm": "annotation"} | {
    "Qty [a1]": "assay",
    "Qty [b2]": "assay",
    "Hgt [a1]": "ignore",
    "Hgt [b2]": "ignore",
}
LOOSE = {"Nr": "ignore", "Cmpd": "feature", "RTm": "annotation", "left": "assay", "right": "assay"}


def kind(columns: dict[str, str], **settings: object) -> dict[str, object]:
    return kinds.kind_of(given(columns, **settings), list(columns))


def roles(fitted: dict[str, object] | None) -> list[str]:
    assert fitted is not None
    columns = fitted["columns"]
    assert isinstance(columns, list)
    return [str(column["role"]) for column in columns]


def rows(header: Sequence[str]) -> list[list[str]]:
    return [["r1", "foo", *["1.5"] * (len(header) - 2)]] * 3


def test_samples_are_known_by_what_surrounds_their_names() -> None:
    header = ["Nr", "Cmpd", "RTm", "Qty [x]", "Hgt [x]", "Qty [y]", "Hgt [y]"]
    fitted = kinds.fit(kind(REPORT), header, rows(header))
    assert roles(fitted) == ["ignore", "feature", "annotation", *["assay", "ignore"] * 2]


def test_order_case_and_separators_of_known_headers_do_not_matter() -> None:
    header = ["cmpd", "NR", "Qty [x]", "R_Tm"]
    assert kinds.fit(kind(REPORT), header, rows(header)) is None
    header = ["cmpd", "NR", "Qty [x]", "RTM"]
    assert roles(kinds.fit(kind(REPORT), header, rows(header))) == [
        "feature",
        "ignore",
        "assay",
        "annotation",
    ]


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (["Nr", "RTm", "Qty [x]"], "no column 'Cmpd'"),
        (["Nr", "Cmpd", "RTm", "Qty [x]", "Amount [x]"], "'Amount [x]'"),
        (["Nr", "Cmpd", "RTm", "Hgt [x]"], "no column with role 'assay'"),
        (["Nr", "Cmpd", "RTm", "Qty []"], "'Qty []'"),
    ],
)
def test_a_column_that_is_not_accounted_for_makes_another_kind(header: list[str], why: str) -> None:
    assert kinds.fit(kind(REPORT), header, rows(header)) is None
    assert why in kinds.difference(kind(REPORT), header, rows(header))


def test_samples_without_a_rule_are_known_by_their_place_and_their_numbers() -> None:
    header = ["Nr", "Cmpd", "RTm", "anna", "otto", "eva"]
    fitted = kinds.fit(kind(LOOSE), header, rows(header))
    assert roles(fitted)[3:] == ["assay"] * 3
    words = [["r1", "foo", "1.5", "2", "high", "3"]] * 3
    assert kinds.fit(kind(LOOSE), header, words) is None
    # Elsewhere, or named like something that is no sample: not believed.
    moved = ["Nr", "anna", "Cmpd", "RTm", "otto"]
    assert kinds.fit(kind(LOOSE), moved, [["r1", "2", "foo", "1.5", "3"]] * 3) is None
    for other in ("p-value", "Mean", "m/z", "CV", "log2FC"):
        odd = ["Nr", "Cmpd", "RTm", "anna", other]
        assert kinds.fit(kind(LOOSE), odd, rows(odd)) is None


def test_one_known_header_alone_does_not_make_a_kind() -> None:
    small = kind({"key": "feature", "x1": "assay", "x2": "assay"})
    assert kinds.fit(small, ["key", "y", "z"], [["a", "1", "2"]]) is None
    assert roles(kinds.fit(small, ["key", "x3", "x14"], [["a", "1", "2"]]))[1:] == ["assay"] * 2


def test_the_very_header_goes_before_a_kind_and_more_known_headers_before_fewer() -> None:
    header = list(REPORT)
    wide, exact = kind(LOOSE), kind(REPORT, unit="nmol")
    kept = [
        Remembered("loose", "other", wide),
        Remembered("exact", fingerprint(header), exact),
    ]
    found = kinds.find(header, rows(header), kept, fingerprint(header))
    assert found is not None
    assert (found.mapping_id, found.exact, found.given["unit"]) == ("exact", True, "nmol")


def test_long_tables_and_samples_in_rows_are_kinds_too() -> None:
    long = given({"who": "sample", "what": "feature", "much": "value"}, orientation="long")
    fitted = kinds.fit(kinds.kind_of(long, ["who", "what", "much"]), ["much", "what", "who"], [])
    assert roles(fitted) == ["value", "feature", "sample"]
    turned = given(
        {"who": "sample", "arm": "annotation", "foo": "feature", "bar": "feature"},
        orientation="samples_in_rows",
    )
    held = kinds.kind_of(turned, ["who", "arm", "foo", "bar"])
    header = ["who", "arm", "foo", "bar", "qux"]
    assert roles(kinds.fit(held, header, [["s1", "x", "1", "2", "3"]] * 3))[2:] == ["feature"] * 3


def test_an_id_is_that_of_the_kind_not_of_its_samples() -> None:
    one = kinds.mapping_id(kind(REPORT))
    again = {name.replace("a1", "c3").replace("b2", "d4"): role for name, role in REPORT.items()}
    assert kinds.mapping_id(kind(again)) == one
    assert kinds.mapping_id(kind(REPORT, unit="nmol")) != one


def test_settings_of_a_mapping_reach_the_roles() -> None:
    said = given(
        {"key": "feature", "x": "assay"}, format="Mine", zero_is_missing=True, missing=["---"]
    )
    found = mapping.roles_from(said, ["key", "x"])
    assert (found.format, found.zero_is_missing, found.missing_tokens) == ("Mine", True, ("---",))


def test_renamed_columns_of_a_known_format_are_found_and_their_roles_proposed() -> None:
    header = [
        "Alignment ID",
        "Average Rt(min)",
        "Average m/z",
        "Metabolite title",
        "MS/MS spectrum",
    ]
    header += ["S1", "S2"]
    body = [[str(i), "1.2", "300.1", f"PC 3{i}:1", "", "10.5", "20.5"] for i in range(6)]
    near = nearest.nearest(header, body)
    assert near is not None
    assert near.name == "MS-DIAL alignment"
    assert "'Average Mz' is not there; is it 'Average m/z'?" in near.differs
    proposed = nearest.proposal(near, header, body, [])
    assert proposed is not None
    assert [header[i] for i in proposed.feature_columns] == ["Metabolite title"]
    assert [name for _, name in proposed.assay_columns] == ["S1", "S2"]


def test_nothing_is_near_to_an_ordinary_header() -> None:
    assert nearest.nearest(["key", "x1", "x2"], []) is None
    assert len(layouts.telling_headers()) > 20
