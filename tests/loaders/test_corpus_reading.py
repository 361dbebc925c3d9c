"""Real public files end as the manifest beside them says: every row of it, by one test.

The manifest was counted independently of this project. No file is known here by its name, its id or
its hash: what is checked follows from what its row says. A row whose reading has to be asked for
(the strandedness of a library) must be asked for, and reads as counted once the question is
answered; a row without quantities must be refused for that reason.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from loaders.discovery import FoundFile, find_in_folder
from loaders.groups import grouped
from loaders.model import (
    OMICS_TYPES,
    Counts,
    DatasetHeader,
    ReadOptions,
    SourceFile,
    TablesHeader,
    Unreadable,
)
from loaders.reading.read import read_file
from loaders.sources import reader_of, recognise

CORPUS = (Path(__file__).parents[2].parent / "shared" / "corpus").resolve()
MANIFEST = CORPUS / "manifest.csv"
FILES = 77

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not MANIFEST.exists(), reason="../shared/corpus is not on this machine"),
]

#: What the manifest calls a format, and what the reader does; the first that fits.
FORMATS = (
    ("MaxQuant proteinGroups", "MaxQuant proteinGroups"),
    ("DIA-NN .*pg_matrix", "DIA-NN pg_matrix"),
    ("DIA-NN", "DIA-NN report"),
    ("FragPipe combined_protein", "FragPipe combined_protein"),
    ("FragPipe.*protein.tsv", "FragPipe protein"),
    ("Spectronaut protein pivot", "Spectronaut protein pivot"),
    ("Spectronaut long", "Spectronaut report"),
    ("Proteome Discoverer PeptideGroups", "Proteome Discoverer peptide groups"),
    ("Skyline", "Skyline report"),
    ("mzTab 1.0", "mzTab 1.0.0"),
    ("mzTab-M 2.0", "mzTab-M 2.0.0-M"),
    ("Olink Explore NPX long", "Olink NPX long"),
    ("Scaffold", "Scaffold samples report"),
    ("Parquet, quantms/qpx feature table", "quantms feature table"),
    ("MS-DIAL", "MS-DIAL alignment"),
    ("mwTab JSON", "mwTab JSON"),
    ("MetaboLights MAF", "MetaboLights MAF"),
    ("MetaboAnalyst.*samples in rows", "MetaboAnalyst, samples in rows"),
    ("MetaboAnalyst.*samples in columns", "MetaboAnalyst, samples in columns"),
    ("mzMine sample metadata", "samples sheet"),
    ("XCMS", "XCMS peak table"),
    ("Biocrates result sheet", "Biocrates results"),
    ("Metabolon-style", "Metabolon"),
    ("salmon", "salmon quant"),
    ("kallisto", "kallisto abundance"),
    ("STAR", "STAR ReadsPerGene"),
    ("RSEM genes", "RSEM genes"),
    ("HTSeq counts with header", "HTSeq counts"),
    ("GEO series_matrix", "GEO series matrix"),
    ("limma", "limma results"),
    ("DESeq2", "DESeq2 results"),
    ("10x mtx", "10x matrix"),
    ("plain.*lipids in columns", "delimited matrix, samples in rows"),
    ("plain", "delimited matrix"),
    ("ISA-Tab", "ISA-Tab"),
    ("SDRF", "SDRF"),
    ("SRA|GEO-like|run metadata", "(runs|samples) sheet"),
    ("", "{first words}"),
)


@dataclass(frozen=True)
class Dataset:
    """One dataset, read to its end."""

    header: DatasetHeader
    rows: list[dict[str, object]]
    counts: Counts
    n_rejects: int


@dataclass
class Ended:
    """How a row of the manifest ended.

    Attributes:
        how: What the table shows of it.
        wrong: What is not as the manifest says.
    """

    entry: Mapping[str, str]
    how: str = ""
    wrong: list[str] = field(default_factory=list)


def _manifest() -> list[dict[str, str]]:
    with MANIFEST.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _files(entry: Mapping[str, str]) -> list[FoundFile]:
    folders = sorted(CORPUS.glob(f"*/{entry['id']}"))
    return [file for folder in folders for file in grouped(find_in_folder(str(folder)))]


def _source(file: FoundFile) -> SourceFile:
    members = tuple(_source(member) for member in file.members)
    return SourceFile(file.path, Path(file.path), file.size, file.modified_at, members)


def test_every_file_of_the_manifest_ends_as_it_says() -> None:
    entries = _manifest()
    assert len(entries) == FILES
    ended = [_ended(entry) for entry in entries]
    for row in ended:
        verdict = "; ".join(row.wrong) if row.wrong else "as counted"
        print(f"{row.entry['id']:4} {row.how:150.150} {verdict}")  # noqa: T201 - what one reads
    assert [f"{row.entry['id']}: {row.wrong}" for row in ended if row.wrong] == []


def _ended(entry: Mapping[str, str]) -> Ended:
    folder = entry["relpath"].split("/")[0]
    ended = Ended(entry)
    files = _files(entry)
    assert files, f"{entry['id']}: its files are not there"
    if folder in OMICS_TYPES:
        (file,) = files
        _results(file, folder, ended)
    else:
        _tables(files, folder, ended)
    return ended


# -- results ---------------------------------------------------------------------------------------


def _results(file: FoundFile, folder: str, ended: Ended) -> None:
    entry, source = ended.entry, _source(file)
    ended.wrong += _undeclared(source, entry)
    try:
        datasets = _read(source, folder, ReadOptions())
    except Unreadable as refusal:
        _refused(source, folder, refusal, ended)
        return
    if entry["n_samples"] == "0":
        ended.wrong.append("nothing is quantified in it, and it was read")
    _check(datasets, ended)


def _refused(source: SourceFile, folder: str, refusal: Unreadable, ended: Ended) -> None:
    """A refusal is true where the file holds no quantities, or asks what only its owner knows."""
    entry = ended.entry
    ended.how = f"refused: {refusal.reason_code}: {refusal.seen}"
    if not (refusal.reason_code and refusal.place and refusal.seen and refusal.question):
        ended.wrong.append("the refusal does not say what to do")
    if entry["n_samples"] == "0":
        if refusal.reason_code != "no_quantity_columns" or entry["n_features"] not in refusal.seen:
            ended.wrong.append("refused for another reason than that it holds no quantities")
    elif "caller must choose" in entry["ambiguity"] and refusal.mapping_stub:
        # The question has the form of a mapping; the row says which of the answers was counted.
        name = next(iter(re.findall(r"(?m)^(\w+): null", refusal.mapping_stub)))
        answer = ReadOptions(mapping={name: entry["spot1_sample"]})
        asked = ended.how
        _check(_read(source, folder, answer), ended)
        ended.how = f"asked ({asked}); answered: {ended.how}"
    else:
        ended.wrong.append(f"refused: {refusal}")


def _undeclared(source: SourceFile, entry: Mapping[str, str]) -> Iterator[str]:
    """Without a folder that says it, content tells the right type and source, or asks."""
    if not source.members:
        name, reason = recognise(source, ReadOptions())
        if name is not None:
            yield f"taken for {name}: {reason}"
    try:
        readings = read_file(source, declared_omics_type=None, options=ReadOptions())
    except Unreadable as refusal:
        if refusal.reason_code not in (
            "undecided_omics_type",
            "undecided_strand",
            "no_quantity_columns",
        ):
            yield f"undeclared: {refusal}"
        return
    for reading in readings:
        if reading.header.omics_type != entry["omics_type"]:
            yield f"content says {reading.header.omics_type}"


def _read(source: SourceFile, folder: str, options: ReadOptions) -> list[Dataset]:
    found = []
    for reading in read_file(source, declared_omics_type=folder, options=options):
        rows = [row for batch in reading.batches() for row in batch.to_pylist()]
        rejects = len({row["row_number"] for row in reading.rejects().to_pylist()})
        found.append(Dataset(reading.header, rows, reading.counts(), rejects))
    return found


def _check(datasets: Sequence[Dataset], ended: Ended) -> None:
    entry = ended.entry
    for dataset in datasets:
        ended.wrong += _books(dataset)
    ended.wrong += _primary(datasets)
    counted = [dataset for dataset in datasets if _is_counted(dataset, entry)]
    seen = [(d.header.part, *_shape(d), d.counts.n_values) for d in datasets]
    if not counted:
        ended.how = ", ".join(map(str, seen))
        ended.wrong.append("no dataset has the counted numbers")
        return
    (dataset,) = counted
    header = dataset.header
    others = len(datasets) - 1
    ended.how = (
        f"{header.format} | {header.omics_type} | {' x '.join(map(str, _shape(dataset)))} | "
        f"{dataset.counts.n_values} values | {dataset.counts.zero_count} zeros"
        + (f" | {others} more" if others else "")
    )
    if not re.match(_format_of(entry), header.format):
        ended.wrong.append(f"format {header.format!r}")
    if header.omics_type != entry["omics_type"]:
        ended.wrong.append(f"omics type {header.omics_type}")
    if header.shape == "matrix" and dataset.counts.zero_count != int(entry["zero_count"]):
        ended.wrong.append(f"{dataset.counts.zero_count} zeros, not {entry['zero_count']}")
    ended.wrong += [w for spot in ("spot1", "spot2") for w in _spot(dataset, entry, spot)]
    ended.wrong += _flags(dataset, entry)


def _format_of(entry: Mapping[str, str]) -> str:
    """Returns the pattern of the format's name: as listed, else the first word of the manifest."""
    found = next(ours for theirs, ours in FORMATS if re.match(theirs, entry["format"]))
    words = re.split(r"[ ,]", entry["format"])
    return found.replace("{first words}", re.escape(words[0]))


