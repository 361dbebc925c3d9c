"""Tables with one value per row: pivoted into features x samples while they are read.

Only what the pivot needs is held, about 35 bytes for each value of the matrix, whatever stands
beside it in the file; records that repeat a value are dropped as they come. Several quantities of
one table are pivoted in one pass.

The unit of the books is the record of the file: a landed record is one whose value stands in the
matrix. ``row_number`` of a landed row is that of the feature's first record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from loaders.model import Assay, Counts, DatasetHeader, DatasetReading, Roles, Unreadable
from loaders.reading import describe, rows, status, values
from loaders.reading.describe import Context
from loaders.reading.grid import Grid, RaggedLog
from loaders.reading.transposed import list_literals
from loaders.reading.values import NumberStyle

if TYPE_CHECKING:
    import pyarrow as pa

#: A pivot of more cells than this is refused: the table would be all but empty.
MAX_CELLS = 200_000_000
_BATCH_VALUES = 500_000
#: Records held back before repeated ones among them are settled.
_SETTLE_AT = 500_000
#: Records that are taken at once.
_TAKE_AT = 20_000
#: Values kept for the verdicts on scale and zeros.
_SAMPLED = 200_000
#: What joins the columns that name a sample together, such as run and channel.
_SAMPLE_JOINT = "|"


def long_readings(grid: Grid, found: Sequence[tuple[Roles, Context]]) -> list[DatasetReading]:
    """Reads a long table once and returns one reading for each quantity.

    A quantity that is zero in every record was not computed; it is left out where another one was,
    and the others' evidence says so.

    Raises:
        Unreadable: If the omics type or the decimal mark is undecided.
    """
    pivots = [_Pivot(grid, roles, context) for roles, context in found]
    narrow = grid.only(sorted({index for pivot in pivots for index in pivot.columns}))
    log = RaggedLog()
    for table in _gathered(narrow.rows(log)):
        for pivot in pivots:
            pivot.take(table)
    for pivot in pivots:
        pivot.settle_log(log)
    computed = [pivot for pivot in pivots if pivot.is_computed]
    kept = computed or pivots[:1]
    left_out = {str(p.roles.quantity): "zero in every record" for p in pivots if p not in kept}
    readings: list[DatasetReading] = []
    for at, pivot in enumerate(kept):
        roles, context = pivot.roles, found[at][1]
        if len(found) > 1:
            others = {str(p.roles.quantity): p.n_records for p in kept if p is not pivot}
            said: dict[str, object] = {"primary": at == 0} if others else {}
            said |= {"other_quantities": others} if others else {}
            said |= {"quantities_not_read": left_out} if left_out else {}
            roles = replace(roles, evidence={**roles.evidence, **said})
        place = context if at == 0 else replace(context, part=_part(found[0][1], roles))
        readings.append(LongReading(grid, roles, place, pivot))
    return readings


def _gathered(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Joins small batches: blocks of a text with wide rows hold few of them each."""
    import pyarrow as pa

    held: list[pa.Table] = []
    count = 0
    for table in tables:
        held.append(table)
        count += table.num_rows
        if count >= _TAKE_AT:
            yield pa.concat_tables(held).combine_chunks()
            held, count = [], 0
    if held:
        yield pa.concat_tables(held).combine_chunks()


def _part(context: Context, roles: Roles) -> str:
    name = f"quantity={roles.quantity}"
    return f"{context.part}/{name}" if context.part else name


