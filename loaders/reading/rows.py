"""What every kind of matrix shares: cleaning rows, names, annotations, flags, rejects, counts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from loaders import vocabulary
from loaders.model import Counts, Roles, Unreadable
from loaders.reading.grid import RaggedLog
from loaders.reading.remember import by_column

if TYPE_CHECKING:
    import pyarrow as pa

_RULE_ROW = r"^[#\-=_*~+\s]"
_CONTROL = r"[\x00-\x1f]"


@dataclass
class Account:
    """Keeps the books of one dataset: every row read is landed, rejected or skipped by a rule."""

    reject_limit: float
    read: int = 0
    landed: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    values: int = 0
    zeros: int = 0
    rejected_rows: int = 0
    rejected: list[tuple[int, str | None, str, str, str]] = field(default_factory=list)

    def skip(self, rule: str, count: int = 1) -> None:
        """Counts rows that a declared rule leaves out."""
        if count:
            self.read += count
            self.skipped[rule] = self.skipped.get(rule, 0) + count

    def reject(
        self, row_number: int, column: str | None, raw: str, reason: str, message: str
    ) -> None:
        """Keeps a row that is not understood."""
        self.read += 1
        self.rejected_rows += 1
        self.rejected.append((row_number, column, raw, reason, message))

    def land(self, count: int) -> None:
        """Counts landed rows."""
        self.read += count
        self.landed += count

    def settle_log(self, log: RaggedLog, width: int) -> None:
        """Takes over the records that were set aside while the rows were cut."""
        self.skip("single_cell", log.single_cells)
        self.skip("blank", log.blank)
        log.single_cells = log.blank = 0
        for row_number, text in log.too_wide:
            self.reject(
                row_number,
                None,
                text[:500],
                "too_many_cells",
                f"The header names {width} columns and this row has more cells. "
                "Quote cells that hold the delimiter.",
            )
        log.too_wide.clear()
        for row_number, text in log.cut:
            self.reject(
                row_number,
                None,
                text[:500],
                "cut_off_row",
                f"The header names {width} columns; the file ends within this row, and its last "
                "number may lack digits. Copy or export the file again.",
            )
        log.cut.clear()

    def check(self, *, place: str, final: bool) -> None:
        """Gives the file up when too many rows are rejected.

        Raises:
            Unreadable: If more than the allowed share of the rows read is rejected.
        """
        if not self.rejected or (not final and self.read < 20_000):
            return
        share = self.rejected_rows / max(1, self.read)
        limit = self.reject_limit if final else max(0.5, self.reject_limit)
        if share <= limit:
            return
        row, column, raw, reason, _ = self.rejected[0]
        raise Unreadable(
            "too_many_rejects",
            place=f"{place + ', ' if place else ''}row {row}"
            + (f", column {column!r}" if column else ""),
            seen=f"{self.rejected_rows:,} of {self.read:,} rows rejected; first: {reason}, {raw!r}",
            expected=f"at most {self.reject_limit:.0%} of the rows",
            question=f"What does {raw!r} mean" + (f" in column {column!r}?" if column else "?"),
            rows_read=self.read,
        )

    def counts(self) -> Counts:
        """Returns the books."""
        return Counts(
            rows_read=self.read,
            rows_landed=self.landed,
            rows_rejected=self.rejected_rows,
            rows_skipped_by_rule=dict(sorted(self.skipped.items())),
            n_values=self.values,
            zero_count=self.zeros,
        )

    def rejects(self) -> pa.Table:
        """Returns the rejected rows, in landing order of columns."""
        import pyarrow as pa

        if not self.rejected:
            return _no_rejects()
        schema = _reject_schema()
        columns = [[reject[at] for reject in self.rejected] for at in range(len(schema))]
        return pa.table(
            [pa.array(column, kind.type) for column, kind in zip(columns, schema, strict=True)],
            schema=schema,
        )


@cache
def _reject_schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            ("row_number", pa.int64()),
            ("column_name", pa.string()),
            ("raw_text", pa.string()),
            ("reason_code", pa.string()),
            ("message", pa.string()),
        ]
    )


@cache
def _no_rejects() -> pa.Table:
    return _reject_schema().empty_table()


@cache
def _summary_names() -> Any:
    import pyarrow as pa

    return pa.array([str(name) for name in vocabulary.load("values")["summary_rows"]], pa.string())


def feature_names(table: pa.Table, columns: Sequence[int], joint: str = "|") -> Any:
    """Returns the trimmed name of each row; several columns are joined, without empty ones."""
    import pyarrow.compute as pc

    parts = [pc.utf8_trim_whitespace(flat_column(table, index)) for index in columns]
    if len(parts) == 1:
        return parts[0]
    led = [pc.if_else(pc.equal(part, ""), "", _after(joint, part)) for part in parts]
    return pc.utf8_slice_codeunits(pc.binary_join_element_wise(*led, ""), len(joint))


def names_of(table: pa.Table, roles: Roles) -> tuple[Any, Any | None]:
    """Returns the name of each row, and which rows lack one of their own.

    A format may say what names them instead (``name_fallback``): mass and time of an unidentified
    molecule.
    """
    import pyarrow.compute as pc

    joint = joint_of(roles)
    names = feature_names(table, roles.feature_columns, joint)
    rule = cast("Mapping[str, Any] | None", roles.evidence.get("name_fallback"))
    if rule is None:
        return names, None
    nameless = matches(names, str(rule["unless"]))
    return pc.if_else(nameless, feature_names(table, rule["columns"], joint), names), nameless


def _after(lead: str, cells: Any) -> Any:
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(lead, cells, "")


def flat_column(table: pa.Table, index: int) -> Any:
    """Returns a column as one array."""
    import pyarrow as pa

    column = table.column(index)
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


@by_column
def are_plain(names: Any) -> bool:
    """Whether no row is blank, a comment, a separator or a summary: its name alone says so."""
    import pyarrow.compute as pc

    return not (
        pc.any(pc.equal(names, "")).as_py()
        or pc.any(pc.is_in(names, value_set=_summary_names())).as_py()
        or pc.any(pc.match_substring_regex(names, _RULE_ROW)).as_py()
    )


def clean(
    table: pa.Table, names: Any, account: Account, *, quantity_columns: Sequence[int]
) -> tuple[pa.Table, Any]:
    """Leaves out blank, comment, separator and summary rows; rejects rows without a name."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(names) or are_plain(names):
        return table, names
    width = table.num_columns - 1
    empty = pc.equal(names, "")
    if pc.any(empty).as_py():
        # Together, because a sheet may hold a million of them.
        for rule, among in (("blank", range(width)), ("no_name_no_values", quantity_columns)):
            nothing = _without_values(table, empty, among)
            account.skip(rule, int(pc.sum(nothing).as_py() or 0))
            held = pc.invert(nothing)
            table, names, empty = table.filter(held), names.filter(held), empty.filter(held)
        if not len(names):
            return table, names
    odd = pc.or_(empty, pc.is_in(names, value_set=_summary_names()))
    ruled = pc.match_substring_regex(names, _RULE_ROW)
    if pc.any(ruled).as_py():
        # Names may begin so too, such as precursors of Spectronaut: only rows without values count.
        odd = pc.or_(odd, _without_values(table, ruled, quantity_columns))
    if not pc.any(odd).as_py():
        return table, names
    drop: list[int] = []
    for at in pc.indices_nonzero(odd).to_pylist():
        name = names[at].as_py()
        cells = [table.column(index)[at].as_py() for index in range(width)]
        number = table.column(width)[at].as_py()
        quantities_blank = not any(cells[index].strip() for index in quantity_columns)
        if name in _summary_names().to_pylist():
            account.skip("summary_row")
        elif not name:
            account.reject(
                number,
                None,
                "\t".join(cells)[:500],
                "missing_feature_name",
                "The row has values and no name of a feature. Name it, or remove the row.",
            )
        elif name.startswith("#") and quantities_blank:
            account.skip("comment")
        elif not re.search(r"\w", name) and quantities_blank:
            account.skip("separator")
        else:
            continue
        drop.append(at)
    if not drop:
        return table, names
    keep = pc.invert(pc.is_in(pa.array(range(len(names))), value_set=pa.array(drop)))
    return table.filter(keep), names.filter(keep)


