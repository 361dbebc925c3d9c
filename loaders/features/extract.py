"""Records of a reference to entities, names and cross references, a whole batch at once.

What each column means is said by the layout. A molecule that stands in several rows, such as a gene
with one row for each synonym, becomes one entity with all its names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loaders import vocabulary
from loaders.features import identifiers, taxa
from loaders.features.layouts import Layout
from loaders.reading.rows import Account, annotations_of, flat_column

if TYPE_CHECKING:
    import pyarrow as pa

#: Spellings of "nothing" in reference tables. Compared as they stand: ``Na`` is sodium.
MISSING = ("", "-", "NA", "N/A", "n/a", "#N/A", "NULL", "null", "NaN", "nan", "None", r"\N")

#: Marks that are held as a set before they are sorted in.
_RECENT = 100_000

_DATE = r"(?P<date>\d{4}-\d{2}-\d{2})"
_NAME_SCHEMA = ("row_number", "feature_type", "canonical_id", "name", "kind")
_XREF_SCHEMA = ("row_number", "feature_type", "canonical_id", "prefix", "local_id")


@dataclass
class Findings:
    """What a release turns out to be while it is read.

    Attributes:
        entities: Molecules landed.
        taxa: How many of them each species has.
        date: Latest date in the columns that date a release, ISO, or ``""``.
        version: Version that the file names, or ``""``.
        odd_ids: Column to number of cells that hold no identifier of the expected kind.
        odd_examples: One of them for each column.
    """

    entities: int = 0
    taxa: Counter[str] = field(default_factory=Counter)
    date: str = ""
    version: str = ""
    odd_ids: Counter[str] = field(default_factory=Counter)
    odd_examples: dict[str, str] = field(default_factory=dict)


class Columns:
    """The cells of one batch by column word: trimmed, null where nothing stands."""

    def __init__(self, table: pa.Table, places: Mapping[str, int]) -> None:
        """Takes a batch and the place of each column by its folded header."""
        self._table = table
        self._places = places
        self._held: dict[int, Any] = {}

    def raw_header(self, words: Sequence[str]) -> str | None:
        """Returns the first of the words that is a column here, folded."""
        return next(
            (folded for word in words if (folded := vocabulary.normalise(word)) in self._places),
            None,
        )

    def first(self, words: Sequence[str]) -> Any | None:
        """Returns the cells of the first of the words that is a column here."""
        found = self.raw_header(words)
        return None if found is None else self._cells(self._places[found])

    def filled(self, words: Sequence[str]) -> Any | None:
        """Returns, row by row, the first filled cell of several columns."""
        import pyarrow.compute as pc

        places = dict.fromkeys(
            self._places[folded]
            for word in words
            if (folded := vocabulary.normalise(word)) in self._places
        )
        cells = [self._cells(place) for place in places]
        if not cells:
            return None
        return cells[0] if len(cells) == 1 else pc.coalesce(*cells)

    def _cells(self, place: int) -> Any:
        if place not in self._held:
            self._held[place] = cleaned(flat_column(self._table, place))
        return self._held[place]


def cleaned(cells: Any) -> Any:
    """Trims cells, takes enclosing quotation marks off, and empties those that say nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = pc.utf8_trim_whitespace(cells)
    # Marks around a whole cell, with none inside but doubled ones: `"wet" or "dry"` keeps its own.
    enclosed = pc.match_substring_regex(cells, r'^"(?:[^"]|"")*"$')
    if pc.any(enclosed).as_py():
        bare = pc.replace_substring(pc.utf8_slice_codeunits(cells, 1, -1), '""', '"')
        cells = pc.if_else(enclosed, pc.utf8_trim_whitespace(bare), cells)
    missing = pc.is_in(cells, value_set=pa.array(MISSING, pa.string()))
    return pc.if_else(missing, pa.scalar(None, pa.string()), cells)


