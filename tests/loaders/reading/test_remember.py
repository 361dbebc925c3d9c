"""Answers that are remembered are those of the question that is asked."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from loaders.reading import remember, rows
from loaders.reading.remember import by_column, by_texts


def test_equal_texts_are_worked_out_once() -> None:
    asked: list[Sequence[str]] = []

    @by_texts
    def joined(texts: Sequence[str], mark: str = "") -> str:
        asked.append(texts)
        return mark.join(texts)

    assert joined(["a", "b"]) == joined(("a", "b")) == "ab"
    assert joined(["a", "b"], "-") == "a-b"
    assert joined(["b", "a"]) == "ba"
    assert len(asked) == 3


def test_long_lists_are_not_kept() -> None:
    asked = 0

    @by_texts
    def count(texts: Sequence[str]) -> int:
        nonlocal asked
        asked += 1
        return len(texts)

    many = ["x"] * (remember.LONGEST + 1)
    assert count(many) == count(many) == len(many)
    assert asked == 2


def test_a_column_is_compared_by_what_it_holds() -> None:
    asked = 0

    @by_column
    def first(column: pa.StringArray, suffix: str) -> str:
        nonlocal asked
        asked += 1
        return str(column[0]) + suffix

    assert first(pa.array(["a", "b"]), "!") == "a!"
    assert first(pa.array(["z", "a", "b"]).slice(1), "!") == "a!"
    assert asked == 1
    assert first(pa.array(["a", "b"]), "?") == "a?"
    assert first(pa.array(["c", "b"]), "!") == "c!"
    assert first(pa.array(["a", "b"]), "!") == "a!"
    assert asked == 4


def test_names_of_another_file_do_not_answer_for_this_one() -> None:
    plain, odd = pa.array(["ALB", "TP53"]), pa.array(["ALB", "# TP53"])
    assert rows.are_plain(plain)
    assert not rows.are_plain(odd)
    assert rows.are_plain(plain)
    flagged = [
        rows.flags(None, names, "proteomics", {})["is_decoy"].to_pylist()
        for names in (pa.array(["P1", "REV__P2"]), pa.array(["REV__P1", "P2"]))
    ]
    assert flagged == [[False, True], [True, False]]