def _books(dataset: Dataset) -> Iterator[str]:
    counts = dataset.counts
    skipped = sum(counts.rows_skipped_by_rule.values())
    if counts.rows_read != counts.rows_landed + counts.rows_rejected + skipped:
        yield f"books: {counts}"
    if counts.rows_rejected != dataset.n_rejects:
        yield f"{counts.rows_rejected} rejected, {dataset.n_rejects} recorded"
    if dataset.header.shape == "matrix":
        missing = sum(_elements(row).count("NULL") for row in dataset.rows)
        zeros = counts.zero_count if dataset.header.zero_is_missing else 0
        total = len(dataset.rows) * len(dataset.header.assays)
        absent = dataset.header.role_evidence.get("absent_entries", 0)
        if total - missing - zeros != counts.n_values:
            yield f"{counts.n_values} values counted, {total - missing - zeros} landed ({absent})"
    for said in ("role_evidence", "scale_evidence", "omics_type_evidence"):
        json.dumps(dict(getattr(dataset.header, said)))


def _primary(datasets: Sequence[Dataset]) -> Iterator[str]:
    """Of several quantities exactly one is the preferred one."""
    quantities = {d.header.quantity for d in datasets if d.header.shape == "matrix"}
    primary = {
        d.header.quantity
        for d in datasets
        if d.header.shape == "matrix" and d.header.role_evidence.get("primary")
    }
    if len(quantities) > 1 and len(primary) != 1:
        yield f"primary: {primary} of {quantities}"