def _without_values(table: pa.Table, among: Any, columns: Sequence[int]) -> Any:
    """Returns which of some rows hold nothing in the columns of quantities."""
    import pyarrow as pa
    import pyarrow.compute as pc

    at = pc.indices_nonzero(among)
    for index in columns:
        if not len(at):
            break
        # Only these rows of one column after the other: tables may have thousands of columns.
        cells = pc.utf8_trim_whitespace(flat_column(table, index).take(at))
        at = at.filter(pc.equal(cells, ""))
    numbers = pa.array(range(len(among)), pa.uint64()) if len(at) else None
    return (
        pa.array([False] * len(among), pa.bool_())
        if numbers is None
        else pc.is_in(numbers, value_set=at)
    )


def joint_of(roles: Roles) -> str:
    """Returns what joins several feature columns in this format."""
    return str(roles.evidence.get("feature_join", "|"))


def skip_by_rules(table: pa.Table, roles: Roles, account: Account) -> pa.Table:
    """Leaves out rows that the format declares to be no features."""
    import pyarrow.compute as pc

    for rule in cast("Sequence[Mapping[str, Any]]", roles.evidence.get("skip_rows", ())):
        cells = pc.utf8_trim_whitespace(flat_column(table, int(rule["column"])))
        hit = matches(cells, str(rule["matches"]))
        count = int(pc.sum(hit).as_py() or 0)
        if count:
            account.skip(str(rule["rule"]).replace(" ", "_"), count)
            table = table.filter(pc.invert(hit))
    return table