class _Pivot:
    """Gathers the records of one quantity."""

    def __init__(self, grid: Grid, roles: Roles, context: Context) -> None:
        import numpy as np

        self.grid = grid
        self.roles = roles
        self.context = context
        self.account = rows.Account(context.reject_limit)
        self.account.skip("label_row", grid.labels_below)
        self.features = _Codes()
        self.samples = _Codes()
        self.style: NumberStyle | None = None
        self.above: dict[str, int] = {}
        self._value = roles.value_column if roles.value_column is not None else 0
        first = roles.sample_column if roles.sample_column is not None else 0
        self._sample_columns = [first, *roles.sample_more]
        self._notes = [
            _Note(grid.header[index] or f"column {index + 1}", index)
            for index in roles.annotation_columns
        ]
        self._flagged: dict[str, set[int]] = {flag: set() for flag in roles.flag_columns}
        self._status = _Told(status.KEY)
        marks = cast("Sequence[Mapping[str, Any]]", roles.evidence.get("marks", ()))
        self._marks = [
            (_Told(grid.header[rule["column"]]), rule["column"], str(rule["unless"]))
            for rule in marks
        ]
        self._held: list[tuple[Any, ...]] = []
        self._n_held = 0
        self._chunks: list[tuple[Any, Any, Any, Any]] = []
        self._offsets = [0]
        self._slots: Any = np.array([], dtype=np.int64)
        self._where: Any = np.array([], dtype=np.int32)
        self._first: Any = np.array([], dtype=np.int64)
        self._zeros = self._missing = 0
        self._sampled: list[Any] = []
        self._n_sampled = 0
        self.n_records = 0
        self._nonzero = False

    @property
    def columns(self) -> set[int]:
        """Columns that are looked at; the others need not be cut out of the text."""
        skips = cast("Sequence[Mapping[str, Any]]", self.roles.evidence.get("skip_rows", ()))
        limits = cast("Sequence[Mapping[str, Any]]", self.roles.evidence.get("limits", ()))
        marks = cast("Sequence[Mapping[str, Any]]", self.roles.evidence.get("marks", ()))
        return {
            self._value,
            *self._sample_columns,
            *self.roles.feature_columns,
            *self.roles.annotation_columns,
            *(int(rule["column"]) for rule in (*skips, *limits, *marks)),
            *(index for pairs in self.roles.flag_columns.values() for index, _ in pairs),
        }

    @property
    def is_computed(self) -> bool:
        """Whether any record holds something other than zero."""
        return self._nonzero or self.n_records == 0

    def take(self, table: pa.Table) -> None:
        """Takes over the records of one batch."""
        import pyarrow as pa
        import pyarrow.compute as pc

        account, roles = self.account, self.roles
        table = rows.skip_by_rules(table, roles, account)
        table = self._within_limits(table)
        names = rows.feature_names(table, roles.feature_columns, rows.joint_of(roles))
        table, names = rows.clean(table, names, account, quantity_columns=[self._value])
        if not table.num_rows:
            return
        cells = rows.flat_column(table, self._value)
        if self.style is None:
            self.style, parsed = values.understand(
                cells,
                roles.missing_tokens,
                delimiter=self.grid.evidence.get("delimiter"),
                place=self.context.part,
            )
        else:
            parsed = values.parse(cells, self.style, roles.missing_tokens)
        samples = rows.feature_names(table, self._sample_columns, _SAMPLE_JOINT)
        keep = self._usable(table, cells, samples, values.all_bad(parsed))
        if self._n_sampled < _SAMPLED:
            self._sampled.append(cells)
            self._n_sampled += len(cells)
        if keep is not None:
            table, names, samples = table.filter(keep), names.filter(keep), samples.filter(keep)
            cells = cells.filter(keep)
            text, numbers = parsed.text.filter(keep), parsed.numbers.filter(keep)
        else:
            text, numbers = parsed.text, parsed.numbers
        if not table.num_rows:
            return
        if not self._nonzero:
            largest = pc.max(pc.abs(numbers)).as_py()
            self._nonzero = largest is not None and largest != 0
        feature_codes, sample_codes = self.features.of(names), self.samples.of(samples)
        for note in self._notes:
            note.take(rows.flat_column(table, note.index), feature_codes, sample_codes)
        self._mark(table, feature_codes)
        self._tell(table, cells, text, feature_codes, sample_codes)
        self.n_records += table.num_rows
        self._held.append(
            (
                feature_codes,
                sample_codes,
                text if isinstance(text, pa.Array) else text.combine_chunks(),
                numbers if isinstance(numbers, pa.Array) else numbers.combine_chunks(),
                table.column(table.num_columns - 1).to_numpy(),
            )
        )
        self._n_held += table.num_rows
        if self._n_held >= _SETTLE_AT:
            self.settle()

    def _within_limits(self, table: pa.Table) -> pa.Table:
        """Leaves out records above a declared limit, or counts them where they are kept."""
        import pyarrow as pa
        import pyarrow.compute as pc

        limits = cast("Sequence[Mapping[str, Any]]", self.roles.evidence.get("limits", ()))
        for rule in limits:
            cells = rows.flat_column(table, int(rule["column"]))
            numbers = values.parse(cells, self.style or NumberStyle()).numbers
            over = pc.fill_null(pc.greater(numbers, pa.scalar(float(rule["at_most"]))), False)
            count = int(pc.sum(over).as_py() or 0)
            if not count:
                continue
            if rule["skip"]:
                self.account.skip(str(rule["rule"]), count)
                table = table.filter(pc.invert(over))
            else:
                name = str(rule["rule"])
                self.above[name] = self.above.get(name, 0) + count
        return table

    def _usable(self, table: pa.Table, cells: Any, samples: Any, bad: Any) -> Any | None:
        """Rejects records whose value is no quantity or that name no sample; None: all are fine."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        nameless = pc.equal(samples, "")
        if bad is None and not pc.any(nameless).as_py():
            return None
        account = self.account
        spoiled = np.zeros(table.num_rows, dtype=bool)
        header = self.grid.header[self._value]
        row_numbers = table.column(table.num_columns - 1)
        if bad is not None:
            spoiled |= bad.to_numpy(zero_copy_only=False)
            for at in np.flatnonzero(spoiled).tolist():
                raw = str(cells[at].as_py())
                message = rows.not_a_number(raw, header, 0)
                account.reject(int(row_numbers[at].as_py()), header, raw, "not_a_number", message)
        unnamed = nameless.to_numpy(zero_copy_only=False) & ~spoiled
        for at in np.flatnonzero(unnamed).tolist():
            account.reject(
                int(row_numbers[at].as_py()),
                None,
                str(cells[at].as_py()),
                "missing_sample_name",
                "The row has a value and no name of a sample. Name it, or remove the row.",
            )
        account.check(place=self.context.part, final=False)
        return pa.array(~(spoiled | unnamed))

    def _mark(self, table: pa.Table, feature_codes: Any) -> None:
        """Notes which features have a flagged record."""
        from loaders.formats.layouts import flag_values

        for flag, pairs in self.roles.flag_columns.items():
            said = flag_values([(rows.flat_column(table, i), token) for i, token in pairs])
            hit = said.fill_null(False).to_numpy(zero_copy_only=False)
            if hit.any():
                self._flagged[flag].update(feature_codes[hit].tolist())

    def _tell(self, table: pa.Table, cells: Any, text: Any, features: Any, samples: Any) -> None:
        """Notes what is said of single values: why they are missing, and warnings beside them."""
        import numpy as np
        import pyarrow.compute as pc

        if said := status.statuses(cells, text):
            at = np.array([place for place, _ in said])
            self._status.add(features[at], samples[at], [word for _, word in said])
        for told, column, unless in self._marks:
            words = pc.utf8_trim_whitespace(rows.flat_column(table, column))
            plain = pc.or_(pc.equal(words, ""), pc.match_substring_regex(words, unless))
            at = pc.indices_nonzero(pc.invert(plain)).to_numpy()
            if len(at):
                told.add(features[at], samples[at], words.take(at).to_pylist())

    def settle_log(self, log: RaggedLog) -> None:
        """Books the records that were set aside while the rows were cut."""
        once = RaggedLog()
        once.add(log)
        self.account.settle_log(once, len(self.grid.header))

    def settle(self) -> None:
        """Keeps one record per feature and sample; equal repeats are skipped, others rejected."""
        import numpy as np
        import pyarrow as pa

        if not self._held:
            return
        held, self._held, self._n_held = self._held, [], 0
        codes, runs, rows_of = (np.concatenate([part[at] for part in held]) for at in (0, 1, 4))
        text, numbers = (pa.concat_arrays([part[at] for part in held]) for at in (2, 3))
        del held
        slots = codes.astype(np.int64) << 32 | runs
        order = np.argsort(slots, kind="stable")
        leads = np.ones(len(order), dtype=bool)
        leads[1:] = slots[order[1:]] != slots[order[:-1]]
        doubles = numbers.to_numpy(zero_copy_only=False)
        if not leads.all():
            lead_of = order[np.maximum.accumulate(np.where(leads, np.arange(len(order)), 0))]
            mine, theirs = order[~leads], lead_of[~leads]
            self._repeat(
                mine, text, rows_of, doubles[mine], doubles[theirs],
                lambda at: (int(rows_of[theirs[at]]), text[theirs[at]].as_py()),
            )  # fmt: skip
        chosen = order[leads]
        place = np.searchsorted(self._slots, slots[chosen])
        known = np.zeros(len(chosen), dtype=bool)
        inside = place < len(self._slots)
        known[inside] = self._slots[place[inside]] == slots[chosen[inside]]
        if known.any():
            mine, theirs = chosen[known], self._where[place[known]]
            earlier, at_rows = self._earlier(theirs)
            before = values.parse(earlier, NumberStyle()).numbers.to_numpy(zero_copy_only=False)
            self._repeat(
                mine, text, rows_of, doubles[mine], before,
                lambda at: (int(at_rows[at]), earlier[at].as_py()),
            )  # fmt: skip
        chosen = np.sort(chosen[~known])
        codes, runs, rows_of = codes[chosen], runs[chosen], rows_of[chosen].astype(np.int32)
        self._zeros += int((doubles[chosen] == 0).sum())
        self._missing += int(np.isnan(doubles[chosen]).sum())
        start = self._offsets[-1]
        self._chunks.append((codes, runs, text.take(pa.array(chosen)), rows_of))
        self._offsets.append(start + len(chosen))
        self._first = _lowest(self._first, codes, rows_of)
        merged = np.concatenate([self._slots, slots[chosen]])
        places = np.arange(start, start + len(chosen), dtype=np.int32)
        where = np.concatenate([self._where, places])
        order = np.argsort(merged, kind="stable")
        self._slots, self._where = merged[order], where[order]

    def _earlier(self, places: Any) -> tuple[Any, Any]:
        """Returns text and row numbers of records that were settled before."""
        import numpy as np
        import pyarrow as pa

        chunk_of = np.searchsorted(np.array(self._offsets[1:]), places, side="right")
        texts, rows_of, order = [], [], []
        for number in np.unique(chunk_of).tolist():
            at = np.flatnonzero(chunk_of == number)
            inner = places[at] - self._offsets[number]
            texts.append(self._chunks[number][2].take(pa.array(inner)))
            rows_of.append(self._chunks[number][3][inner])
            order.append(at)
        back = np.argsort(np.concatenate(order))
        return pa.concat_arrays(texts).take(pa.array(back)), np.concatenate(rows_of)[back]

    def _repeat(
        self,
        mine: Any,
        text: Any,
        rows_of: Any,
        one: Any,
        other: Any,
        lead: Callable[[int], tuple[int, str | None]],
    ) -> None:
        """Books repeated records: equal ones are skipped, others are conflicts."""
        import numpy as np

        same = (one == other) | (np.isnan(one) & np.isnan(other))
        self.account.skip("repeated_value", int(same.sum()))
        header = self.grid.header[self._value]
        for at in np.flatnonzero(~same).tolist():
            row, said = lead(at)
            self.account.reject(
                int(rows_of[mine[at]]),
                header,
                str(text[mine[at]].as_py()),
                "conflicting_values",
                f"Row {row} gives {said!r} for the same feature and sample. Keep one, or name the "
                "column that tells them apart in a mapping.",
            )
        self.account.check(place=self.context.part, final=False)

    def result(self) -> _Result:
        """Returns the gathered records, in order of features and samples.

        Raises:
            Unreadable: If the matrix would be all but empty.
        """
        import numpy as np
        import pyarrow as pa

        self.settle()
        if not self._chunks:
            self.account.check(place=self.context.part, final=True)
        width = len(self.samples.names)
        cells = len(self.features.names) * width
        if cells > MAX_CELLS:
            raise Unreadable(
                "too_sparse",
                place=self.context.part or "table",
                seen=f"{len(self.features.names):,} features x {width:,} samples from "
                f"{self.n_records:,} rows",
                expected=f"at most {MAX_CELLS:,} cells",
                question="Do the feature and sample columns hold what their headers say?",
                rows_read=self.n_records,
            )
        # The slots are sorted by feature and sample, so they say the order and all else with it.
        slots, where, chunks = self._slots, self._where, self._chunks
        self._chunks = []
        none = pa.array([], pa.string())
        text = pa.concat_arrays([chunk[2] for chunk in chunks]) if chunks else none
        del chunks
        return _Result(
            codes=(slots >> 32).astype(np.int32),
            runs=(slots & 0xFFFFFFFF).astype(np.int32),
            text=text,
            where=where,
            n_zeros=self._zeros,
            n_missing=self._missing,
            first_rows=self._first[: len(self.features.names)],
            notes=self._beside(len(self.features.names), 0),
            attributes=self._beside(width, 1),
            flagged=self._flagged,
            # A column that never differs within a sample or a feature is told there.
            told=[
                self._status,
                *(told for told, column, _ in self._marks if not self._is_note(column)),
            ],
        )

    def _is_note(self, column: int) -> bool:
        return any(note.index == column and note.owner() is not None for note in self._notes)

    def sampled(self) -> Any:
        """Returns cells for the verdicts on scale and zeros."""
        import pyarrow as pa

        cells, self._sampled = self._sampled, []
        return pa.concat_arrays(cells) if cells else pa.array([], pa.string())

    def _beside(self, count: int, owner: int) -> list[dict[str, str]]:
        """Gives other columns to samples or features, where they never differ within one."""
        found: list[dict[str, str]] = [{} for _ in range(count)]
        for note in self._notes:
            if note.owner() != owner:
                continue
            for at, said in note.held(owner):
                if said.strip():
                    found[at][note.key] = said.strip()
        return found


@dataclass(frozen=True)
class _Result:
    """A pivot: records sorted by feature and sample, and what belongs to each of both.

    ``text`` is in order of the file; ``where`` says where in it each sorted record stands.
    """

    codes: Any
    runs: Any
    text: Any
    where: Any
    n_zeros: int
    n_missing: int
    first_rows: Any
    notes: list[dict[str, str]]
    attributes: list[dict[str, str]]
    flagged: Mapping[str, set[int]]
    told: Sequence[_Told]


def _lowest(held: Any, codes: Any, rows_of: Any) -> Any:
    """Returns the lowest row number of each feature, with those of some more records."""
    import numpy as np

    if not len(codes):
        return held
    size = int(codes.max()) + 1
    if len(held) < size:
        more = np.full(size - len(held), np.iinfo(np.int64).max)
        held = np.concatenate([held, more])
    np.minimum.at(held, codes, rows_of)
    return held


class _Codes:
    """Numbers names in order of appearance, over many batches."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._known: dict[str, int] = {}

    def of(self, names: Any) -> Any:
        """Returns the number of each name."""
        import numpy as np

        encoded = names.dictionary_encode()
        known = self._known
        numbers = []
        for name in encoded.dictionary.to_pylist():
            number = known.get(name)
            if number is None:
                number = known[name] = len(self.names)
                self.names.append(name)
            numbers.append(number)
        return np.array(numbers, dtype=np.int32)[encoded.indices.to_numpy(zero_copy_only=False)]


