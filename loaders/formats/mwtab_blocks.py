"""mwTab cut into its blocks: description, sample factors, quantities, molecules.

Own code, because the package ``mwtab`` (2.1.1, measured) takes 3 s of CPU to import in every
process, knows no line numbers, reads neither the CSV that people save from Excel nor fragments
without their first line, and keeps a row as a dict, where of two samples of one name one is lost.
Its reading of the same file is what the tests of this module were compared with.

Text is taken in as it comes, the quantities as columns of Arrow text: a file needs about its own
size in memory. JSON must be held as a whole and is limited.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from loaders.datafiles import read_yaml
from loaders.model import Unreadable

if TYPE_CHECKING:
    import pyarrow as pa

#: Largest mwTab JSON, in characters; objects take about ten times the text.
JSON_LIMIT = 48 * 1024**2
#: Cells that are gathered before they become columns of Arrow.
_CHUNK_CELLS = 200_000

_HEAD = "#METABOLOMICS WORKBENCH"
_ITEM = re.compile(r"(?:[A-Z]{2}:)?([A-Za-z_][A-Za-z0-9_ ]*)\Z")


@dataclass
class Block:
    """One block of quantities.

    Attributes:
        name: Its name, such as ``MS_METABOLITE_DATA``.
        units: Units of its quantities, as written.
        samples: Sample names in order.
        factors: Factors of each sample as one text, from the row below the names; may be empty.
        tables: The rows: columns ``c0`` (name), ``c1`` … and ``row_number``.
        wide: Row number and text of rows with more cells than there are samples.
        padded: Number of rows with fewer cells.
        blank: Number of rows without any cell.
        label_rows: Number of rows that describe samples.
    """

    name: str
    units: str = ""
    samples: list[str] = field(default_factory=list)
    factors: list[str] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)
    wide: list[tuple[int, str]] = field(default_factory=list)
    padded: int = 0
    blank: int = 0
    label_rows: int = 0


@dataclass
class Analysis:
    """One analysis: what the Workbench calls a mwTab file.

    Attributes:
        items: Description, key to text; parts of a text that goes over lines are joined by a blank.
        factors: Sample to its factors and further facts.
        blocks: Blocks of quantities.
        molecules: Molecule to its annotations.
        not_read: Names of blocks that hold data and are not read.
        results_file: What the file says of results that are kept elsewhere.
    """

    items: dict[str, str] = field(default_factory=dict)
    factors: dict[str, dict[str, str]] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    molecules: dict[str, dict[str, str]] = field(default_factory=dict)
    not_read: list[str] = field(default_factory=list)
    results_file: str = ""


@cache
def words() -> Mapping[str, Any]:
    """Returns the words of the format."""
    content: Mapping[str, Any] = read_yaml("loaders.formats", "mwtab.yml")
    return content


@cache
def _data_blocks() -> frozenset[str]:
    return frozenset(str(block["name"]) for block in words()["blocks"])


def marks_of_text(lines: Sequence[str]) -> str | None:
    """Returns what in the first lines of a text shows mwTab, or None."""
    begins = _first_words().match
    for line in lines:
        if begins(line) is None:
            continue
        start = line.lstrip('\ufeff "').upper()
        mark = _HEAD if start.startswith(_HEAD) else re.split(r'["\t,; ]', start, maxsplit=1)[0]
        return f"a line that begins with {mark}"
    return None


@cache
def _first_words() -> re.Pattern[str]:
    blocks = (f"{name}_START" for name in sorted(_data_blocks()))
    words = (_HEAD, *blocks, "SUBJECT_SAMPLE_FACTORS", "METABOLITES_START")
    return re.compile(f'[\ufeff "]*(?:{"|".join(map(re.escape, words))})', re.IGNORECASE)


def is_fragment(records: Sequence[Sequence[str]]) -> bool:
    """Whether a text begins with the quantities alone: names of samples, and their factors."""
    if len(records) < 2 or len(records[1]) < 2:
        return False
    first, second = records[0], records[1]
    factors = [cell for cell in second[1:] if cell not in ("", "-")]
    return (
        first[0].strip("\ufeff").casefold() == "samples"
        and second[0].casefold() == "factors"
        and bool(factors)
        and all(":" in cell for cell in factors)
    )


def is_json(head: str) -> bool:
    """Whether the first characters of a text are those of mwTab JSON."""
    return re.search(r'\A\s*[\[{][\s\S]{0,200}?"METABOLOMICS WORKBENCH"\s*:', head) is not None


def parse(records: Iterable[tuple[int, list[str]]], delimiter: str) -> list[Analysis]:
    """Reads mwTab as text.

    Args:
        records: Line number and cells of each line.
        delimiter: What parted the cells, to show a line that is wrong.

    Returns:
        The analyses, in order; a file holds one as a rule.

    Raises:
        Unreadable: If a block of quantities is not closed.
    """
    parser = _Parser(delimiter)
    for number, cells in records:
        parser.take(number, cells)
    return parser.done()


def delimiter_of(lines: Sequence[str]) -> str:
    """Returns the mark that parts the cells of the sample names, else of most lines."""
    for line in lines:
        named = re.match(r'"?(?:Samples|Bin range[^\t,;]*)"?([\t,;])', line.lstrip("\ufeff"))
        if named is not None:
            return named[1]
    counts = {mark: sum(line.count(mark) for line in lines) for mark in ("\t", ";", ",")}
    return "\t" if counts["\t"] else max(counts, key=lambda mark: counts[mark])


class _Parser:
    """Takes one record after the other."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._analyses: list[Analysis] = []
        self._now = Analysis()
        self._block: Block | None = None
        self._columns: _Columns | None = None
        self._section = ""
        self._molecule_header: list[str] = []
        self._began = False
        self._implied = False

    def take(self, number: int, cells: list[str]) -> None:
        first = (cells[0] if cells else "").strip().strip("\ufeff")
        if first.startswith("#"):
            self._close_block(number, ended=False)
            self._heading(first, cells)
            return
        key = first.upper()
        if self._block is not None:
            if key == f"{self._block.name}_END":
                self._close_block(number, ended=True)
            else:
                self._data(number, first, cells)
            return
        if self._section:
            self._other(key, first, cells)
            return
        if key.endswith("_START"):
            self._open(key.removesuffix("_START"))
        elif key == "SAMPLES" and not self._says_anything():
            self._open("MS_METABOLITE_DATA")
            self._implied = True
            self._data(number, first, cells)
        elif first:
            self._item(key, first, [cell.strip() for cell in cells[1:]])

    def done(self) -> list[Analysis]:
        if self._block is not None and self._implied:
            self._close_block(0, ended=True)
        if self._block is not None:
            raise Unreadable(
                "broken_table",
                place=f"block {self._block.name}",
                seen="the file ends within the block",
                expected=f"a line {self._block.name}_END below the quantities",
                question="Was the file cut off? Download or export it again.",
            )
        self._analyses.append(self._now)
        return [analysis for analysis in self._analyses if _says_anything(analysis)]

    def _says_anything(self) -> bool:
        return self._began or _says_anything(self._now)

    def _heading(self, first: str, cells: Sequence[str]) -> None:
        self._section = ""
        if not first.upper().startswith(_HEAD):
            return
        if self._began:
            self._analyses.append(self._now)
            self._now = Analysis()
        self._began = True
        text = " ".join([first, *(cell.strip() for cell in cells[1:])])
        for key, value in re.findall(r"\b([A-Z]+_ID):(\S+)", text):
            self._now.items[key] = value

    def _open(self, name: str) -> None:
        if name in _data_blocks():
            units = self._now.items.pop(f"{name}:UNITS", "")
            self._block = Block(name, units)
            self._columns = None
        else:
            self._section = name
            self._molecule_header = []
            if name in words()["not_read"]:
                self._now.not_read.append(name)

    def _other(self, key: str, first: str, cells: Sequence[str]) -> None:
        """Takes a line of a block that holds no quantities."""
        if key == f"{self._section}_END":
            self._section = ""
        elif self._section == "METABOLITES" and first:
            trimmed = [cell.strip() for cell in cells]
            if not self._molecule_header:
                self._molecule_header = trimmed
                return
            pairs = zip(self._molecule_header[1:], trimmed[1:], strict=False)
            notes = {name: text for name, text in pairs if name and text}
            self._now.molecules.setdefault(first, notes)

    def _item(self, key: str, first: str, rest: list[str]) -> None:
        if key == "SUBJECT_SAMPLE_FACTORS":
            self._factors(rest)
            return
        name = key.partition(":")[2] if re.match(r"[A-Z]{2}:", key) else key
        if "RESULTS_FILE" in key:
            self._now.results_file = " ".join([first, *filter(None, rest)])
        text = " ".join(filter(None, rest))
        if text:
            held = self._now.items.get(name)
            self._now.items[name] = f"{held} {text}" if held else text

    def _factors(self, rest: Sequence[str]) -> None:
        cells = [*rest, "", "", "", ""]
        subject, sample, factors, more = cells[:4]
        if not sample:
            return
        facts = {"Subject ID": subject} if subject and subject != "-" else {}
        facts |= split_factors(factors)
        for pair in more.split(";"):
            name, equals, value = pair.partition("=")
            if equals and name.strip() and value.strip():
                facts.setdefault(name.strip(), value.strip())
        self._now.factors.setdefault(sample, facts)

    def _data(self, number: int, first: str, cells: list[str]) -> None:
        block = self._block
        if block is None:
            return
        if not block.samples:
            names = [cell.strip() for cell in cells[1:]]
            while names and not names[-1]:
                names.pop()
            block.samples = names
            block.label_rows += 1
            self._columns = _Columns(block, len(names) + 1)
        elif first.casefold() in words()["factors_row"] and not block.factors:
            trimmed = [cell.strip() for cell in cells[1:]]
            block.factors = (trimmed + [""] * len(block.samples))[: len(block.samples)]
            block.label_rows += 1
        elif self._columns is not None:
            self._columns.add(number, cells, self._delimiter)

    def _close_block(self, number: int, *, ended: bool) -> None:
        if self._block is None:
            return
        if not ended:
            raise Unreadable(
                "broken_table",
                place=f"line {number}",
                seen=f"a new section within the block {self._block.name}",
                expected=f"a line {self._block.name}_END first",
                question="Was the file cut off or edited? Download or export it again.",
            )
        if self._columns is not None:
            self._columns.flush()
        self._now.blocks.append(self._block)
        self._block = self._columns = None


