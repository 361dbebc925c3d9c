"""Turns the rows of a result table into landing rows, a batch at a time.

The caller hands over Arrow tables of text columns ``c0`` .. ``cN`` and an int64 ``row_number``; it
gets tables with the columns of ``result_rows`` (without ``file_id``), the rejects, and the counts.
A row of the file becomes one row per contrast, or one row of the contrast that the row names.

Numbers stay text, digits as in the file, with a decimal point. Infinite values are ``Infinity`` and
``-Infinity``. A p-value such as ``<1e-16`` keeps its number and gets the flag ``below_limit``.
Missing values are null and never cost the row. A cell that is neither costs the row of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from loaders.model import STATISTICS, Contrast, Counts, Roles

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
_INFINITE = {
    "inf": "Infinity",
    "+inf": "Infinity",
    "infinity": "Infinity",
    "+infinity": "Infinity",
    "∞": "Infinity",
    "-inf": "-Infinity",
    "-infinity": "-Infinity",
    "-∞": "-Infinity",
}
_ALWAYS_MISSING = ("", "na", "nan", "#n/a", "n/a", "null", "none")
_CHANCES = ("p_value", "adjusted_p_value", "neg_log10_p_value")


def result_tables(
    roles: Roles,
    tables: Iterable[pa.Table],
    *,
    header: Sequence[str],
    decimal_comma: bool = False,
    missing: frozenset[str] = frozenset(),
) -> ResultTables:
    """Reads the rows of a result table.

    Args:
        roles: Roles from `loaders.formats.statistics.recognise` (or with its contrasts).
        tables: Batches of the file: text columns ``c0`` .. ``cN`` and ``row_number``.
        header: Headers of all columns, for annotations and for the place of a reject.
        decimal_comma: Whether the decimal mark of the file is a comma.
        missing: Spellings that mean missing, beside the usual ones.

    Returns:
        An object to iterate over; counts, rejects and contrasts are valid after the last batch.
    """
    return ResultTables(roles, tables, header=header, decimal_comma=decimal_comma, missing=missing)


class ResultTables:
    """The landing rows of a result table while they are read.

    Attributes:
        contrasts: The contrasts; where a column names them, complete only after the last batch.
    """

    def __init__(
        self,
        roles: Roles,
        tables: Iterable[pa.Table],
        *,
        header: Sequence[str],
        decimal_comma: bool,
        missing: frozenset[str],
    ) -> None:
        """Keeps what is needed; nothing is read before the first batch is asked for."""
        self._roles = roles
        self._tables = tables
        self._header = list(header)
        self._decimal_comma = decimal_comma
        spellings = {*_ALWAYS_MISSING, *(text.strip().lower() for text in missing)}
        self._missing = sorted(spellings | {token.lower() for token in roles.missing_tokens})
        by = roles.evidence.get("contrast_column")
        self._by = by if isinstance(by, int) else None
        self._labels: dict[str, Contrast] = {}
        self._rejects: list[pa.Table] = []
        self._read = self._landed = self._rejected = self._values = self._zeros = 0

    def __iter__(self) -> Iterator[pa.Table]:
        """Yields the landing rows."""
        return self.batches()

    @property
    def contrasts(self) -> tuple[Contrast, ...]:
        """The contrasts in order of position."""
        if self._by is not None:
            return tuple(self._labels.values())
        return tuple(found.contrast for found in self._roles.contrasts)

    def batches(self) -> Iterator[pa.Table]:
        """Yields landing rows in the order of the file."""
        for table in self._tables:
            landed = self._batch(table)
            if landed.num_rows:
                yield landed

    def rejects(self) -> pa.Table:
        """Returns the rejected cells: row_number, column_name, raw_text, reason_code, message."""
        import pyarrow as pa

        return pa.concat_tables([_no_rejects(), *self._rejects])

    def counts(self) -> Counts:
        """Returns the reconciliation; values are statistics that are not missing."""
        return Counts(
            rows_read=self._read,
            rows_landed=self._landed,
            rows_rejected=self._rejected,
            rows_skipped_by_rule={},
            n_values=self._values,
            zero_count=self._zeros,
        )

    def _batch(self, table: pa.Table) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        self._read += table.num_rows
        number = table["row_number"].combine_chunks()
        names, nameless = self._names(table)
        bad = nameless
        self._reject(table, self._roles.feature_columns[0], nameless, "missing_feature_name")
        parsed: list[dict[str, tuple[Any, Any]]] = []
        for found in self._roles.contrasts:
            columns: dict[str, tuple[Any, Any]] = {}
            for statistic, index in found.columns.items():
                text, censored, unread, outside = self._statistic(table, index, statistic)
                self._reject(table, index, unread, "not_a_number")
                self._reject(table, index, outside, "p_value_out_of_range")
                bad = pc.or_(bad, pc.or_(unread, outside))
                columns[statistic] = (text, censored)
            parsed.append(columns)
        labels = None
        if self._by is not None:
            labels, unlabelled = self._positions(table, bad)
            self._reject(table, self._by, unlabelled, "missing_contrast")
            bad = pc.or_(bad, unlabelled)
        good = pc.invert(bad)
        rejected = int(pc.sum(pc.cast(bad, pa.int64())).as_py() or 0)
        self._rejected += rejected
        self._landed += table.num_rows - rejected
        annotations = self._annotations(table)
        flags = self._row_flags(table, names)
        parts = []
        for position, columns in enumerate(parsed, start=1):
            fixed = pa.array([position] * table.num_rows, pa.int64())
            block = {
                "contrast_position": fixed if labels is None else labels,
                "row_number": number,
                "reported_name": names,
                "annotations": annotations,
                **{
                    name: columns[name][0]
                    if name in columns
                    else pa.nulls(len(number), pa.string())
                    for name in STATISTICS
                },
                "result_flag": self._result_flag(table, columns),
                **flags,
            }
            part = pa.table(block).filter(good)
            parts.append(part)
            for name in columns:
                self._values += len(part) - part[name].null_count
                zero = pc.match_substring_regex(part[name], r"^[+-]?0*\.?0*([eE].*)?$")
                self._zeros += int(pc.sum(pc.cast(zero, pa.int64())).as_py() or 0)
        return pa.concat_tables(parts) if parts else pa.table({})

    def _text(self, table: pa.Table, index: int) -> Any:
        """The cells of a column, trimmed; null where the spelling means missing."""
        import pyarrow as pa
        import pyarrow.compute as pc

        name = f"c{index}"
        if name not in table.column_names:
            return pa.nulls(table.num_rows, pa.string())
        cells = pc.utf8_trim_whitespace(pc.cast(table[name].combine_chunks(), pa.string()))
        absent = pc.is_in(pc.utf8_lower(cells), value_set=pa.array(self._missing, pa.string()))
        return pc.if_else(absent, pa.scalar(None, pa.string()), cells)

    def _names(self, table: pa.Table) -> tuple[Any, Any]:
        import pyarrow.compute as pc

        cells = [self._text(table, index) for index in self._roles.feature_columns]
        names = _join_present(cells, "|")
        nameless = cells[0].is_null()
        for other in cells[1:]:
            nameless = pc.and_(nameless, other.is_null())
        return names, nameless

    def _statistic(self, table: pa.Table, index: int, statistic: str) -> tuple[Any, Any, Any, Any]:
        """Returns number text, which cells are censored, which unreadable, which out of range."""
        import pyarrow as pa
        import pyarrow.compute as pc

        cells = self._text(table, index)
        limit = pc.if_else(cells.is_null(), False, pc.match_substring_regex(cells, r"^[<>≤≥]"))
        if statistic in _CHANCES:
            cells = pc.replace_substring_regex(cells, r"^[<>≤≥]=?\s*", "")
        if self._decimal_comma:
            cells = pc.replace_substring(cells, ",", ".", max_replacements=1)
        else:
            grouped = pc.match_substring_regex(cells, _THOUSANDS)
            cells = pc.if_else(grouped, pc.replace_substring(cells, ",", ""), cells)
        spelled = pc.index_in(pc.utf8_lower(cells), value_set=pa.array(list(_INFINITE)))
        infinite = pc.take(pa.array(list(_INFINITE.values())), spelled)
        is_number = pc.match_substring_regex(cells, _NUMBER)
        unread = pc.and_(pc.fill_null(pc.invert(is_number), False), pc.is_null(infinite))
        text = pc.if_else(infinite.is_valid(), infinite, cells)
        text = pc.if_else(unread, pa.scalar(None, pa.string()), text)
        outside = pa.array([False] * table.num_rows)
        if statistic in _CHANCES:
            parseable = pc.replace_substring(text, "Infinity", "inf")
            value = pc.cast(pc.utf8_ltrim(parseable, "+"), pa.float64())
            outside = pc.less(value, 0.0)
            if statistic != "neg_log10_p_value":
                outside = pc.or_(outside, pc.greater(value, 1.0))
            outside = pc.fill_null(outside, False)
        return text, limit, unread, outside

    def _result_flag(self, table: pa.Table, columns: dict[str, tuple[Any, Any]]) -> Any:
        """Joins what the file says of a result with what a censored p-value says."""
        import pyarrow as pa
        import pyarrow.compute as pc

        said = pa.nulls(table.num_rows, pa.string())
        if self._roles.flag_result_column is not None:
            said = self._text(table, self._roles.flag_result_column)
        censored = pa.array([False] * table.num_rows)
        for name in _CHANCES:
            if name in columns:
                censored = pc.or_(censored, columns[name][1])
        mark = pc.if_else(censored, "below_limit", pa.scalar(None, pa.string()))
        joined = _join_present([said, mark], ";")
        return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), joined)

    def _positions(self, table: pa.Table, bad: Any) -> tuple[Any, Any]:
        """Positions of the contrasts that the rows name; new labels get the next position."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from loaders.formats.statistics import contrast_named

        if self._by is None:
            raise AssertionError("no column names the contrast")
        labels = self._text(table, self._by)
        template = self._roles.contrasts[0].contrast
        sides = [
            self._roles.evidence.get(f"{side}_column") for side in ("numerator", "denominator")
        ]
        kept = labels.filter(pc.invert(bad))
        for label in pc.unique(kept).drop_null().to_pylist():
            if label in self._labels:
                continue
            contrast = contrast_named(label, template, len(self._labels) + 1)
            if all(isinstance(side, int) for side in sides):
                row = pc.index(labels, label).as_py()
                said = [self._text(table, int(str(side)))[row].as_py() for side in sides]
                contrast = _with_sides(contrast, *said)
            self._labels[label] = contrast
        order = pa.array(list(self._labels), pa.string())
        found = pc.index_in(labels, value_set=order)
        return pc.add(pc.cast(found, pa.int64()), 1), labels.is_null()

    def _annotations(self, table: pa.Table) -> Any:
        """One JSON object per row, of the annotation columns that are filled."""
        import pyarrow as pa
        import pyarrow.compute as pc

        pairs = []
        seen: dict[str, int] = {}
        for index in self._roles.annotation_columns:
            name = self._header[index] if index < len(self._header) else ""
            name = name.strip() or f"column {index + 1}"
            seen[name] = seen.get(name, 0) + 1
            if seen[name] > 1:
                name = f"{name} ({seen[name]})"
            if f"c{index}" not in table.column_names:
                continue
            cells = pc.cast(table[f"c{index}"].combine_chunks(), pa.string())
            cells = pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells)
            pairs.append(_json_pairs(name, cells))
        if not pairs:
            return pa.nulls(table.num_rows, pa.string())
        body = _join_present(pairs, ",")
        objects = pc.binary_join_element_wise("{", body, "}", "")
        return pc.if_else(pc.equal(body, ""), pa.scalar(None, pa.string()), objects)

    def _row_flags(self, table: pa.Table, names: Any) -> dict[str, Any]:
        import pyarrow as pa

        from loaders.formats.layouts import flag_values

        flags = {}
        for flag in ("is_contaminant", "is_decoy", "is_internal_standard"):
            pairs = self._roles.flag_columns.get(flag)
            flags[flag] = (
                flag_values([(table[f"c{index}"], token) for index, token in pairs])
                if pairs
                else pa.array([False] * table.num_rows)
            )
        return flags

    def _reject(self, table: pa.Table, index: int, mask: Any, reason: str) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        count = int(pc.sum(pc.cast(mask, pa.int64())).as_py() or 0)
        if not count:
            return
        name = self._header[index] if index < len(self._header) else ""
        raw = table.filter(mask)
        cells = (
            raw[f"c{index}"] if f"c{index}" in raw.column_names else pa.nulls(count, pa.string())
        )
        self._rejects.append(
            pa.table(
                {
                    "row_number": raw["row_number"],
                    "column_name": pa.array([name or f"column {index + 1}"] * count, pa.string()),
                    "raw_text": pc.cast(cells, pa.string()),
                    "reason_code": pa.array([reason] * count, pa.string()),
                    "message": pa.array([_MESSAGES[reason]] * count, pa.string()),
                }
            )
        )