class _Told:
    """What is said of single values: 12 bytes for each that something is said of."""

    def __init__(self, key: str) -> None:
        import numpy as np

        self.key = key
        self._words = _Codes()
        self._held: list[tuple[Any, Any]] = []
        self._n_held = 0
        self._slots: Any = np.array([], dtype=np.int64)
        self._said: Any = np.array([], dtype=np.int32)

    def add(self, features: Any, samples: Any, words: Sequence[str]) -> None:
        """Takes over what a batch says; what was said first of a value stands."""
        import numpy as np
        import pyarrow as pa

        slots = features.astype(np.int64) << 32 | samples
        self._held.append((slots, self._words.of(pa.array(words, pa.string()))))
        self._n_held += len(slots)
        if self._n_held >= _SETTLE_AT:
            self._settle()

    def _settle(self) -> None:
        import numpy as np

        slots = np.concatenate([self._slots, *(slots for slots, _ in self._held)])
        said = np.concatenate([self._said, *(said for _, said in self._held)])
        self._held, self._n_held = [], 0
        self._slots, first = np.unique(slots, return_index=True)
        self._said = said[first]

    def rows(self, start: int, count: int, assays: Sequence[str]) -> dict[int, dict[str, str]]:
        """Returns, for some features from ``start`` on, assay and what is said of the value."""
        import numpy as np

        if self._held:
            self._settle()
        low, high = np.searchsorted(self._slots, [start << 32, (start + count) << 32])
        found: dict[int, dict[str, str]] = {}
        for slot, word in zip(
            self._slots[low:high].tolist(), self._said[low:high].tolist(), strict=True
        ):
            row = found.setdefault((slot >> 32) - start, {})
            row[assays[slot & 0xFFFFFFFF]] = self._words.names[word]
        return found