class _Columns:
    """Gathers rows and turns them into columns."""

    def __init__(self, block: Block, width: int) -> None:
        self._block = block
        self._width = width
        self._rows: list[list[str]] = []
        self._numbers: list[int] = []

    def add(self, number: int, cells: list[str], delimiter: str) -> None:
        width = self._width
        if not any(cell.strip() for cell in cells):
            self._block.blank += 1
            return
        if len(cells) > width:
            if any(cell.strip() for cell in cells[width:]):
                self._block.wide.append((number, delimiter.join(cells)))
                return
            cells = cells[:width]
        elif len(cells) < width:
            self._block.padded += 1
            cells = cells + [""] * (width - len(cells))
        self._rows.append(cells)
        self._numbers.append(number)
        if len(self._rows) * width >= _CHUNK_CELLS:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self._block.tables.append(text_table(self._rows, self._numbers, self._width))
            self._rows, self._numbers = [], []


def text_table(rows: Sequence[Sequence[str]], numbers: Sequence[int], width: int) -> pa.Table:
    """Returns rows of text as a table of columns ``c0`` … and ``row_number``."""
    import pyarrow as pa

    columns: Iterable[Sequence[str]] = zip(*rows, strict=True) if rows else [()] * width
    arrays = [pa.array(column, pa.string()) for column in columns]
    names = [f"c{index}" for index in range(width)]
    return pa.table([*arrays, pa.array(numbers, pa.int64())], names=[*names, "row_number"])