def _shape(dataset: Dataset) -> tuple[int, int]:
    if dataset.header.shape == "matrix":
        return len(dataset.rows), len(dataset.header.assays)
    columns = sum(len(contrast.columns) for contrast in dataset.header.contrasts)
    return len({row["row_number"] for row in dataset.rows}), columns


def _is_counted(dataset: Dataset, entry: Mapping[str, str]) -> bool:
    """Whether the dataset has the counted numbers: those counted first, of the primary quantity."""
    if not dataset.header.role_evidence.get("primary", True):
        return False
    wanted = (int(entry["n_features"]), int(entry["n_samples"]), int(entry["n_numeric_values"]))
    return (*_shape(dataset), dataset.counts.n_values) == wanted


def _elements(row: Mapping[str, object]) -> list[str]:
    return str(row["quantities"]).strip("{}").split(",")


def _spot(dataset: Dataset, entry: Mapping[str, str], spot: str) -> Iterator[str]:
    name, sample = entry[f"{spot}_feature"], entry[f"{spot}_sample"]
    expected = float(entry[f"{spot}_numeric"])
    rows = _spot_rows(dataset, name)
    if dataset.header.shape == "result_table":
        columns = [
            statistic
            for contrast in dataset.header.contrasts
            for statistic, header in contrast.columns.items()
            if header == sample
        ]
        found = [float(str(row[column])) for row in rows for column in columns]
    else:
        found = [
            float(text)
            for row in rows
            for at in _spot_positions(dataset, sample)
            if (text := _elements(row)[at]) != "NULL"
        ]
    # Where several rows bear the name, one of them is meant; where one does, it is that value.
    if expected not in found or (len(rows) == 1 and len(found) == 1 and found != [expected]):
        yield f"{name} in {sample}: {found[:5]}, not {expected}"


def _spot_rows(dataset: Dataset, name: str) -> list[dict[str, object]]:
    numbered = re.fullmatch(r"(.*) \[feature #(\d+)\]", name)
    if numbered:
        row = dataset.rows[int(numbered[2]) - 1]
        return [row] if row["reported_name"] == numbered[1] else []
    exact = [row for row in dataset.rows if row["reported_name"] == name]
    return exact or [row for row in dataset.rows if _is_named(row, name)]


