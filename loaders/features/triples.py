"""UniProt's idmapping: one line for each accession, kind of identifier and identifier.

All lines of an entry stand together, those of its isoforms (`P04637-2`) behind it. Lines of the
last entry of a batch are held back for the next one, so that each entry is seen whole, and nothing
else is remembered: the file of all species has billions of lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from loaders.features import identifiers, taxa
from loaders.features.extract import Findings, cleaned, reviewed
from loaders.features.layouts import Layout
from loaders.reading.rows import Account, annotations_of, flat_column

if TYPE_CHECKING:
    import pyarrow as pa


class TripleExtractor:
    """Turns batches of accession, kind and identifier into landing tables."""

    def __init__(self, layout: Layout, account: Account, findings: Findings) -> None:
        """Prepares for the lines of one file."""
        self._spec = layout.spec
        self._account = account
        self._findings = findings
        self._held: pa.Table | None = None

    def tables(self, batch: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        """Yields the tables of all entries that are complete."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._held is not None:
            batch = pa.concat_tables([self._held, batch]).combine_chunks()
        bases = _bases(flat_column(batch, 0))
        last = bases[len(bases) - 1]
        open_from = pc.index(bases, last).as_py()
        self._held = batch.slice(open_from)
        yield from self._whole(batch.slice(0, open_from))

    def finish(self) -> Iterator[tuple[str, pa.Table]]:
        """Yields the tables of the last entry."""
        if self._held is not None:
            yield from self._whole(self._held)
            self._held = None

    def _whole(self, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        if not table.num_rows:
            return
        accessions = identifiers.local_ids(flat_column(table, 0), "uniprot")
        known = pc.is_valid(accessions)
        if not pc.all(known).as_py():
            self._reject(table.filter(pc.invert(known)))
            table, accessions = table.filter(known), accessions.filter(known)
            if not table.num_rows:
                return
        kinds, values = flat_column(table, 1), cleaned(flat_column(table, 2))
        numbers = flat_column(table, table.num_columns - 1)
        bases = _bases(accessions)
        entries, first = _first(bases)
        names = self._of(entries, bases, kinds, values, self._spec["name_type"])
        said = self._of(entries, bases, kinds, values, self._spec["taxon"]["triple"])
        taxon = pc.coalesce(
            pc.binary_join_element_wise("NCBITaxon", said, ":"), taxa.by_entry_name(names)
        )
        genes = self._of(entries, bases, kinds, values, "Gene_Name")
        own, own_first = _first(accessions)
        parent = pc.index_in(_bases(own), value_set=entries)
        yield from self._entities(
            own, numbers.take(own_first), parent, names=names, taxon=taxon, genes=genes
        )
        used = pc.or_(
            pc.is_in(kinds, value_set=pa.array([self._spec["name_type"]])),
            pc.equal(kinds, self._spec["taxon"]["triple"]),
        )
        ids = pc.binary_join_element_wise("uniprot", accessions, ":")
        found = [_names(numbers.take(first), entries, names, "approved")]
        for kind, meaning in self._spec["names"].items():
            hit = pc.equal(kinds, kind)
            used = pc.or_(used, hit)
            found.append(
                pa.table(
                    {
                        "row_number": numbers.filter(hit),
                        "feature_type": pa.repeat("protein", int(pc.sum(hit).as_py() or 0)),
                        "canonical_id": ids.filter(hit),
                        "name": values.filter(hit),
                        "kind": pa.repeat(meaning, int(pc.sum(hit).as_py() or 0)),
                    }
                )
            )
        landed = pa.concat_tables(found)
        landed = landed.filter(pc.is_valid(landed.column("name")))
        if landed.num_rows:
            yield "names", landed
        xrefs = []
        for kind, wanted in self._spec["xrefs"].items():
            hit = pc.equal(kinds, kind)
            if not pc.any(hit).as_py():
                continue
            used = pc.or_(used, hit)
            prefixes, locals_ = identifiers.identify(values.filter(hit), [wanted])
            xrefs.append(
                pa.table(
                    {
                        "row_number": numbers.filter(hit),
                        "feature_type": pa.repeat("protein", len(locals_)),
                        "canonical_id": ids.filter(hit),
                        "prefix": prefixes,
                        "local_id": locals_,
                    }
                ).filter(pc.is_valid(locals_))
            )
        if xrefs and (joined := pa.concat_tables(xrefs)).num_rows:
            yield "xrefs", joined
        count = int(pc.sum(used).as_py() or 0)
        self._account.land(count)
        self._account.skip("mapping_not_used", table.num_rows - count)

    def _of(self, entries: Any, bases: Any, kinds: Any, values: Any, wanted: str) -> Any:
        """Returns, for each entry, its first value of one kind."""
        import pyarrow.compute as pc

        hit = pc.equal(kinds, wanted)
        return pc.take(values.filter(hit), pc.index_in(entries, value_set=bases.filter(hit)))

    def _entities(
        self, own: Any, numbers: Any, parent: Any, *, names: Any, taxon: Any, genes: Any
    ) -> Iterator[tuple[str, pa.Table]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        names, taxon, genes = (array.take(parent) for array in (names, taxon, genes))
        nothing = pa.nulls(len(own), pa.string())
        notes = pa.table(
            {
                "gene_name": pc.fill_null(genes, ""),
                "reviewed": pc.fill_null(reviewed(_bases(own), names), ""),
            }
        )
        self._findings.entities += len(own)
        for entry in pc.value_counts(taxon).to_pylist():
            if entry["values"]:
                self._findings.taxa[entry["values"]] += entry["counts"]
        yield (
            "entities",
            pa.table(
                {
                    "row_number": numbers,
                    "feature_type": pa.repeat("protein", len(own)),
                    "canonical_id": pc.binary_join_element_wise("uniprot", own, ":"),
                    "name": names,
                    "taxon": taxon,
                    "status": pa.repeat("active", len(own)),
                    "formula": nothing,
                    "inchikey": nothing,
                    "lipid_class": nothing,
                    "exact_mass": nothing,
                    "annotations": annotations_of(notes, [(0, "gene_name"), (1, "reviewed")]),
                }
            ),
        )

    def _reject(self, rows: pa.Table) -> None:
        numbers = rows.column(rows.num_columns - 1).to_pylist()
        for number, accession in zip(numbers, rows.column(0).to_pylist(), strict=True):
            self._account.reject(
                number,
                "1",
                accession,
                "not_an_identifier",
                f"{accession!r} is no accession of UniProt. Correct it, or remove the line.",
            )


def _bases(accessions: Any) -> Any:
    """Returns accessions without the number of an isoform."""
    import pyarrow.compute as pc

    return pc.replace_substring_regex(accessions, r"-\d+$", "")


def _first(keys: Any) -> tuple[Any, Any]:
    """Returns the different keys in the order in which they come, and where each comes first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    different = pc.unique(keys)
    found = (
        pa.table({"key": keys, "at": pa.array(range(len(keys)), pa.int64())})
        .group_by("key", use_threads=False)
        .aggregate([("at", "min")])
    )
    order = pc.index_in(different, value_set=flat_column(found.select(["key"]), 0))
    return different, flat_column(found.select(["at_min"]), 0).take(order)


def _names(numbers: Any, entries: Any, names: Any, kind: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pa.table(
        {
            "row_number": numbers,
            "feature_type": pa.repeat("protein", len(entries)),
            "canonical_id": pc.binary_join_element_wise("uniprot", entries, ":"),
            "name": names,
            "kind": pa.repeat(kind, len(entries)),
        }
    )