def split_factors(text: str) -> dict[str, str]:
    """Splits factors as mwTab writes them.

    >>> split_factors("Diet:Normal | Time:0:30"), split_factors("-")
    ({'Diet': 'Normal', 'Time': '0:30'}, {})
    """
    found = {}
    for pair in text.split("|"):
        name, colon, value = pair.partition(":")
        if colon and name.strip() and value.strip():
            found[name.strip()] = value.strip()
    return found


def parse_json(text: str) -> list[Analysis]:
    """Reads mwTab as JSON: one analysis, or several in a list or an object.

    Raises:
        Unreadable: If it is no JSON, too large, or none of mwTab.
    """
    if len(text) > JSON_LIMIT:
        raise Unreadable(
            "sheet_too_large",
            place="JSON",
            seen=f"{len(text):,} characters",
            expected=f"at most {JSON_LIMIT:,} characters of mwTab JSON",
            question="Can the analysis be downloaded as mwTab text?",
        )
    try:
        content = json.loads(text, object_pairs_hook=_kept_apart, parse_float=str, parse_int=str)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Unreadable(
            "broken_table",
            place="JSON",
            seen=str(error)[:200],
            expected="complete JSON",
            question="Was the file cut off? Download it again.",
        ) from error
    found = content if isinstance(content, list) else [content]
    if isinstance(content, dict) and "METABOLOMICS WORKBENCH" not in content:
        found = list(content.values())
    return [_from_json(one) for one in found if isinstance(one, dict)]