def _is_named(row: Mapping[str, object], name: str) -> bool:
    """Whether the row's name, its parts or its annotations hold every part of a counted name."""
    said = json.loads(str(row["annotations"])).values() if row["annotations"] else ()
    texts = {text for text in said if isinstance(text, str)}
    known = {str(row["reported_name"]), *str(row["reported_name"]).split("|"), *texts}
    # The count writes the symbol of a gene behind its id.
    if (described := re.fullmatch(r"(.*) \((.*)\)", name)) and set(described.groups()) <= known:
        return True
    # The count writes an empty part of a name, such as no modification, as "{}".
    counted = {name, name.removesuffix(" {}")}
    return bool(counted & known) or set(name.split("|")) <= known


def _spot_positions(dataset: Dataset, sample: str) -> list[int]:
    assays = dataset.header.assays
    numbered = re.fullmatch(r"(.*) \[sample #(\d+)\]", sample)
    if numbered:
        at = int(numbered[2]) - 1
        return [at] if assays[at].source_column == numbered[1] else []
    if len(assays) == 1:
        return [0]
    exact = [i for i, a in enumerate(assays) if sample in (a.name, a.source_column)]
    return exact or [
        i for i, a in enumerate(assays) if sample in a.source_column or a.name in sample
    ]


#: How the manifest words what it counted of flags, and what of ours must have that count.
_FLAGGED = (
    (r"(\d+) contaminants \(\"Potential", "is_contaminant"),
    (r"^(\d+) contaminants", "is_contaminant"),
    (r"(\d+) rows Contaminant=True", "is_contaminant"),
    (r"(\d+) contam_(?:/rev_)? rows", "is_contaminant"),
    (r"(\d+) of \d+ rows are contaminants", "is_contaminant"),
    (r"(\d+) decoys", "is_decoy"),
    (r"is_decoy all (0)", "is_decoy"),
)
_SKIPPED = (
    (r"(\d+) (?:N_|__) ?(?:summary )?rows", ("summary_row",)),
    (r"()\"END OF FILE\" trailer row", ("end_marker", "single_cell")),
)


def _flags(dataset: Dataset, entry: Mapping[str, str]) -> Iterator[str]:
    said = entry["contaminants_decoys_summary_rows"]
    flagged: dict[str, int] = {}
    for pattern, flag in _FLAGGED:
        if (found := re.search(pattern, said)) and flag not in flagged:
            flagged[flag] = int(found[1])
    by_record = re.search(r"\d+ of \d+ rows are contaminants", said) is not None
    for flag, wanted in flagged.items():
        marked = [row for row in dataset.rows if row[flag] is True]
        # Of a long table, the records are counted: as many as there are values.
        count = sum(len(_elements(row)) - _elements(row).count("NULL") for row in marked)
        count = count if by_record else len(marked)
        if count != wanted:
            yield f"{count} rows with {flag}, not {wanted}"
    if "contaminants are unknown" in said and any(
        row["is_contaminant"] is not None for row in dataset.rows
    ):
        yield "contaminants are unknown, and some are told"
    for pattern, rules in _SKIPPED:
        if found := re.search(pattern, said):
            skipped = dataset.counts.rows_skipped_by_rule
            if sum(skipped.get(rule, 0) for rule in rules) != int(found[1] or 1):
                yield f"skipped {dict(skipped)}, not {found[0]}"
    if found := re.search(r"QC_Warning WARN on (\d+) rows", said):
        notes = [json.loads(str(row["annotations"])) for row in dataset.rows]
        count = sum(len(note.get("QC_Warning", ())) for note in notes)
        if count != int(found[1]):
            yield f"{count} warnings, not {found[1]}"
    if found := re.search(r"SampleType (\d+) Sample \+ (\d+) Calibrator", said):
        kinds = Counter(assay.attributes.get("SampleType") for assay in dataset.header.assays)
        if kinds != {"Sample": int(found[1]), "Calibrator": int(found[2])}:
            yield f"sample types {dict(kinds)}"
        types = Counter(json.loads(str(row["annotations"]))["Type"] for row in dataset.rows)
        for count, kind in re.findall(r"(\d+) (Protein|Non-Human|Spuriomer|Deprecated)", said):
            if types[kind] != int(count):
                yield f"{types[kind]} analytes of type {kind}, not {count}"


# -- signatures, references, sheets ----------------------------------------------------------------


@dataclass
class _Held:
    """What the files of a row of another source hold."""

    headers: list[TablesHeader] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)
    tables: dict[str, list[pa.Table]] = field(default_factory=dict)

    def rows(self, table_name: str, /, **wanted: Sequence[str]) -> list[dict[str, Any]]:
        """Returns rows of a landing table, those with certain texts in certain columns."""
        found = []
        for table in self.tables.get(table_name, ()):
            for column, texts in wanted.items():
                table = table.filter(
                    pc.is_in(table[column], value_set=pa.array(texts, pa.string()))
                )
            found += table.to_pylist()
        return found