def matches(cells: Any, pattern: str) -> Any:
    """Searches a pattern in every cell; patterns that Arrow's engine lacks are tried in Python."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return pc.match_substring_regex(cells, pattern)
    except pa.ArrowInvalid:
        compiled = re.compile(pattern)
        unique = pc.unique(cells).to_pylist()
        hits = [text for text in unique if text is not None and compiled.search(text)]
        return pc.is_in(cells, value_set=pa.array(hits, pa.string()))


def annotations_of(table: pa.Table, keys: Sequence[tuple[int, str]]) -> Any:
    """Returns a JSON object per row with the filled annotation cells; null where none is filled."""
    import pyarrow as pa
    import pyarrow.compute as pc

    none = pa.scalar(None, pa.string())
    if not keys:
        return pa.nulls(table.num_rows, pa.string())
    parts = []
    for index, key in keys:
        cells = pc.utf8_trim_whitespace(flat_column(table, index))
        lead = f', {json.dumps(key, ensure_ascii=False)}: "'
        pair = pc.binary_join_element_wise(lead, _escaped(cells), '"', "")
        parts.append(pc.if_else(pc.not_equal(cells, ""), pair, ""))
    # Empty text instead of null: Arrow's join loses rows where every column is null throughout.
    joined = pc.binary_join_element_wise(*parts, "") if len(parts) > 1 else parts[0]
    whole = pc.binary_join_element_wise("{", pc.utf8_slice_codeunits(joined, 2), "}", "")
    return pc.if_else(pc.equal(joined, ""), none, whole)


def json_objects(notes: Sequence[Mapping[str, str]]) -> Any:
    """Returns one JSON object per row; null where there is nothing to say."""
    import pyarrow as pa

    texts = [json.dumps(note, ensure_ascii=False) if note else None for note in notes]
    return pa.array(texts, pa.string())


def _escaped(cells: Any) -> Any:
    """Escapes text for JSON."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.any(pc.match_substring_regex(cells, _CONTROL)).as_py():
        return pa.array(
            [json.dumps(cell, ensure_ascii=False)[1:-1] for cell in cells.to_pylist()], pa.string()
        )
    return pc.replace_substring(pc.replace_substring(cells, "\\", "\\\\"), '"', '\\"')


@cache
def _flag_regex(key: str) -> str:
    return "|".join(f"(?:{entry})" for entry in vocabulary.load("identifiers")[key])


@by_column
def _flagged_by_name(names: Any, key: str) -> Any:
    import pyarrow.compute as pc

    return pc.match_substring_regex(names, _flag_regex(key))


def flags(
    table: pa.Table | None,
    names: Any,
    omics_type: str | None,
    flag_columns: dict[str, Sequence[tuple[int, str]]],
) -> dict[str, Any]:
    """Returns the three flags of each row, from its name and from columns that carry them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from loaders.formats.layouts import flag_values

    nothing = pa.repeat(pa.scalar(False), len(names))
    by_name = {
        "is_contaminant": "contaminant" if omics_type in (None, "proteomics") else None,
        "is_decoy": "decoy" if omics_type in (None, "proteomics") else None,
        "is_internal_standard": "internal_standard"
        if omics_type in ("lipidomics", "metabolomics")
        else None,
    }
    found: dict[str, Any] = {}
    for flag, key in by_name.items():
        value = _flagged_by_name(names, key) if key else nothing
        pairs = flag_columns.get(flag, ())
        if pairs and table is not None:
            said = flag_values([(flat_column(table, index), token) for index, token in pairs])
            # The tool decides for the whole group; a prefix of its first name tells less.
            unknown = pc.if_else(value, True, pa.scalar(None, pa.bool_()))
            value = pc.if_else(pc.is_valid(said), said, unknown)
        found[flag] = value
    return found


def feature_rows(
    row_numbers: Any, names: Any, notes: Any, quantities: Any, marked: dict[str, Any]
) -> pa.Table:
    """Puts a batch together, in landing order of columns."""
    import pyarrow as pa

    return pa.table(
        {
            "row_number": row_numbers,
            "reported_name": names,
            "annotations": notes,
            "quantities": quantities,
            "is_contaminant": marked["is_contaminant"],
            "is_decoy": marked["is_decoy"],
            "is_internal_standard": marked["is_internal_standard"],
        }
    )


def unique_names(names: Sequence[str]) -> list[str]:
    """Keeps equal names apart: the second ``A`` becomes ``A (2)``.

    >>> unique_names(["A", "B", "A"])
    ['A', 'B', 'A (2)']
    """
    taken = set(names)
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        if seen[name] == 1:
            result.append(name)
            continue
        number = seen[name]
        while (candidate := f"{name} ({number})") in taken:
            number += 1
        taken.add(candidate)
        result.append(candidate)
    return result


def not_a_number(raw: str, column: str, more: int) -> str:
    """Says what is wrong with a cell and how to mend it."""
    beside = f" and {more} more cells of this row" if more else ""
    return (
        f"{raw!r} in column {column!r}{beside} is neither a number nor a known spelling of a "
        "missing value. Correct the cell, or leave it empty if nothing was measured."
    )