class _Note:
    """A column beside the value: does it describe the feature, or the sample, or neither?"""

    def __init__(self, key: str, index: int) -> None:
        self.key = key
        self.index = index
        self._codes = _Codes()
        self._held: list[Any | None] = [None, None]
        self._constant = [True, True]

    def take(self, cells: Any, features: Any, samples: Any) -> None:
        """Takes over one batch."""
        import numpy as np

        if not any(self._constant):
            return
        codes = self._codes.of(cells)
        for at, owners in enumerate((features, samples)):
            if not self._constant[at]:
                continue
            held = self._held[at]
            size = int(owners.max()) + 1
            if held is None:
                held = np.full(max(size, 1024), -1, dtype=np.int32)
            elif len(held) < size:
                held = np.concatenate([held, np.full(max(size, len(held)), -1, dtype=np.int32)])
            new = held[owners] < 0
            held[owners[new]] = codes[new]
            self._constant[at] = bool((held[owners] == codes).all())
            self._held[at] = held if self._constant[at] else None

    def owner(self) -> int | None:
        """Returns 1 for samples, 0 for features, None for neither; samples are asked first."""
        return 1 if self._constant[1] else 0 if self._constant[0] else None

    def held(self, owner: int) -> Iterator[tuple[int, str]]:
        """Yields the number of each owner and what the column says of it."""
        import numpy as np

        held = self._held[owner]
        if held is None:
            return
        for at in np.flatnonzero(held >= 0).tolist():
            yield at, self._codes.names[held[at]]


