"""Ways to spoil a file, each with what may then come of it.

A mutation answers with the spoiled bytes and a check. The checks are the point: a file may be
refused and a row rejected, but what lands must be what the spoiled file says, cell by cell, and
what the spoiling did not touch must be what it was.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import random
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loaders.reading.numbers import is_missing
from loaders.reading.opening import RATIO_LIMIT
from tests.fuzz.observe import Part, Seen
from tests.fuzz.seeds import Seed, saved, workbook

Check = Callable[[Seen], None]

#: What people, spreadsheets and tools of other countries put into cells of numbers.
TOKENS = (
    *("1,5", "1.234,5", "1 234", "1\u00a0234", "1'234", "1,234,567", "1,234", "12abc", "abc"),
    *("0x1F", "1e5", "1E+05", "1.5e-3", "1e400", "1e-400", "-5", "+7", ".5", "5.", "1_000"),
    *("TRUE", "\u221e", "\u0661\u0662\u0663", "\uff15", "\u00bd", "--5", "5-", "1.2.3", "=A1+1"),
    *("#REF!", "<LOD", "<5", "NaN", "inf", "-Infinity", "nan", "null", "None", "N/A", "-", "?"),
    *("1/2", "10%", "\u20ac5", "1d5", "2024-01-02", "12:30", "0", "0.0", "-0", "00012", "1e"),
    *("e5", "Filtered", "#VALUE!", "1 ", " 2"),
)

_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\Z", re.ASCII)
_GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?\Z", re.ASCII)
_INFINITE = re.compile(r"([-+]?)inf(inity)?\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Case:
    """A spoiled file and what may come of it."""

    content: bytes
    check: Check


Mutation = Callable[[Seed, Seen, random.Random], "Case | None"]


# -- what may come of it -------------------------------------------------------------------------


def same(base: Seen) -> Check:
    """Everything comes as before."""

    def check(seen: Seen) -> None:
        assert seen.refusal is None, f"refused: {seen.refusal}"
        assert seen.parts.keys() == base.parts.keys(), f"datasets {sorted(seen.parts)}"
        for key, part in seen.parts.items():
            differ = _differences(part, base.parts[key])
            assert not differ, f"{key}: {differ[:3]}"

    return check


def same_numbers(base: Seen) -> Check:
    """Everything comes as before; digits may be written otherwise, as a workbook does."""

    def check(seen: Seen) -> None:
        assert seen.refusal is None, f"refused: {seen.refusal}"
        found = {key.split("=", 1)[-1]: part for key, part in seen.parts.items()}
        assert len(found) == len(base.parts), f"datasets {sorted(seen.parts)}"
        for mine, theirs in zip(seen.parts.values(), base.parts.values(), strict=True):
            assert _as_numbers(mine) == _as_numbers(theirs), "numbers differ"

    return check


def refused_or_same(base: Seen) -> Check:
    """It comes as before, or not at all."""
    every = same(base)

    def check(seen: Seen) -> None:
        if seen.refusal is None:
            every(seen)

    return check


def nothing_new(base: Seen, beside: str = "") -> Check:
    """What comes has come before; names that stand in ``beside`` are not looked at."""

    def check(seen: Seen) -> None:
        for key, part in seen.parts.items():
            known = base.parts.get(key)
            if known is None:
                continue
            for (name, assay), values in part.names.items():
                if beside and (name in beside or assay in beside or _first(name) in beside):
                    continue
                if beside and all(beside.rstrip('" ').endswith(text) for text in values):
                    # A number cut within its digits, in a row that is as wide as it should be.
                    continue
                extra = values - known.names.get((name, assay), Counter())
                if known.is_long or beside.endswith(("\t", ",", ";")):
                    # A record that is gone leaves a pair of feature and sample without value; so
                    # does a file cut exactly before its last cell.
                    extra.pop("NULL", None)
                assert not extra, f"{key}: {name!r} in {assay!r} is {dict(extra)}"

    return check


def told_by_cells(lines: Sequence[str], header: int, delimiter: str) -> Check:
    """Every landed value is what the cell of its line and column says."""
    columns: dict[str, int] = {}
    seen_names: Counter[str] = Counter()
    for at, name in enumerate(lines[header].split(delimiter)):
        seen_names[name.strip()] += 1
        count = seen_names[name.strip()]
        columns[name.strip() if count == 1 else f"{name.strip()}\x1f{count}"] = at

    def check(seen: Seen) -> None:
        for key, part in seen.parts.items():
            for (line, column), value in part.rows.items():
                if column not in columns:
                    continue
                assert 0 < line <= len(lines), f"{key}: line {line} of {len(lines)}"
                cells = lines[line - 1].split(delimiter)
                at = columns[column]
                text = cells[at].strip() if at < len(cells) else ""
                _agree(text, value, f"{key} line {line} column {column!r}")

    return check


def anything(_: Seen) -> None:
    """No claim but those of `observe.look`: no defect, and books that balance."""


def _agree(text: str, value: str, where: str) -> None:
    if value == "NULL":
        assert not _PLAIN.match(text) or float(text) != float(text), f"{where}: {text!r} was lost"
        assert not text or is_missing(text) or not _number_like(text), f"{where}: {text!r} was lost"
        return
    if _PLAIN.match(text):
        assert float(text) == float(value), f"{where}: {text!r} became {value}"
    elif _GROUPED.match(text):
        assert float(text.replace(",", "")) == float(value), f"{where}: {text!r} became {value}"
    else:
        infinite = _INFINITE.match(text)
        assert infinite is not None, f"{where}: {text!r} became {value}"
        assert float(text) == float(value), f"{where}: {text!r} became {value}"


def _number_like(text: str) -> bool:
    return any(character.isdigit() for character in text)


def _differences(mine: Part, theirs: Part) -> list[str]:
    keys = mine.names.keys() | theirs.names.keys()
    pairs = ((key, mine.names.get(key), theirs.names.get(key)) for key in keys)
    return [f"{key}: {dict(a or {})} for {dict(b or {})}" for key, a, b in pairs if a != b]


def _as_numbers(part: Part) -> Counter[tuple[str, str, float | None]]:
    found: Counter[tuple[str, str, float | None]] = Counter()
    for (name, assay), values in part.names.items():
        for text, count in values.items():
            number = None if text == "NULL" else float(f"{float(text):.12g}")
            found[_plain_name(name), assay, number] += count
    return found


def _plain_name(name: str) -> str:
    """Writes numbers in a name (a mass, a time) as a workbook does: 863.5870 is 863.587."""
    return re.sub(r"(?<=\.)(\d+?)0+(?!\d)", r"\1", name)


def _first(name: str) -> str:
    return re.split(r"[|_;]", name)[0] or name


# -- the same table, written otherwise -----------------------------------------------------------


def _text(seed: Seed) -> str | None:
    try:
        text = seed.content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text or text.startswith(("PK", "\ufeff")) else text


def line_ends(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Other line ends."""
    text = _text(seed)
    if text is None:
        return None
    end = rng.choice(["\r\n", "\r", "\n"])
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return Case(plain.replace("\n", end).encode(), same(base))