class Seen:
    """Remembers what was landed before, in eight bytes each.

    Two things of one mark in ten million are a matter of one in a hundred thousand files.
    """

    def __init__(self) -> None:
        """Begins without memory."""
        import numpy as np

        self._sorted: Any = np.empty(0, np.int64)
        self._recent: set[int] = set()

    def new(self, columns: Sequence[Any]) -> Any:
        """Tells which keys, all different, are new, and remembers them."""
        import numpy as np
        import pyarrow as pa

        keys = zip(*(column.to_pylist() for column in columns), strict=True)
        marks = np.fromiter((hash(key) for key in keys), np.int64)
        known = np.array([mark in self._recent for mark in marks.tolist()], np.bool_)
        if len(self._sorted):
            at = np.searchsorted(self._sorted, marks)
            at[at == len(self._sorted)] = 0
            known |= self._sorted[at] == marks
        self._recent.update(marks.tolist())
        if len(self._recent) > _RECENT:
            recent = np.fromiter(self._recent, np.int64, len(self._recent))
            self._sorted = np.sort(np.concatenate([self._sorted, recent]))
            self._recent = set()
        return pa.array(~known)


class Extractor:
    """Turns the batches of one reference into landing tables, remembering what was there before."""

    def __init__(
        self, layout: Layout, header: Sequence[str], account: Account, findings: Findings
    ) -> None:
        """Prepares for tables with these columns; counts go to the account and the findings."""
        self._layout = layout
        self._spec = layout.spec
        self._header = header
        self._places = {
            vocabulary.normalise(cell): at
            for at, cell in reversed(list(enumerate(header)))
            if cell.strip()
        }
        self._account = account
        self._findings = findings
        self._grouped = bool(layout.spec.get("grouped", False))
        self._seen = {name: Seen() for name in ("entities", "names", "xrefs")}

    def tables(self, batch: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        """Yields landing tables for one batch of records, which ends with ``row_number``."""
        import pyarrow.compute as pc

        everything = Columns(batch, self._places)
        first, *others = self._spec["entities"]
        keep = self._usable(batch, everything, first)
        if not pc.all(keep).as_py():
            batch = batch.filter(keep)
        self._account.land(batch.num_rows)
        if not batch.num_rows:
            return
        columns = Columns(batch, self._places)
        self._date(columns)
        for block in (first, *others):
            yield from self._block(block, batch, columns)

    def _usable(self, batch: pa.Table, columns: Columns, block: Mapping[str, Any]) -> Any:
        """Tells which records name a molecule; the others are skipped or rejected here."""
        import pyarrow as pa
        import pyarrow.compute as pc

        count = batch.num_rows
        types = self._types(block, columns, count)
        ids, _ = self._ids(block, columns, count, types)
        usable = pc.and_(pc.is_valid(ids), pc.is_valid(types))
        if pc.all(usable).as_py():
            return usable
        column = next(
            (
                found
                for entry in block["id"]
                if (found := columns.raw_header(entry["column"])) is not None
            ),
            None,
        )
        cells = columns.first([column]) if column else pa.nulls(count, pa.string())
        width = batch.num_columns - 1
        for at in pc.indices_nonzero(pc.invert(usable)).to_pylist():
            row_number = batch.column(width)[at].as_py()
            raw = cells[at].as_py() if cells is not None else None
            if not any((batch.column(c)[at].as_py() or "").strip() for c in range(width)):
                self._account.skip("blank")
            elif types[at].as_py() is None:
                type_column = columns.raw_header(block["type"]["column"])
                shown = columns.first(block["type"]["column"])[at].as_py() or ""  # type: ignore[index]  # a required column is there
                self._account.reject(
                    row_number,
                    self._as_written(type_column),
                    shown,
                    "unknown_feature_type",
                    f"{shown!r} is no type of molecule. Write one of: "
                    + ", ".join(dict.fromkeys(block["type"]["values"].values()))
                    + ".",
                )
            elif raw is None and self._spec.get("without_id") == "skip":
                self._account.skip(str(self._spec.get("skip_rule", "no_identifier")))
            else:
                kinds = [str(entry["as"]) for entry in block["id"]]
                self._account.reject(
                    row_number,
                    self._as_written(column),
                    raw or "",
                    "not_an_identifier" if raw else "no_identifier",
                    f"{raw!r} is no identifier of {' or '.join(kinds)}. Correct it, or remove the "
                    "row."
                    if raw
                    else "The row names no identifier. Add it, or remove the row.",
                )
        return usable

    def _as_written(self, column: str | None) -> str | None:
        """Returns the header of a column as it stands in the file."""
        return None if column is None else self._header[self._places[column]]

    def _types(self, block: Mapping[str, Any], columns: Columns, count: int) -> Any:
        """Returns the feature type of each row; null where a required one is not understood."""
        import pyarrow as pa
        import pyarrow.compute as pc

        said = block["type"]
        if isinstance(said, str):
            return pa.repeat(pa.scalar(said, pa.string()), count)
        cells = columns.first(said["column"])
        if cells is None:
            return pa.repeat(pa.scalar(said.get("otherwise"), pa.string()), count)
        found = translated(cells, said["values"])
        return found if said.get("required") else pc.fill_null(found, said["otherwise"])

    def _ids(
        self, block: Mapping[str, Any], columns: Columns, count: int, types: Any
    ) -> tuple[Any, Any]:
        """Returns canonical ids and their local parts, the first alternative that is understood."""
        import pyarrow as pa
        import pyarrow.compute as pc

        ids = pa.nulls(count, pa.string())
        locals_ = pa.nulls(count, pa.string())
        for entry in block["id"]:
            cells = columns.first(entry["column"])
            if cells is None:
                continue
            prefixes, found = identifiers.identify(cells, [entry["as"]], types)
            if "otherwise" in entry:
                prefixes = pc.fill_null(prefixes, entry["otherwise"])
                found = pc.coalesce(found, cells)
            ids = pc.coalesce(ids, identifiers.curies(prefixes, found))
            locals_ = pc.coalesce(locals_, found)
            if not ids.null_count:
                break
        return ids, locals_

    def _block(
        self, block: Mapping[str, Any], batch: pa.Table, columns: Columns
    ) -> Iterator[tuple[str, pa.Table]]:
        """Yields the tables of one kind of molecule in a batch."""
        import pyarrow.compute as pc

        types = self._types(block, columns, batch.num_rows)
        ids, locals_ = self._ids(block, columns, batch.num_rows, types)
        if ids.null_count == len(ids):
            return
        if ids.null_count:
            there = pc.is_valid(ids)
            batch = batch.filter(there)
            types, ids, locals_ = types.filter(there), ids.filter(there), locals_.filter(there)
            columns = Columns(batch, self._places)
        numbers = flat_column(batch, batch.num_columns - 1)
        approved = self._approved(block, columns, batch.num_rows)
        targets = self._targets(block.get("replaced_by"), columns)
        status = self._status(block, columns, batch.num_rows, targets)
        taxon = self._taxon(columns, locals_, approved, batch.num_rows)
        base = (numbers, types, ids)
        yield from self._entities(block, columns, base, (approved, taxon, status, locals_, targets))
        named = [self._approved_names(base, approved, status), *self._names(block, columns, base)]
        named += self._replacements(block, columns, base, approved, targets)
        yield from self._landed("names", named)
        yield from self._landed("xrefs", self._xrefs(block, columns, base))

    def _approved(self, block: Mapping[str, Any], columns: Columns, count: int) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        cells = columns.filled(block.get("name", ()))
        if cells is None:
            return pa.nulls(count, pa.string())
        return pc.replace_substring_regex(cells, block["cut"], "") if "cut" in block else cells

    def _status(
        self,
        block: Mapping[str, Any],
        columns: Columns,
        count: int,
        targets: tuple[Any, Any] | None,
    ) -> Any:
        """Returns active, withdrawn or replaced; one whose successor is named is replaced."""
        import pyarrow as pa
        import pyarrow.compute as pc

        said = block.get("status", "active")
        if isinstance(said, str):
            return pa.repeat(pa.scalar(said, pa.string()), count)
        cells = columns.first(said["column"])
        status = (
            pa.repeat(pa.scalar("active", pa.string()), count)
            if cells is None
            else pc.fill_null(translated(cells, said["values"]), "active")
        )
        if targets is not None and len(targets[0]):
            has_target = pc.is_in(pa.array(range(count), pa.int64()), value_set=targets[0])
            status = pc.if_else(has_target, "replaced", status)
        return status

    def _taxon(self, columns: Columns, locals_: Any, approved: Any, count: int) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        said = self._spec.get("taxon")
        nothing = pa.nulls(count, pa.string())
        if said is None:
            return nothing
        if isinstance(said, int):
            return pa.repeat(pa.scalar(taxa.curie(said), pa.string()), count)
        found = nothing
        if isinstance(said, dict):
            cells = columns.first(said["column"])
            found = nothing if cells is None else taxa.by_text(cells)
            said = said.get("otherwise")
        if said == "ensembl":
            found = pc.coalesce(found, taxa.by_stable_id(locals_))
        elif said == "uniprot":
            found = pc.coalesce(found, taxa.by_entry_name(approved))
        return found

    def _entities(
        self,
        block: Mapping[str, Any],
        columns: Columns,
        base: tuple[Any, Any, Any],
        known: tuple[Any, Any, Any, Any, tuple[Any, Any] | None],
    ) -> Iterator[tuple[str, pa.Table]]:
        """Yields each molecule at its first row; rows that name it go before those that do not."""
        import pyarrow as pa
        import pyarrow.compute as pc

        numbers, types, ids = base
        approved, taxon, status, locals_, targets = known
        count = len(ids)
        order = pa.array(range(count), pa.int64())
        rank = pc.if_else(pc.is_null(approved), pc.add(order, count), order)
        best = (
            pa.table({"id": ids, "rank": rank})
            .group_by("id", use_threads=False)
            .aggregate([("rank", "min")])
        )
        rows = flat_column(best.select(["rank_min"]), 0)
        rows = pc.if_else(pc.greater_equal(rows, count), pc.subtract(rows, count), rows)
        if not self._grouped:
            rows = rows.filter(self._seen["entities"].new([flat_column(best.select(["id"]), 0)]))
        if not len(rows):
            return
        empty = pa.nulls(count, pa.string())

        def cell(key: str) -> Any:
            cells = columns.filled(block.get(key, ()))
            return empty if cells is None else cells

        inchikey = identifiers.local_ids(cell("inchikey"), "inchikey")
        is_lipid = pc.equal(types, "lipid")
        table = pa.table(
            {
                "row_number": numbers,
                "feature_type": types,
                "canonical_id": ids,
                "name": approved,
                "taxon": taxon,
                "status": status,
                "formula": cell("formula"),
                "inchikey": inchikey,
                "lipid_class": pc.if_else(is_lipid, cell("lipid_class"), empty),
                "exact_mass": cell("exact_mass"),
                "annotations": self._annotations(block, columns, locals_, approved, targets),
            }
        ).take(rows)
        self._findings.entities += table.num_rows
        for entry in pc.value_counts(table.column("taxon").combine_chunks()).to_pylist():
            if entry["values"]:
                self._findings.taxa[entry["values"]] += entry["counts"]
        yield "entities", table

    def _annotations(
        self,
        block: Mapping[str, Any],
        columns: Columns,
        locals_: Any,
        approved: Any,
        targets: tuple[Any, Any] | None,
    ) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        pairs: list[tuple[str, Any]] = []
        for word in block.get("annotations", ()):
            cells = columns.first([word])
            if cells is not None:
                pairs.append((re.sub(r"\W+", "_", word), cells))
        for key, words in block.get("first_of", {}).items():
            cells = columns.filled(words)
            if cells is not None:
                found = pc.extract_regex(cells, r"^(?P<first>[^;\s]+)")
                pairs.append((key, pc.struct_field(found, "first")))
        if self._layout.reference == "uniprot" and all(key != "reviewed" for key, _ in pairs):
            pairs.append(("reviewed", reviewed(locals_, approved)))
        if targets is not None and len(targets[0]):
            by_row = (
                pa.table({"row": targets[0], "target": targets[1]})
                .group_by("row", use_threads=False)
                .aggregate([("target", "list")])
            )
            lists = by_row.column("target_list").combine_chunks()
            joined = pc.binary_join(lists, "|")
            at = pc.index_in(
                pa.array(range(len(locals_)), pa.int64()),
                value_set=by_row.column("row").combine_chunks(),
            )
            pairs.append(("replaced_by", pc.take(joined, at)))
        if not pairs:
            return pa.nulls(len(locals_), pa.string())
        table = pa.table(
            [pc.fill_null(cells, "") for _, cells in pairs],
            names=[str(i) for i in range(len(pairs))],
        )
        return annotations_of(table, [(at, key) for at, (key, _) in enumerate(pairs)])

    def _approved_names(self, base: tuple[Any, Any, Any], approved: Any, status: Any) -> pa.Table:
        """Returns approved names; a molecule that is withdrawn or replaced only had its name."""
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = pc.if_else(pc.equal(status, "active"), "approved", "previous")
        return pa.table([*base, approved, kind], names=list(_NAME_SCHEMA))

    def _names(
        self, block: Mapping[str, Any], columns: Columns, base: tuple[Any, Any, Any]
    ) -> Iterator[pa.Table]:
        import pyarrow as pa
        import pyarrow.compute as pc

        for entry in block.get("names", ()):
            cells = columns.first(entry["column"])
            if cells is None:
                continue
            owners, values = values_of(cells, entry)
            if not len(values):
                continue
            if "kind" in entry:
                kinds = pa.repeat(pa.scalar(entry["kind"], pa.string()), len(values))
            else:
                rule = entry["kind_from"]
                kind_cells = columns.first(rule["column"])
                assert kind_cells is not None  # noqa: S101 - the layout needs this column
                kinds = pc.fill_null(translated(kind_cells, rule["values"]), rule["otherwise"])
                kinds = kinds.take(owners)
            yield pa.table(
                [*(array.take(owners) for array in base), values, kinds], names=list(_NAME_SCHEMA)
            )

    def _targets(self, entry: Mapping[str, Any] | None, columns: Columns) -> tuple[Any, Any] | None:
        """Returns row and canonical id of each molecule that another column points to."""
        import pyarrow.compute as pc

        cells = None if entry is None else columns.first(entry["column"])
        if entry is None or cells is None:
            return None
        owners, values = values_of(cells, entry)
        prefixes, found = identifiers.identify(values, [entry["as"]])
        known = pc.is_valid(found)
        # ChEBI writes 0 where no molecule stands above.
        known = pc.and_(known, pc.invert(pc.fill_null(pc.equal(found, "0"), False)))
        return owners.filter(known), identifiers.curies(prefixes, found).filter(known)

    def _replacements(
        self,
        block: Mapping[str, Any],
        columns: Columns,
        base: tuple[Any, Any, Any],
        approved: Any,
        targets: tuple[Any, Any] | None,
    ) -> Iterator[pa.Table]:
        """Yields old ids and old names of molecules that took the place of others."""
        import pyarrow as pa
        import pyarrow.compute as pc

        numbers, types, ids = base
        if targets is not None and len(targets[0]):
            owners, new = targets
            for old, kind in ((ids, "secondary_id"), (approved, "previous")):
                kinds = pa.repeat(pa.scalar(kind, pa.string()), len(owners))
                yield pa.table(
                    [numbers.take(owners), types.take(owners), new, old.take(owners), kinds],
                    names=list(_NAME_SCHEMA),
                )
        older = self._targets(block.get("replaces"), columns)
        if older is not None and len(older[0]):
            owners, old = older
            # An id of an older spelling may be the molecule's own.
            other = pc.not_equal(old, ids.take(owners))
            owners, old = owners.filter(other), old.filter(other)
            kinds = pa.repeat(pa.scalar("secondary_id", pa.string()), len(owners))
            yield pa.table(
                [*(array.take(owners) for array in base), old, kinds], names=list(_NAME_SCHEMA)
            )

    def _xrefs(
        self, block: Mapping[str, Any], columns: Columns, base: tuple[Any, Any, Any]
    ) -> Iterator[pa.Table]:
        import pyarrow as pa
        import pyarrow.compute as pc

        for entry in block.get("xrefs", ()):
            cells = columns.first(entry["column"])
            if cells is None:
                continue
            owners, values = values_of(cells, entry)
            if not len(values):
                continue
            kinds = entry["as"] if isinstance(entry["as"], list) else [entry["as"]]
            prefixes, found = identifiers.identify(values, kinds, base[1].take(owners))
            known = pc.is_valid(found)
            if not entry.get("only_where_known"):
                self._note_odd(columns.raw_header(entry["column"]) or "", values, known)
            owners, prefixes, found = (a.filter(known) for a in (owners, prefixes, found))
            # The row's own id is no reference to another place.
            own = pc.equal(identifiers.curies(prefixes, found), base[2].take(owners))
            owners, prefixes, found = (a.filter(pc.invert(own)) for a in (owners, prefixes, found))
            yield pa.table(
                [*(array.take(owners) for array in base), prefixes, found], names=list(_XREF_SCHEMA)
            )

    def _note_odd(self, column: str, values: Any, known: Any) -> None:
        import pyarrow.compute as pc

        odd = values.filter(pc.invert(known))
        if len(odd):
            self._findings.odd_ids[column] += len(odd)
            self._findings.odd_examples.setdefault(column, odd[0].as_py()[:80])

    def _landed(self, name: str, tables: Any) -> Iterator[tuple[str, pa.Table]]:
        """Joins tables of one kind and leaves out what is empty or was landed before."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found = [table for table in tables if table.num_rows]
        if not found:
            return
        joined = pa.concat_tables(found)
        keys = joined.column_names[2:]
        joined = joined.filter(pc.is_valid(joined.column(keys[1])))
        unique = joined.group_by(["feature_type", *keys], use_threads=False).aggregate(
            [("row_number", "min")]
        )
        unique = unique.rename_columns(["feature_type", *keys, "row_number"])
        unique = unique.select(["row_number", "feature_type", *keys])
        if not self._grouped:
            columns = [unique.column(key).combine_chunks() for key in keys]
            unique = unique.filter(self._seen[name].new(columns))
        if unique.num_rows:
            yield name, unique

    def _date(self, columns: Columns) -> None:
        """Keeps the latest date and the first version that the columns tell."""
        import pyarrow.compute as pc

        for word in self._spec.get("dates", ()):
            cells = columns.first([word])
            if cells is None:
                continue
            latest = pc.max(pc.struct_field(pc.extract_regex(cells, _DATE), "date")).as_py()
            self._findings.date = max(self._findings.date, latest or "")
        said = self._spec.get("version")
        if said is not None and not self._findings.version:
            cells = columns.first([said] if isinstance(said, str) else said)
            filled = [] if cells is None else pc.drop_null(cells)
            if len(filled):
                self._findings.version = filled[0].as_py()


def reviewed(accessions: Any, entry_names: Any) -> Any:
    """Tells whether a UniProt entry is reviewed: the name of one that is not begins with its id."""
    import pyarrow as pa
    import pyarrow.compute as pc

    start = pc.struct_field(pc.extract_regex(entry_names, "^(?P<start>[A-Z0-9]+)_"), "start")
    return pc.if_else(pc.equal(start, accessions), pa.scalar("unreviewed"), pa.scalar("reviewed"))


def translated(cells: Any, values: Mapping[Any, str]) -> Any:
    """Returns what a vocabulary makes of each cell, compared folded; null where it has no word."""
    import pyarrow as pa
    import pyarrow.compute as pc

    folded = {vocabulary.normalise(str(word)): meaning for word, meaning in values.items()}
    encoded = pc.dictionary_encode(cells)
    meanings = [
        None if cell is None else folded.get(vocabulary.normalise(cell))
        for cell in encoded.dictionary.to_pylist()
    ]
    return pc.take(pa.array(meanings, pa.string()), encoded.indices)


def values_of(cells: Any, entry: Mapping[str, Any]) -> tuple[Any, Any]:
    """Takes cells apart into values; returns the row of each value and the values, none empty."""
    import pyarrow as pa
    import pyarrow.compute as pc

    split = entry.get("split")
    if split is None:
        owners, values = pa.array(range(len(cells)), pa.int64()), cells
    elif split == "trailing_parentheses":
        owners, values = _each(cells, trailing_parentheses)
    else:
        lists = pc.split_pattern_regex(cells, split)
        owners, values = pc.list_parent_indices(lists).cast(pa.int64()), pc.list_flatten(lists)
    if "cut" in entry:
        values = pc.replace_substring_regex(values, entry["cut"], "")
    values = cleaned(values)
    there = pc.is_valid(values)
    return owners.filter(there), values.filter(there)


def _each(cells: Any, rule: Any) -> tuple[Any, Any]:
    import pyarrow as pa

    owners: list[int] = []
    values: list[str] = []
    for at, cell in enumerate(cells.to_pylist()):
        for value in rule(cell) if cell else ():
            owners.append(at)
            values.append(value)
    return pa.array(owners, pa.int64()), pa.array(values, pa.string())


def trailing_parentheses(text: str) -> list[str]:
    """Takes apart a UniProt protein name: the name, then others in parentheses; no enzyme numbers.

    >>> trailing_parentheses("DNA (cytosine-5)-methyltransferase 1 (Dnmt1) (EC 2.1.1.37) (CXXC9)")
    ['DNA (cytosine-5)-methyltransferase 1', 'Dnmt1', 'CXXC9']
    """
    text = re.split(r" \[(?:Cleaved into|Includes)", text)[0].strip()
    found: list[str] = []
    while text.endswith(")"):
        depth = 0
        for at in range(len(text) - 1, -1, -1):
            depth += {")": 1, "(": -1}.get(text[at], 0)
            if depth == 0:
                break
        if depth or at == 0 or text[at - 1] != " ":
            break
        inner = text[at + 1 : -1]
        if not inner.startswith("EC "):
            found.insert(0, inner)
        text = text[: at - 1].rstrip()
    return [text, *found] if text else found
