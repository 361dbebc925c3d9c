"""Which column is what: a vote over headers and content, with the evidence kept.

The vote answers with `Roles`, or refuses with the question whose answer would decide. It never
looks at the name of the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, NoReturn

from loaders import vocabulary
from loaders.model import Roles, Unreadable
from loaders.reading import mapping
from loaders.reading.grid import Grid
from loaders.reading.numbers import is_missing, tally
from loaders.reading.omics_type import NameVote, vote_names
from loaders.reading.quantities import families
from loaders.reading.remember import by_texts

#: Cells of a column that are looked at.
SAMPLE_ROWS = 60
#: Cells of a table that are looked at, so that wide tables stay quick.
SAMPLE_CELLS = 40_000
#: One orientation must lead the other by this much, and reach at least `ENOUGH`.
MARGIN = 0.25
ENOUGH = 0.3

_DIGITS = re.compile(r"\d+")
_ID = re.compile(r"(?:^|[ _.])ids?$|ID$", re.IGNORECASE)
#: Headers that pandas, R and their users give to names of rows: they name nothing themselves.
_ROW_NAMES = frozenset({"", "x", "index", "idx", "row", "#", "unnamed: 0", "unnamed 0", "..1"})


@dataclass(frozen=True)
class Column:
    """What the sampled cells of one column look like."""

    index: int
    header: str
    cells: tuple[str, ...]
    missing: int
    blank: int
    numbers: int
    texts: int

    @cached_property
    def word(self) -> str:
        """The header, folded."""
        return vocabulary.normalise(self.header)

    @property
    def kind(self) -> str:
        """numeric, text, mixed or empty."""
        filled = self.numbers + self.texts
        if filled == 0:
            return "empty"
        if self.numbers >= 0.7 * filled:
            return "numeric"
        return "mixed" if self.numbers > 0.3 * filled and self.texts < 3 else "text"

    @cached_property
    def distinct(self) -> int:
        """Number of different cells."""
        return len(set(self.cells))

    @property
    def unique_share(self) -> float:
        """Share of cells that differ from all before them."""
        return self.distinct / max(1, len(self.cells))

    @cached_property
    def names(self) -> NameVote:
        """How the cells look as names of molecules."""
        return vote_names(self.cells)


def sample_rows(first: Any, width: int) -> list[list[str]]:
    """Takes evenly spread rows of an Arrow table of text."""
    rows = list(map(list, zip(*_sample_columns(first, width), strict=True)))
    if all(any(map(str.strip, row)) for row in rows):
        return rows
    # Blank rows say nothing, and many of them may stand below a short table.
    filled = _sample_columns(_without_blank(first, width), width)
    return [list(row) for row in zip(*filled, strict=True)]


def _without_blank(first: Any, width: int) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    mask = pa.array([False] * first.num_rows)
    for index in range(width):
        column = first.column(index)
        cells = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        mask = pc.or_(mask, pc.not_equal(pc.utf8_trim_whitespace(cells), ""))
    return first.filter(mask)


def _sample_columns(first: Any, width: int) -> list[list[str]]:
    import numpy as np
    import pyarrow as pa

    from loaders.reading.rows import flat_column

    rows = first.num_rows
    wanted = min(rows, max(12, min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, width))))
    if not width or not rows:
        return [[] for _ in range(width)]
    cells = pa.concat_arrays([flat_column(first, index) for index in range(width)])
    if wanted < rows:
        places = np.arange(wanted) * rows // wanted
        cells = cells.take(pa.array((np.arange(width)[:, None] * rows + places).ravel()))
    # Through numpy: Arrow's own way makes an object of its own for each cell first, 10 x slower.
    sampled: list[list[str]] = cells.to_numpy(zero_copy_only=False).reshape(width, -1).tolist()
    return sampled


def profile(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Column]:
    """Looks at the sampled cells of each column."""
    filled_rows = [row for row in rows if any(map(str.strip, row))]
    columns = []
    cut = zip(*filled_rows, strict=True) if filled_rows else [()] * len(header)
    for index, (name, cells) in enumerate(zip(header, cut, strict=True)):
        numbers, texts, missing = tally(cells)
        blank = sum(1 for cell in cells if not cell.strip()) if missing else 0
        columns.append(Column(index, name, cells, missing, blank, numbers, texts))
    return columns


def vote(grid: Grid, rows: Sequence[Sequence[str]], *, n_rows: int, place: str = "") -> Roles:
    """Votes for the roles of all columns.

    Args:
        grid: The table.
        rows: Sampled rows.
        n_rows: Number of rows, or of those seen so far in a long file.
        place: Part of the file, for refusals.

    Raises:
        Unreadable: If the vote is not clear.
    """
    columns = profile(grid.header, rows)
    ballot = _Ballot(columns, n_rows, grid.label_rows, place)
    if not ballot.numeric:
        ballot.refuse_table()
    if long := ballot.long():
        return long
    rows_vote, rows_why = ballot.features_in_rows_votes()
    samples_vote, samples_why = ballot.samples_in_rows_votes()
    evidence: dict[str, object] = {
        "votes": {
            "features_in_rows": round(rows_vote, 2),
            "samples_in_rows": round(samples_vote, 2),
        },
        "reasons": {"features_in_rows": rows_why, "samples_in_rows": samples_why},
    }
    if abs(rows_vote - samples_vote) < MARGIN or max(rows_vote, samples_vote) < ENOUGH:
        ballot.refuse(
            "Are the features (molecules) in the rows or in the columns, and what names them?",
            seen=f"{rows_vote:.2f} points for features in rows, {samples_vote:.2f} for samples",
        )
    if rows_vote > samples_vote:
        return ballot.features_in_rows(evidence)
    return ballot.samples_in_rows(evidence)


class _Ballot:
    """The columns of one table and what each could be."""

    def __init__(
        self,
        columns: Sequence[Column],
        n_rows: int,
        label_rows: Sequence[Sequence[str]],
        place: str,
    ) -> None:
        from loaders.formats.statistics import statistic_columns

        self.columns = columns
        self.n_rows = n_rows
        self.label_rows = label_rows
        self.place = place
        header = [column.header for column in columns]
        self.statistics = statistic_columns(header)
        self.ignored: dict[int, str] = {}
        self.numeric = [column for column in columns if column.kind == "numeric"]
        self.summaries = {
            column.index for column in self.numeric if _is_summary(column) and column.index > 0
        }
        quantities = [column for column in self.numeric if self._may_be_quantity(column)]
        if not quantities or len(self.summaries) > len(quantities):
            self.summaries = set()
            quantities = [column for column in self.numeric if self._may_be_quantity(column)]
        self.quantities = quantities

    def _may_be_quantity(self, column: Column) -> bool:
        if column.index in self.statistics or column.index in self.summaries:
            return False
        if _is_row_index(column) or column.word in vocabulary.words("headers", "sample"):
            return False
        return not _is_annotation(column)

    # -- which orientation -------------------------------------------------------------------

    def features_in_rows_votes(self) -> tuple[float, dict[str, float]]:
        """Counts what speaks for one molecule per row."""
        why: dict[str, float] = {}
        names = self.feature_column()
        if names is not None:
            if names.names.strong_share >= 0.1:
                why["names_look_like_molecules"] = names.names.strong_share
            elif names.names.kind is not None:
                why["names_look_like_symbols"] = 0.5 * names.names.share * _variety(names.cells)
            if names.word in vocabulary.words("headers", "feature"):
                why["header_names_features"] = 0.6
            elif self._numbers_rows(names):
                why["numbers_name_rows"] = 0.5
        headers = [column.header for column in self.quantities]
        if len(headers) > 2 and vote_names(headers).strong_share < 0.3:
            why["headers_look_like_samples"] = 0.3 * (1 - _variety(headers))
        if any(column.word in vocabulary.words("headers", "annotation") for column in self.columns):
            why["annotations_of_molecules"] = 0.3
        if self.label_rows:
            why["label_rows"] = 0.5
        tall = self.n_rows / max(1, len(self.quantities))
        if tall >= 2:
            why["more_rows_than_columns"] = 0.4 if tall >= 5 else 0.2
        return sum(why.values()), _rounded(why)

    def samples_in_rows_votes(self) -> tuple[float, dict[str, float]]:
        """Counts what speaks for one sample per row."""
        why: dict[str, float] = {}
        headers = vote_names([column.header for column in self.quantities])
        if headers.strong_share >= 0.1:
            why["headers_look_like_molecules"] = headers.strong_share
        elif headers.kind is not None:
            varied = _variety([column.header for column in self.quantities])
            why["headers_look_like_symbols"] = 0.5 * headers.share * varied
        first = self.sample_column()
        if first is not None and first.word in vocabulary.words("headers", "sample"):
            why["header_names_samples"] = 0.6
        labels = [c for c in self.columns if c.kind == "text" and _is_label(c) and c is not first]
        if labels:
            why["label_columns"] = 0.3
        if first is not None and len(first.cells) > 2 and first.names.strong_share < 0.3:
            why["names_look_like_samples"] = 0.3 * (1 - _variety(first.cells))
        wide = len(self.quantities) / max(1, self.n_rows)
        if wide >= 2:
            why["more_columns_than_rows"] = 0.4 if wide >= 5 else 0.2
        return sum(why.values()), _rounded(why)

    # -- features in rows --------------------------------------------------------------------

    def feature_column(self) -> Column | None:
        """Returns the column that most likely names the molecule of each row."""
        known = vocabulary.words("headers", "feature")
        weak = vocabulary.words("headers", "feature_weak")
        best: tuple[float, Column] | None = None
        for column in self.columns:
            named = column.word in known
            if column.kind == "empty" or _is_row_index(column):
                continue
            numbers_rows = self._numbers_rows(column)
            if column.kind != "text" and not (numbers_rows or (named and _whole_numbers(column))):
                continue
            points = 0.5 * column.unique_share + 0.8 * column.names.strong_share
            points += (0.6 if column.word in weak else 1.0) if named else 0.0
            unnamed = column.index == 0 and column.word in _ROW_NAMES
            points += 0.7 if unnamed or numbers_rows else 0.0
            points += 0.2 if column.index == 0 else 0.0
            is_name = named or unnamed or numbers_rows
            points -= 0.6 if not is_name and _is_annotation(column) else 0.0
            points -= 0.9 if not named and _is_label(column) else 0.0
            points -= 0.5 * column.blank / max(1, len(column.cells))
            if best is None or points > best[0] + 1e-9:
                best = (points, column)
        return best[1] if best and best[0] >= 0.6 else None

    def _numbers_rows(self, column: Column) -> bool:
        """Whether the first column holds numbers that name rows, as those of probes do.

        Its header says nothing, or ends like that of an id, and no other column holds whole
        numbers alone: such numbers could as well be counts.
        """
        if column.index or column.kind != "numeric" or column.unique_share < 1:
            return False
        if column.word not in _ROW_NAMES and not _ID.search(column.header):
            return False
        others = [other for other in self.numeric if other is not column]
        return (
            len(column.cells) > 2
            and all(cell.strip().isdigit() and len(cell.strip()) > 3 for cell in column.cells)
            and bool(others)
            and not any(_whole_numbers(other) for other in others)
        )

    def features_in_rows(self, evidence: dict[str, object]) -> Roles:
        """Gives each column its role where features are in rows."""
        names = self.feature_column()
        if names is None:
            self.refuse("Which column names the features (molecules)?", seen="no column of names")
        assays = [column for column in self.quantities if column is not names]
        assays = self._with_empty_assays(assays, names)
        if not assays:
            self.refuse("Which columns hold the quantities?", seen="no column of quantities")
        assays = self._without_strangers(assays)
        self._doubt_single(assays, names)
        taken = {names.index, *(column.index for column in assays)}
        mixed = [c for c in self.columns if c.kind == "mixed" and c.index not in taken]
        if mixed and not all(_is_annotation(c) or _is_label(c) for c in mixed):
            self.refuse(
                f"Is column {mixed[0].header!r} a quantity or an annotation?",
                seen=f"numbers and words mixed in column {mixed[0].header!r}",
            )
        for column in self.columns:
            if column.index in taken:
                continue
            if column.index in self.statistics:
                self.ignored[column.index] = f"statistic: {self.statistics[column.index]}"
            elif column.index in self.summaries:
                self.ignored[column.index] = "summary over samples"
            elif column.kind == "empty":
                self.ignored[column.index] = "empty column"
            elif _is_row_index(column):
                self.ignored[column.index] = "row index"
        found = families([column.header for column in assays])
        if found.several:
            raise self._several(found.several)
        annotations = [
            column.index
            for column in self.columns
            if column.index not in taken and column.index not in self.ignored
        ]
        shares = {
            "feature_column": names.header,
            "feature_column_index": names.index,
            "feature_unique_share": round(names.unique_share, 3),
            "names_look_like": names.names.kind.name if names.names.kind else None,
        }
        return Roles(
            orientation="features_in_rows",
            format="delimited matrix",
            feature_columns=(names.index,),
            assay_columns=tuple(
                (column.index, name) for column, name in zip(assays, found.samples, strict=True)
            ),
            annotation_columns=tuple(annotations),
            ignored_columns=self.ignored,
            quantity=found.quantity,
            unit=found.unit,
            evidence=evidence | shares,
        )

    def _with_empty_assays(self, assays: list[Column], names: Column) -> list[Column]:
        """Adds columns without any number that stand among the samples or spell out ``NA``."""
        if not assays:
            return assays
        low, high = assays[0].index, assays[-1].index
        found = list(assays)
        for column in self.columns:
            if column.kind != "empty" or not column.header or column is names:
                continue
            if _is_annotation(column) or _is_label(column) or column.index in self.summaries:
                continue
            inside = low < column.index < high
            if inside or (column.blank < len(column.cells) and column.index > low):
                found.append(column)
        return sorted(found, key=lambda column: column.index)

    def _without_strangers(self, assays: list[Column]) -> list[Column]:
        """Refuses where quantities stand in separate blocks whose headers do not look alike."""
        blocks: list[list[Column]] = []
        text_between = {c.index for c in self.columns if c.kind in ("text", "mixed")}
        for column in assays:
            if blocks and not any(
                index in text_between for index in range(blocks[-1][-1].index + 1, column.index)
            ):
                blocks[-1].append(column)
            else:
                blocks.append([column])
        if len(blocks) == 1:
            return assays
        main = max(blocks, key=len)
        if len({tuple(c.header for c in block) for block in blocks}) == 1:
            raise self._several([block[0].header for block in blocks])
        stems = {_stem(column.header) for column in main}
        for block in blocks:
            strangers = [c.header for c in block if _stem(c.header) not in stems]
            if block is not main and strangers:
                self.refuse(
                    f"Is column {strangers[0]!r} a sample like {main[0].header!r}?",
                    seen=f"columns of numbers in {len(blocks)} separate blocks",
                )
        return assays

    def _doubt_single(self, assays: list[Column], names: Column) -> None:
        """Refuses where the only numbers of a table of text may be identifiers or the like."""
        if len(assays) > 1 or self.label_rows:
            return
        only = assays[0]
        known = vocabulary.words("headers", "value")
        others = [
            c for c in self.columns if c not in (only, names) and c.kind == "text" and c.header
        ]
        if only.word in known or families([only.header]).quantity or len(others) < 2:
            return
        self.refuse(
            f"Is column {only.header!r} a quantity, or does it describe the feature?",
            seen=f"one column of numbers, {only.header!r}, among {len(others)} columns of text",
        )

    # -- samples in rows ---------------------------------------------------------------------

    def sample_column(self) -> Column | None:
        """Returns the column that most likely names the sample of each row."""
        known = vocabulary.words("headers", "sample")
        named = [column for column in self.columns if column.word in known]
        if named:
            return max(named, key=lambda column: (column.unique_share, -column.index))
        first = self.columns[0]
        unnamed = not first.word and not _is_row_index(first)
        if unnamed or (first.kind == "text" and not _is_label(first)):
            return first
        # Samples may be called 001 and 173.1, where every other header is a molecule's.
        others = vote_names([column.header for column in self.columns[1:]])
        names_rows = first.unique_share == 1 and not _is_row_index(first) and not _is_label(first)
        if (
            names_rows
            and others.strong_share >= 0.5
            and not vote_names([first.header]).strong_share
        ):
            return first
        return None

    def samples_in_rows(self, evidence: dict[str, object]) -> Roles:
        """Gives each column its role where samples are in rows."""
        sample = self.sample_column()
        if sample is None:
            self.refuse("Which column names the samples?", seen="no column of sample names")
        features: list[int] = []
        labels: list[int] = []
        start = min((c.index for c in self.quantities if not _is_label(c)), default=0)
        for column in self.columns:
            if column is sample:
                continue
            if column.index in self.summaries or (column.kind == "empty" and not column.header):
                self.ignored[column.index] = "empty column" if column.kind == "empty" else "summary"
            elif _is_row_index(column) and column.index < start:
                self.ignored[column.index] = "row index"
            elif self._describes_samples(column, start):
                labels.append(column.index)
            elif column.header:
                features.append(column.index)
            else:
                self.refuse(
                    f"What does the unnamed column {column.index + 1} hold?",
                    seen="a column without name",
                )
        stray = [index for index in labels if index > start and not _is_label(self.columns[index])]
        if len(stray) > max(1, len(features) // 20):
            self.refuse(
                f"Is column {self.columns[stray[0]].header!r} a feature or a label of the samples?",
                seen=f"{len(stray)} columns of words among the features",
            )
        if not features:
            self.refuse("Which columns hold the features?", seen="no column of quantities")
        return Roles(
            orientation="samples_in_rows",
            format="delimited matrix, samples in rows",
            feature_columns=tuple(features),
            annotation_columns=tuple(labels),
            ignored_columns=self.ignored,
            sample_column=sample.index,
            evidence=evidence | {"sample_column": sample.header},
        )

    @staticmethod
    def _describes_samples(column: Column, start: int) -> bool:
        """Whether a column beside the quantities is a label of the samples."""
        if column.kind == "text":
            # A molecule whose cells are words is a feature to reject, not a label.
            return column.index < start or vote_names([column.header]).strong_share == 0
        return column.index <= start and (_is_label(column) or column.kind == "mixed")

    # -- one value per row -------------------------------------------------------------------

    def long(self) -> Roles | None:
        """Recognises a table with one value per row; None if it is not one."""
        samples = [c for c in self.columns if c.word in vocabulary.words("headers", "sample")]
        values = [c for c in self.quantities if c.word in vocabulary.words("headers", "value")]
        others = [c for c in self.quantities if c not in values]
        if not samples or len(self.quantities) > 8:
            return None
        if not values and len(self.quantities) == 1:
            values, others = self.quantities, []
        feature = self._long_feature(samples)
        if feature is None or not values:
            return None
        sample = max(samples, key=lambda c: (c.unique_share < 1, -c.index))
        if sample.unique_share == 1 and feature.unique_share == 1 and self.n_rows > 1:
            return None
        if len(values) > 1 or others:
            candidates = [c.header for c in (*values, *others)]
            raise self._several(candidates)
        value = values[0]
        taken = {sample.index, feature.index, value.index}
        for column in self.columns:
            if column.kind == "empty" and column.index not in taken:
                self.ignored[column.index] = "empty column"
            elif _is_row_index(column) and column.index not in taken:
                self.ignored[column.index] = "row index"
        annotations = [
            c.index for c in self.columns if c.index not in taken and c.index not in self.ignored
        ]
        return Roles(
            orientation="long",
            format="delimited table, one value per row",
            feature_columns=(feature.index,),
            annotation_columns=tuple(annotations),
            ignored_columns=self.ignored,
            sample_column=sample.index,
            value_column=value.index,
            quantity=value.header,
            evidence={
                "reasons": {
                    "sample_column": sample.header,
                    "feature_column": feature.header,
                    "value_column": value.header,
                }
            },
        )

    def _long_feature(self, samples: Sequence[Column]) -> Column | None:
        known = vocabulary.words("headers", "feature")
        weak = vocabulary.words("headers", "feature_weak")
        best: tuple[float, Column] | None = None
        for column in self.columns:
            if column in samples or column.kind != "text":
                continue
            points = 0.8 * column.names.strong_share
            points += (0.5 if column.word in weak else 1.0) if column.word in known else 0.0
            if points >= 0.4 and (best is None or points > best[0]):
                best = (points, column)
        return best[1] if best else None

    # -- refusals ----------------------------------------------------------------------------

    def proposals(self) -> list[str]:
        """Proposes a role for every column, for the mapping stub."""
        names = self.feature_column()
        quantities = {column.index for column in self.quantities}
        roles = []
        for column in self.columns:
            if column is names:
                roles.append("feature")
            elif column.index in quantities:
                roles.append("assay")
            elif column.kind == "empty" or column.index in self.statistics:
                roles.append("ignore")
            else:
                roles.append("annotation")
        return roles

    def stub(self) -> str:
        """Returns the mapping stub for this table."""
        return mapping.stub([c.header for c in self.columns], self.proposals(), part=self.place)

    def refuse(self, question: str, *, seen: str) -> NoReturn:
        """Refuses with the question whose answer would decide."""
        raise Unreadable(
            "undecided_roles",
            place=self.place or "header",
            seen=seen,
            expected="a column of molecule names and columns of quantities, or the reverse",
            question=question,
            mapping_stub=self.stub(),
            rows_read=self.n_rows,
        )

    def refuse_table(self) -> NoReturn:
        """Refuses a table that holds no numbers."""
        raise Unreadable(
            "no_quantities",
            place=self.place or "columns",
            seen="no column of numbers",
            expected="quantities of molecules in samples, or statistics",
            question="Is this a table of measurements? It may be a list or sample annotation.",
            mapping_stub=self.stub(),
            rows_read=self.n_rows,
        )

    def _several(self, names: Sequence[str]) -> Unreadable:
        shown = ", ".join(repr(name) for name in names[:6])
        return Unreadable(
            "several_quantities",
            place=self.place or "header",
            seen=f"several quantities side by side: {shown}",
            expected="one quantity per table",
            question=f"Which of these quantities is to be loaded: {shown}?",
            mapping_stub=self.stub(),
            rows_read=self.n_rows,
        )


def describes_molecules(column: Column) -> bool:
    """Whether a column's header names a property of molecules, such as a mass or a position."""
    return _is_annotation(column) or column.word in vocabulary.words("headers", "feature")