_MESSAGES = {
    "not_a_number": "neither a number nor a known spelling of missing; correct the cell or declare "
    "the spelling as missing",
    "p_value_out_of_range": "a p-value lies between 0 and 1; check that the column holds p-values",
    "missing_feature_name": "no feature is named in this row; fill the name in or remove the row",
    "missing_contrast": "the row does not say which contrast it belongs to; fill the label in",
}


def _no_rejects() -> pa.Table:
    import pyarrow as pa

    fields = ["column_name", "raw_text", "reason_code", "message"]
    schema = pa.schema([("row_number", pa.int64()), *((name, pa.string()) for name in fields)])
    return schema.empty_table()


def _with_sides(contrast: Contrast, numerator: str | None, denominator: str | None) -> Contrast:
    from dataclasses import replace

    return replace(contrast, numerator=numerator, denominator=denominator)


def _join_present(parts: Sequence[Any], separator: str) -> Any:
    """Joins the cells of a row that are not null; empty text where none is.

    The leading empty part is needed: pyarrow drops a row of nothing but nulls.
    """
    import pyarrow.compute as pc

    joined = pc.binary_join_element_wise("", *parts, separator, null_handling="skip")
    return pc.utf8_slice_codeunits(joined, len(separator))


def _json_pairs(name: str, cells: Any) -> Any:
    """``"name":"value"`` per row, null where the cell is empty."""
    import json

    import pyarrow as pa
    import pyarrow.compute as pc

    key = json.dumps(name, ensure_ascii=False)
    if pc.any(pc.match_substring_regex(cells, r"[\x00-\x1f]")).as_py():
        values = [
            None if v is None else json.dumps(v, ensure_ascii=False) for v in cells.to_pylist()
        ]
        return pc.binary_join_element_wise(key, pa.array(values, pa.string()), ":")
    quoted = pc.replace_substring(pc.replace_substring(cells, "\\", "\\\\"), '"', '\\"')
    return pc.binary_join_element_wise(key + ':"', quoted, '"', "")