def _kept_apart(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Keeps two entries of one name apart, as two samples of one name are."""
    held = dict(pairs)
    if len(held) == len(pairs):
        return held
    from loaders.reading.rows import unique_names

    names = unique_names([name for name, _ in pairs])
    return {name: value for name, (_, value) in zip(names, pairs, strict=True)}


def _from_json(content: Mapping[str, Any]) -> Analysis:
    analysis = Analysis()
    for name, section in content.items():
        if name in _data_blocks() and isinstance(section, dict):
            analysis.blocks.append(_json_block(name, section))
            for entry in _dicts(section.get("Metabolites")):
                texts = {key: _text(value) for key, value in entry.items()}
                called = next(iter(texts.values()), "")
                notes = {key: text for key, text in list(texts.items())[1:] if text}
                if called:
                    analysis.molecules.setdefault(called, notes)
            if section.get("Extended"):
                analysis.not_read.append(f"EXTENDED_{name}")
        elif name == "SUBJECT_SAMPLE_FACTORS":
            for entry in _dicts(section):
                analysis.factors.setdefault(_text(entry.get("Sample ID")), _facts(entry))
        elif isinstance(section, dict):
            for key, value in section.items():
                if key.endswith("RESULTS_FILE"):
                    analysis.results_file = _text(value)
                elif isinstance(value, (str, int, float)) and _text(value):
                    analysis.items.setdefault(key, _text(value))
    return analysis


def _json_block(name: str, section: Mapping[str, Any]) -> Block:
    block = Block(name, _text(section.get("Units")))
    rows = _dicts(section.get("Data"))
    # Rows may lack samples: the names are those of all rows, in the order in which they come.
    keys = list(dict.fromkeys(key for row in rows for key in row))
    block.samples = [key.strip() for key in keys[1:]]
    columns = _Columns(block, len(keys))
    for number, row in enumerate(rows, start=1):
        cells = [_text(row.get(key)) for key in keys]
        if cells[0].strip().casefold() in words()["factors_row"] and not block.factors:
            block.factors = cells[1:]
            block.label_rows += 1
            continue
        columns.add(number, cells, "\t")
    columns.flush()
    return block


def _facts(entry: Mapping[str, Any]) -> dict[str, str]:
    subject = _text(entry.get("Subject ID"))
    facts = {"Subject ID": subject} if subject and subject != "-" else {}
    for key in ("Factors", "Additional sample data"):
        held = entry.get(key)
        said = held if isinstance(held, dict) else split_factors(_text(held))
        for name, value in said.items():
            if _text(value):
                facts.setdefault(name.strip(), _text(value))
    return facts


def _dicts(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return "" if value is None or isinstance(value, (dict, list)) else str(value).strip()


def _says_anything(analysis: Analysis) -> bool:
    return bool(analysis.blocks or analysis.items or analysis.factors or analysis.not_read)