class LongReading:
    """One quantity of a long table that has been gathered, as landing rows."""

    def __init__(self, grid: Grid, roles: Roles, context: Context, pivot: _Pivot) -> None:
        """Decides the header.

        Raises:
            Unreadable: If the omics type is undecided, or nothing is left to land.
        """
        self._roles = roles
        self._context = context
        self._account = pivot.account
        self._names = pivot.features.names
        self._found = pivot.result()
        said = {"n_records": pivot.n_records}
        if pivot.above:
            said["records_above_limit"] = pivot.above  # type: ignore[assignment]
        described = describe.sample_of(grid, roles, pivot.sampled(), self._names, context.part)
        self.header: DatasetHeader = describe.matrix_header(
            grid,
            roles,
            replace(described, names=self._names),
            self._assays(pivot.samples.names),
            context,
            more=said,
        )

    def _assays(self, samples: Sequence[str]) -> list[Assay]:
        return [
            Assay(
                position=at + 1,
                name=name,
                source_column=source,
                attributes=self._found.attributes[at],
            )
            for at, (name, source) in enumerate(
                zip(_short_names(samples, self._roles), samples, strict=True)
            )
        ]

    def batches(self) -> Iterator[pa.Table]:
        """Yields the landing rows.

        Raises:
            Unreadable: If too many records were rejected.
        """
        import numpy as np
        import pyarrow as pa

        found, account = self._found, self._account
        assays = [assay.name for assay in self.header.assays]
        width = len(assays)
        if not account.landed:
            account.land(len(found.codes))
            account.zeros = found.n_zeros
            account.values = len(found.codes) - found.n_missing
            account.values -= found.n_zeros if self.header.zero_is_missing else 0
        account.check(place=self._context.part, final=True)
        step = max(1, _BATCH_VALUES // max(1, width))
        for start in range(0, len(self._names), step):
            names = pa.array(self._names[start : start + step], pa.string())
            low, high = np.searchsorted(found.codes, [start, start + len(names)])
            place = np.full(len(names) * width, -1, dtype=np.int64)
            slots = (found.codes[low:high].astype(np.int64) - start) * width + found.runs[low:high]
            place[slots] = found.where[low:high]
            flat = found.text.take(pa.array(place, mask=place < 0))
            notes = rows.json_objects(found.notes[start : start + step])
            for told in found.told:
                said = told.rows(start, len(names), assays)
                notes = status.beside(notes, said, told.key)
            yield rows.feature_rows(
                pa.array(found.first_rows[start : start + step], pa.int64()),
                names,
                notes,
                list_literals(flat, width),
                self._flags(names, start),
            )

    def _flags(self, names: Any, start: int) -> dict[str, Any]:
        """Returns the flags of features; one flagged record flags its feature."""
        import pyarrow as pa
        import pyarrow.compute as pc

        marked = rows.flags(None, names, self.header.omics_type, {})
        for flag, codes in self._found.flagged.items():
            said = pa.array([start + at in codes for at in range(len(names))])
            marked[flag] = pc.or_(said, marked[flag])
        return marked

    def rejects(self) -> pa.Table:
        """Returns the rejected records."""
        return self._account.rejects()

    def counts(self) -> Counts:
        """Returns the reconciliation, valid once `batches` is exhausted."""
        return self._account.counts()


def _short_names(samples: Sequence[str], roles: Roles) -> list[str]:
    """Names samples without folders and endings, and without parts that are the same in all."""
    names = [name.split(_SAMPLE_JOINT) for name in samples]
    if roles.sample_more and len(names) and len({len(name) for name in names}) == 1:
        later = {tuple(name[1:]) for name in names}
        if len(later) == 1:
            names = [name[:1] for name in names]
    ending = roles.evidence.get("sample_strip")
    if ending is not None:
        short = [[_base(name[0], str(ending)), *name[1:]] for name in names]
        if len({tuple(name) for name in short}) == len({tuple(name) for name in names}):
            names = short
    return rows.unique_names([_SAMPLE_JOINT.join(name) for name in names])


def _base(path: str, ending: str) -> str:
    name = re.split(r"[/\\]", path.rstrip("/\\"))[-1]
    return re.sub(f"(?:{ending})$", "", name, flags=re.IGNORECASE) if ending else name
