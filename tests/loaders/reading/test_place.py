"""A number leads to the text that was read, or to nothing: never to another line."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from loaders.reading.place import Found, text_at

_COMMAS = {"delimiter": ",", "quoted": True}


def at(
    path: Path,
    number: int,
    wanted: Sequence[str],
    *,
    part: str = "",
    unit: str = "line",
    evidence: dict[str, object] | None = None,
) -> Found:
    return text_at(
        str(path),
        hashlib.sha256(path.read_bytes()).hexdigest(),
        part=part,
        number=number,
        unit=unit,
        evidence=_COMMAS if evidence is None else evidence,
        wanted=wanted,
        max_unpacked_bytes=1024**2,
    )


def test_a_line_break_inside_quotes_does_not_move_the_lines_below(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('name,note,x\nA,"two\nlines",1\nB,"says ""no""",2\n', encoding="utf-8")
    assert at(file, 2, ["A"]) == Found("found", 'A,"two\nlines",1')
    assert at(file, 3, ['says "no"']).text == 'B,"says ""no""",2'


def test_a_stray_quote_where_nothing_is_quoted_joins_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.tsv"
    file.write_text('name\tx\n5" tube\t1\nB\t2\n', encoding="utf-8")
    assert at(file, 3, ["B"], evidence={"delimiter": "\t", "quoted": False}).text == "B\t2"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_encodings_are_those_of_the_readers(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("name,x\nβ-MCA é,1\n".replace("β", "b").encode(encoding))
    assert at(file, 2, ["b-MCA é"]).text == "b-MCA é,1"


def test_packed_files_and_members_are_opened(tmp_path: Path) -> None:
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(b"name,x\nA,1\n"))
    assert at(packed, 2, ["A"]).text == "A,1"
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("one.csv", "name,x\nA,1\n")
        opened.writestr("two.csv", "name,x\nB,2\n")
    assert at(archive, 2, ["B"], part="member=two.csv").text == "B,2"
    assert at(archive, 2, ["B"], part="member=one.csv").state == "not_shown"


def test_a_column_is_shown_by_its_cells(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('sample,"PC 34:1","PC 36:2"\nS1,1,2\nS2,3,4\n', encoding="utf-8")
    assert at(file, 3, ["PC 36:2"], unit="column").text == "PC 36:2 | 2 | 4"


@pytest.mark.parametrize("number", [2, 99])
def test_what_does_not_hold_the_row_is_not_shown(tmp_path: Path, number: int) -> None:
    file = tmp_path / "a.csv"
    file.write_text("name,x\nA,1\n", encoding="utf-8")
    assert at(file, number, ["Z"]) == Found("not_shown")


def test_files_that_changed_went_or_are_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("name,x\nA,1\n", encoding="utf-8")
    states = {
        path: text_at(
            path,
            "0" * 64,
            part="",
            number=2,
            unit="line",
            evidence=_COMMAS,
            wanted=["A"],
            max_unpacked_bytes=1024,
        ).state
        for path in (str(file), str(tmp_path / "b.csv"), "s3://bucket/a.csv")
    }
    assert list(states.values()) == ["changed", "gone", "remote"]