def encodings(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Other encodings."""
    text = _text(seed)
    if text is None:
        return None
    name = rng.choice(["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
    try:
        content = text.encode(name)
        if name == "cp1252" and content.decode("cp1252") != text:
            return None
    except UnicodeEncodeError:
        return None
    if name.endswith(("le", "be")) and not text[:2000].isascii():
        return None
    return Case(content, same(base))


def packed(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Compressed, once or twice."""
    content = seed.content
    for _ in range(rng.choice([1, 1, 2])):
        way = rng.randrange(4)
        if way == 0:
            content = gzip.compress(content, mtime=0)
        elif way == 1:
            content = bz2.compress(content)
        elif way == 2:
            content = lzma.compress(content)
        else:
            content = _zipped([("inside.bin", content)])
    return Case(content, same(base))


def blank_lines(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Blank lines at the end."""
    text = _text(seed)
    if text is None or not seed.delimited:
        return None
    more = rng.choice(
        ["\n", "\n\n\n", "\t\t\n".replace("\t", seed.delimiter), " \n"]
    ) * rng.randint(1, 30)
    return Case((text + more).encode(), same(base))


def no_final_end(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """No line end behind the last line."""
    text = _text(seed)
    if text is None or not seed.delimited:
        return None
    return Case(text.rstrip("\n").encode(), same(base))


def requoted(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Another delimiter, cells in quotation marks."""
    rows = _rows(seed)
    if rows is None or any('"' in cell for row in rows for cell in row):
        return None
    mark = rng.choice([",", ";", "\t", "|"])
    quoting = rng.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
    out = io.StringIO()
    csv.writer(out, delimiter=mark, quoting=quoting, lineterminator="\n").writerows(rows)
    return Case(out.getvalue().encode(), same(base))


def sheets(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """The same table as a workbook."""
    text = _text(seed)
    if text is None or not seed.delimited or seed.delimiter != "\t" or seed.header:
        return None
    return Case(workbook(text, numbers=rng.random() < 0.5), same_numbers(base))


# -- rows and columns ----------------------------------------------------------------------------


def _rows(seed: Seed) -> list[list[str]] | None:
    text = _text(seed)
    if text is None or not seed.delimited:
        return None
    return [line.split(seed.delimiter) for line in text.rstrip("\n").split("\n")]


def _data_lines(lines: Sequence[str], base: Seen) -> list[int]:
    """Returns the lines (from 0) that landed, if each holds the name of its feature."""
    landed = [part.landed for part in base.parts.values()]
    if not landed or any(held.keys() != landed[0].keys() for held in landed):
        return []
    for line, name in landed[0].items():
        if not 0 < line <= len(lines) or _first(name) not in lines[line - 1]:
            return []
    return [line - 1 for line in landed[0]]


def shuffled_rows(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Rows in another order."""
    text = _text(seed)
    if text is None or seed.is_ordered or any("#matrix" not in key for key in base.parts):
        return None
    lines = text.split("\n")
    places = _data_lines(lines, base)
    if len(places) < 2 or any(lines[at].count('"') % 2 for at in places) or "\r" in text:
        return None
    moved = list(places)
    rng.shuffle(moved)
    changed = list(lines)
    for to, at in zip(places, moved, strict=True):
        changed[to] = lines[at]
    return Case("\n".join(changed).encode(), same(base))


def dropped_rows(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Some rows gone: the others come as before."""
    text = _text(seed)
    if text is None:
        return None
    lines = text.split("\n")
    places = _data_lines(lines, base)
    if len(places) < 3 or any(lines[at].count('"') % 2 for at in places):
        return None
    gone = set(rng.sample(places, rng.randint(1, max(1, len(places) // 4))))
    kept = [line for at, line in enumerate(lines) if at not in gone]
    return Case("\n".join(kept).encode(), nothing_new(base))


def repeated_rows(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Rows that stand twice."""
    rows = _rows(seed)
    if rows is None:
        return None
    lines = [seed.delimiter.join(row) for row in rows]
    at = rng.randrange(seed.header + 1, len(lines))
    count = rng.choice([1, 1, 3, 50])
    lines[at:at] = [lines[at]] * count
    return Case(_joined(lines), told_by_cells(lines, seed.header, seed.delimiter))


def moved_columns(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Sample columns in another order."""
    rows = _rows(seed)
    found = _assay_columns(seed, base, rows)
    if rows is None or len(found) < 2:
        return None
    moved = list(found)
    rng.shuffle(moved)
    changed = []
    for row in rows:
        if len(row) != len(rows[seed.header]):
            changed.append(row)
            continue
        new = list(row)
        for to, at in zip(found, moved, strict=True):
            new[to] = row[at]
        changed.append(new)
    return Case(_joined([seed.delimiter.join(row) for row in changed]), same(base))


def dropped_assay(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """One sample column gone: exactly that assay goes."""
    rows = _rows(seed)
    found = _assay_columns(seed, base, rows)
    if rows is None or len(found) < 3 or len(base.parts) != 1:
        return None
    at = rng.choice(found)
    gone = rows[seed.header][at]
    kept = [row[:at] + row[at + 1 :] if len(row) > at else row for row in rows]
    every = nothing_new(base)

    def check(seen: Seen) -> None:
        every(seen)
        assert seen.refusal is None, f"refused: {seen.refusal}"
        ((key, part),) = seen.parts.items()
        wanted = {pair for pair in base.parts[key].names if pair[1] != gone}
        assert part.names.keys() == wanted, "other assays than the dropped one are gone"

    return Case(_joined([seed.delimiter.join(row) for row in kept]), check)


def dropped_column(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Any column gone."""
    rows = _rows(seed)
    if rows is None:
        return None
    at = rng.randrange(len(rows[seed.header]))
    lines = [
        seed.delimiter.join(row[:at] + row[at + 1 :] if len(row) > at else row) for row in rows
    ]
    return Case(_joined(lines), told_by_cells(lines, seed.header, seed.delimiter))


def repeated_column(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """A column that stands twice."""
    rows = _rows(seed)
    if rows is None:
        return None
    at = rng.randrange(len(rows[seed.header]))
    to = rng.randrange(len(rows[seed.header]) + 1)
    lines = []
    for row in rows:
        copied = row[:to] + row[at : at + 1] + row[to:] if len(row) > at else row
        lines.append(seed.delimiter.join(copied))
    return Case(_joined(lines), told_by_cells(lines, seed.header, seed.delimiter))


def _assay_columns(seed: Seed, base: Seen, rows: Sequence[Sequence[str]] | None) -> list[int]:
    if rows is None or any("#matrix" not in key for key in base.parts):
        return []
    assays = {column for part in base.parts.values() for _, column in part.rows}
    header = rows[seed.header]
    first = next(iter(base.parts.values())).names
    primary = {assay for _, assay in first}
    found = [at for at, name in enumerate(header) if name in primary]
    return found if primary <= set(header) and assays else []


def _joined(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


# -- damage --------------------------------------------------------------------------------------


def truncated(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Cut off anywhere: what comes is the part before, or nothing."""
    at = rng.randrange(len(seed.content))
    content = seed.content[:at]
    if seed.delimited:
        lines = content.decode("utf-8", "replace").split("\n")
        if len(lines) <= seed.header + 1:
            return Case(content, anything)
        told = told_by_cells(lines, seed.header, seed.delimiter)
        width = lines[seed.header].count(seed.delimiter)

        def check(seen: Seen) -> None:
            told(seen)
            if lines[-1] and lines[-1].count(seed.delimiter) < width:
                short = any(len(lines) in part.landed for part in seen.parts.values())
                assert not short or _turned(seen, lines), "a row cut off has landed"

        return Case(content, check)
    last = content.rsplit(b"\n", 1)[-1].decode("utf-8", "replace")
    is_text = b"\0" not in seed.content and not seed.content.startswith((b"PK", b"\x1f\x8b"))
    return Case(content, nothing_new(base, beside=last or "\n") if is_text else anything)


def _turned(seen: Seen, lines: Sequence[str]) -> bool:
    """Whether the numbers of rows are those of columns: samples stand in rows."""
    for part in seen.parts.values():
        for line, name in part.landed.items():
            if not 0 < line <= len(lines) or _first(name) not in lines[line - 1]:
                return True
    return False


def tokens(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Cells of other kinds and countries in place of some cells."""
    rows = _rows(seed)
    if rows is None or len(rows) < seed.header + 3:
        return None
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        row = rows[rng.randrange(seed.header + 1, len(rows))]
        row[rng.randrange(len(row))] = rng.choice(TOKENS)
    lines = [seed.delimiter.join(row) for row in rows]
    if seed.delimiter == ",":
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)
        cells = [seed.delimiter.join(cell.replace(",", "\x01") for cell in row) for row in rows]
        told = told_by_cells([line.replace("\x01", "\u0001") for line in cells], seed.header, ",")
        has_comma = any("," in cell for row in rows for cell in row)
        return Case(out.getvalue().encode(), anything if has_comma else told)
    return Case(_joined(lines), told_by_cells(lines, seed.header, seed.delimiter))


def doubled_header(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """The header again, below itself or among the rows."""
    rows = _rows(seed)
    if rows is None:
        return None
    lines = [seed.delimiter.join(row) for row in rows]
    at = rng.choice([seed.header + 1, rng.randrange(seed.header + 1, len(lines))])
    lines.insert(at, lines[seed.header])
    return Case(_joined(lines), told_by_cells(lines, seed.header, seed.delimiter))


def nul_bytes(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """NUL bytes, as a broken copy leaves them."""
    at = rng.randrange(len(seed.content) + 1)
    nul = b"\0" * rng.choice([1, 2, 512, 4096])
    content = seed.content[:at] + nul + seed.content[at + rng.choice([0, len(nul)]) :]
    return Case(content, anything if _text(seed) is None else refused_or_same(base))


def long_cell(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """A cell of millions of characters."""
    rows = _rows(seed)
    if rows is None:
        return None
    row = rows[rng.randrange(seed.header + 1, len(rows))]
    at = rng.randrange(len(row))
    row[at] = rng.choice(["x", "9", "ab c "]) * rng.choice([70_000, 1_500_000])
    lines = [seed.delimiter.join(row) for row in rows]
    return Case(_joined(lines), told_by_cells(lines, seed.header, seed.delimiter))


def stray_quote(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Quotation marks that open and do not close."""
    rows = _rows(seed)
    if rows is None or seed.delimiter != "\t":
        return None
    for _ in range(rng.choice([1, 1, 2])):
        row = rows[rng.randrange(seed.header + 1, len(rows))]
        at = rng.randrange(len(row))
        row[at] = rng.choice(['"{}', '{}"', '5" {}', '"{}" x']).format(row[at])
    lines = [seed.delimiter.join(row) for row in rows]
    wanted = len(lines) - seed.header - 1
    told = told_by_cells(lines, seed.header, seed.delimiter)

    def check(seen: Seen) -> None:
        told(seen)
        for part in seen.parts.values():
            if part.is_long:
                continue
            rows_told = {line for line, _ in part.rows}
            lost = wanted - len(rows_told) - seen.rejected
            aligned = rows_told and not _turned(seen, lines)
            assert not aligned or lost <= 0, f"{lost} rows were swallowed"

    return Case(_joined(lines), check)


def flipped(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Bytes that changed anywhere."""
    content = bytearray(seed.content)
    for _ in range(rng.choice([1, 3, 20, 200])):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return Case(bytes(content), anything)


def spliced(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Pieces of the file moved, repeated or lost."""
    content = seed.content
    for _ in range(rng.choice([1, 2, 4])):
        a, b = sorted(rng.randrange(len(content) + 1) for _ in range(2))
        piece = content[a:b][:20_000]
        way = rng.randrange(3)
        at = rng.randrange(len(content) + 1)
        if way == 0:
            content = content[:a] + content[a + len(piece) :]
        else:
            content = content[:at] + piece + content[at:]
        if not content:
            return None
    return Case(content, anything)


def ragged(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Rows with cells too many or too few."""
    rows = _rows(seed)
    if rows is None:
        return None
    for _ in range(rng.choice([1, 2, 6])):
        row = rows[rng.randrange(seed.header + 1, len(rows))]
        if rng.random() < 0.5:
            row.extend(["7"] * rng.randint(1, 4))
        else:
            del row[rng.randrange(1, len(row) + 1) :]
    lines = [seed.delimiter.join(row) for row in rows]
    return Case(_joined(lines), told_by_cells(lines, seed.header, seed.delimiter))


# -- archives and workbooks that mean harm -------------------------------------------------------


def bombs(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Content that unpacks to far more than it is."""
    zeros = rng.choice([b"\0", b"1\t2\t3\n", seed.content[:50] or b"x"])
    unit = zeros * (1024**2 // len(zeros))
    size = rng.choice([80, 200])
    if rng.random() < 0.5:
        held = io.BytesIO()
        with gzip.GzipFile(fileobj=held, mode="wb", mtime=0, compresslevel=6) as out:
            for _ in range(size):
                out.write(unit)
        content = held.getvalue()
    else:
        held = io.BytesIO()
        with (
            zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open(zipfile.ZipInfo("a.tsv"), "w") as member,
        ):
            for _ in range(size):
                member.write(unit)
        content = held.getvalue()
    if rng.random() < 0.3:
        content = gzip.compress(content, mtime=0)
    if len(unit) * size <= RATIO_LIMIT * len(content):
        # Packed no better than honest tables of repeated rows are: a large file, and no bomb.
        return None

    def check(seen: Seen) -> None:
        assert seen.refusal is not None, "a bomb was read"

    return Case(content, check)


def slips(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Archives whose members claim to lie elsewhere, or are many, empty or the same."""
    way = rng.randrange(4)
    if way == 0:
        return Case(_zipped([("../../../tmp/evil.tsv", seed.content)]), same(base))
    if way == 1:
        return Case(_zipped([("/etc/evil.tsv", seed.content)]), same(base))
    if way == 2:
        return Case(_zipped([(f"d/{at}.txt", b"") for at in range(40)]), anything)
    both = [("__MACOSX/._a", b"\0\1\2"), (".DS_Store", b"junk"), ("a.tsv", seed.content)]
    return Case(_zipped(both), same(base))


def odd_sheets(seed: Seed, base: Seen, rng: random.Random) -> Case | None:
    """Workbooks with formulas, far-away cells, a million blank rows, many sheets."""
    import openpyxl
    from openpyxl.styles import PatternFill

    rows = _rows(seed)
    if rows is None or seed.delimiter != "\t" or seed.header:
        return None
    book = openpyxl.load_workbook(io.BytesIO(workbook("\n".join("\t".join(r) for r in rows))))
    sheet = book.active
    way = rng.randrange(5)
    check: Check = anything
    if way == 0:
        # A million rows that are coloured and hold nothing.
        for at in range(len(rows) + 2, 1_000_000, 997):
            sheet.cell(row=at, column=1).fill = PatternFill("solid", fgColor="FFFF00")
    elif way == 4:
        sheet.cell(row=1_048_576, column=rng.choice([1, 16_384])).value = rng.choice([" ", "x"])
    elif way == 1:
        cell = sheet.cell(row=rng.randint(2, len(rows)), column=rng.randint(1, len(rows[0])))
        cell.value = "=SUM(B2:C3)"
    elif way == 2:
        for at in range(6):
            book.create_sheet(f"notes {at}").append(["a remark"])
    else:
        sheet.cell(row=len(rows) + 5, column=len(rows[0]) + 3).value = "remark"
    if way == 0:
        check = same_numbers(base)
    return Case(saved(book), check)


def _zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return held.getvalue()


#: Each mutation with how often it is drawn.
MUTATIONS: tuple[tuple[Mutation, int], ...] = (
    (line_ends, 4),
    (encodings, 4),
    (packed, 4),
    (blank_lines, 3),
    (no_final_end, 2),
    (requoted, 5),
    (sheets, 4),
    (shuffled_rows, 5),
    (dropped_rows, 5),
    (repeated_rows, 4),
    (moved_columns, 5),
    (dropped_assay, 5),
    (dropped_column, 6),
    (repeated_column, 5),
    (truncated, 14),
    (tokens, 16),
    (doubled_header, 4),
    (nul_bytes, 4),
    (long_cell, 1),
    (stray_quote, 5),
    (flipped, 8),
    (spliced, 6),
    (ragged, 6),
    (bombs, 0),
    (slips, 3),
    (odd_sheets, 1),
)