def _tables(files: Sequence[FoundFile], source_name: str, ended: Ended) -> None:
    entry, held = ended.entry, _Held()
    for file in files:
        source = _source(file)
        try:
            readings = reader_of(source_name).read_file(source, options=ReadOptions())
        except Unreadable:
            # Results that a study lists beside its sheets.
            for dataset in _read(source, "metabolomics", ReadOptions()):
                ended.wrong += _books(dataset)
                if len(dataset.header.assays) != int(entry["n_samples"]):
                    ended.wrong.append(f"{len(dataset.header.assays)} samples in {file.path}")
            continue
        for reading in readings:
            for name, batch in reading.batches():
                held.tables.setdefault(name, []).append(batch)
            counts = reading.counts()
            skipped = sum(counts.rows_skipped_by_rule.values())
            if counts.rows_read != counts.rows_landed + counts.rows_rejected + skipped:
                ended.wrong.append(f"books: {counts}")
            held.headers.append(reading.header)
            held.counts.append(counts)
    check = {"signatures": _signatures, "features": _references, "programs": _sheets}[source_name]
    ended.wrong += check(held, entry)
    sizes = {name: sum(t.num_rows for t in found) for name, found in held.tables.items()}
    rows = ", ".join(f"{count:,} {name}" for name, count in sorted(sizes.items()))
    ended.how = f"{' + '.join(h.format for h in held.headers)} | {source_name} | {rows}"


def _signatures(held: _Held, entry: Mapping[str, str]) -> Iterator[str]:
    sets = held.rows("sets")
    if len(sets) != int(entry["n_sets"]):
        yield f"{len(sets)} sets"
    members = sum(json.loads(row["fields"])["n_members"] for row in sets)
    if members != int(entry["n_members"]):
        yield f"{members} members"
    for spot in ("spot1", "spot2"):
        name, member = entry[f"{spot}_feature"], entry[f"{spot}_sample"]
        name = sets[0]["name"] if name == "(file)" else name
        found = held.rows("components", set_name=[name], reported_name=[member])
        signed = [float(r["weight"] or 1) * int(r["direction"]) for r in found]
        wanted = entry[f"{spot}_numeric"]
        if not found or (wanted and signed != [float(wanted)]):
            yield f"{member} in {name}: {signed}"


def _references(held: _Held, entry: Mapping[str, str]) -> Iterator[str]:
    rows = sum(counts.rows_read for counts in held.counts)
    if rows != int(entry["n_rows"]):
        yield f"{rows} rows read"
    for spot in ("spot1", "spot2"):
        name, wanted = entry[f"{spot}_feature"], entry[f"{spot}_value"]
        ids = {row["canonical_id"] for row in held.rows("names", name=[name])}
        prefix = held.tables["entities"][0]["canonical_id"][0].as_py().split(":")[0]
        ids.add(name.lower() if ":" in name else f"{prefix}:{name}")
        entities = held.rows("entities", canonical_id=sorted(ids))
        told = {row["name"] for row in held.rows("names", canonical_id=sorted(ids))}
        told |= {row["canonical_id"].split(":")[-1] for row in entities}
        noted = " ".join(str(row["annotations"]) for row in entities)
        if wanted not in told and f'"{wanted}' not in noted and not set(wanted.split()) <= told:
            yield f"{wanted} of {name}: {sorted(told)[:5]}"


def _sheets(held: _Held, entry: Mapping[str, str]) -> Iterator[str]:
    records = [
        (row["kind"], {**json.loads(row["attributes"]), **json.loads(row["fields"])})
        for row in held.rows("records")
    ]
    described = [fields for kind, fields in records if kind in ("sample", "assay")]
    # A sheet is keyed by sample, or by run where several runs measure a sample.
    samples = {str(fields.get("name")) for fields in described}
    runs = {str(fields.get("files", fields.get("name"))) for fields in described}
    if int(entry["n_samples"]) not in (len(samples), len(runs)):
        yield f"{len(samples)} samples, {len(runs)} runs"
    if int(entry["n_rows"]) not in [counts.rows_read for counts in held.counts]:
        yield f"rows read: {[counts.rows_read for counts in held.counts]}"
    for spot in ("spot1", "spot2"):
        name, wanted = entry[f"{spot}_feature"], entry[f"{spot}_value"]
        texts = [set(_texts(fields)) for fields in described]
        if not any(name in held_by and wanted in held_by for held_by in texts):
            yield f"{wanted} of {name} is not there"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value)