def _is_annotation(column: Column) -> bool:
    if column.word in vocabulary.words("headers", "annotation"):
        return column.word != "x" or column.index == 0
    return _fits_any("annotation_patterns", column.word)


def _is_summary(column: Column) -> bool:
    return _fits_any("summary_patterns", column.word)


@lru_cache(maxsize=8192)
def _fits_any(key: str, word: str) -> bool:
    return vocabulary.pattern("headers", key).search(word) is not None


def _is_label(column: Column) -> bool:
    return column.word in vocabulary.words("headers", "label")


def _whole_numbers(column: Column) -> bool:
    return all(cell.strip().isdigit() for cell in column.cells if not is_missing(cell))


def _is_row_index(column: Column) -> bool:
    """Whether the column only counts rows: unnamed, first, whole numbers that never fall."""
    if column.index != 0 or column.word not in ("", "x", "index", "unnamed: 0", "unnamed 0", "#"):
        return False
    cells = [cell.strip() for cell in column.cells]
    if not all(cell.isdigit() for cell in cells) or len(cells) < 2:
        return False
    if any(cell.startswith("0") and len(cell) > 1 for cell in cells):
        return False  # 001 is a name
    numbers = [int(cell) for cell in cells]
    return numbers[0] in (0, 1) and all(b > a for a, b in pairwise(numbers))


def _stem(name: str) -> str:
    return _DIGITS.sub("#", name.strip().casefold())


@by_texts
def _variety(names: Sequence[str]) -> float:
    """Returns the share of different stems: sample names repeat theirs, ``S1 S2 S3``."""
    distinct = {name for name in names if name.strip()}
    if len(distinct) < 2:
        return 1.0
    return len({_stem(name) for name in distinct}) / len(distinct)


def _rounded(why: dict[str, float]) -> dict[str, float]:
    return {name: round(points, 2) for name, points in why.items() if points >= 0.005}
