"""Reading speed and memory of each format, on files that are written here.

Reading alone, without Postgres: one process reads one file to its last batch, as a worker does, and
says how much processor time and memory that took. The large ones show that they stream.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.bench_load import Row, Scale
from benchmarks.measure import REPOSITORY
from warehouse.settings import Settings

#: Bytes of a large report.
REPORT_BYTES = 2_000_000_000
#: Largest memory of a process that reads a file of any size, in MiB.
MEMORY_MUST = 512

_READER = """
import json, resource, sys, time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from loaders.pool import without_pandas
without_pandas()
from loaders.model import ReadOptions, SourceFile
from loaders.discovery import find_in_folder
from loaders.groups import grouped
from loaders.reading.read import read_file
def source(file):
    members = tuple(source(member) for member in file.members)
    return SourceFile(file.path, Path(file.path), file.size, datetime.now(UTC), members)
def highest():
    # ru_maxrss of a process that was started by a large one begins with the memory of that one.
    with suppress(OSError), open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
for folder in sys.argv[1:]:
    (file,) = grouped(find_in_folder(folder))
    began = time.process_time()
    values = features = cells = 0
    for reading in read_file(source(file), declared_omics_type=None, options=ReadOptions()):
        held = sum(batch.num_rows for batch in reading.batches())
        features += held
        cells += held * max(len(reading.header.assays), len(reading.header.contrasts))
        values += reading.counts().n_values
    seconds = time.process_time() - began
    peak = highest()
    print(json.dumps({"seconds": seconds, "peak": peak, "values": values, "cells": cells,
                      "features": features, "bytes": file.size}))
"""


def formats(base: Settings, work: Path, scale: Scale) -> list[Row]:
    """Reads a generated file of each format in a process of its own; small ones in one process."""
    if scale.files >= 100:
        return [row for name in WRITERS for row in _measured([name], work, 100)]
    return _measured(list(WRITERS), work, 1)


def _measured(names: Sequence[str], work: Path, scale: int) -> list[Row]:
    folders = [work / f"format-{name.replace(' ', '-')}" for name in names]
    for name, folder in zip(names, folders, strict=True):
        folder.mkdir(parents=True)
        WRITERS[name](folder, scale)
    command = [sys.executable, "-c", _READER, *map(str, folders)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    for folder in folders:
        shutil.rmtree(folder)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    return [_row(name, found) for name, found in zip(names, said, strict=True)]


def _row(name: str, said: dict[str, float]) -> Row:
    speed = said["cells"] / said["seconds"] / 1e6
    size = said["bytes"] / said["seconds"] / 1e6
    return Row(
        what=f"reading {name}",
        measured=f"{speed:.2f} M cells/s, {said['peak']:.0f} MiB",
        must=f"{MEMORY_MUST} MiB",
        aim="",
        holds=said["peak"] <= MEMORY_MUST,
        note=f"{said['bytes'] / 1e6:,.0f} MB, {said['cells'] / 1e6:.1f} M cells, "
        f"{said['values'] / 1e6:.1f} M values, {size:.0f} MB/s",
    )


def _lines(path: Path, lines: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.writelines(lines)


def _diann(folder: Path, scale: int) -> None:
    """Writes a report of 2 GB (scale 100): precursors of 8,000 proteins in 200 runs."""
    head = [
        "File.Name", "Run", "Protein.Group", "Protein.Ids", "Protein.Names", "Genes",
        "PG.Quantity", "PG.MaxLFQ", "Modified.Sequence", "Stripped.Sequence", "Precursor.Id",
        "Precursor.Charge", "Q.Value", "PEP", "PG.Q.Value", "Precursor.Normalised", "RT", "Filler",
    ]  # fmt: skip
    filler = "0.125;" * 100
    target, written, run = REPORT_BYTES * scale // 100, 0, 0
    with (folder / "report.tsv").open("w", encoding="utf-8") as out:
        out.write("\t".join(head) + "\n")
        while written < target:
            lines = []
            for at in range(12_000):
                protein, quantity = at % 4_000, (at * 7919 + run * 104729) % 999_983
                group = (protein * 31 + run * 17) % 99_991 + 1
                lines.append(
                    f"D:\\raw\\run_{run}.raw\trun_{run}\tP{protein:05}\tP{protein:05}\tN{protein}\t"
                    f"G{protein}\t{group}.5\t{group}.25\tPEPTIDEK{at}\tPEPTIDEK{at}\tPEPTIDEK{at}2\t"
                    f"2\t0.001\t0.01\t0.002\t{quantity}.5\t12.5\t{filler}\n"
                )
            text = "".join(lines)
            out.write(text)
            written += len(text)
            run += 1


def _diann_parquet(folder: Path, scale: int) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = pa.schema(
        [("Run", pa.string()), ("Protein.Group", pa.string()), ("Precursor.Id", pa.string())]
        + [(name, pa.float32()) for name in ("Q.Value", "PG.MaxLFQ", "Precursor.Normalised", "RT")]
    )
    chosen = np.arange(12_000)
    with pq.ParquetWriter(folder / "report.parquet", kinds) as out:
        for run in range(2 * scale):
            group = (chosen % 4_000 * 31 + run * 17) % 99_991 + 1.25
            columns = [
                pa.array([f"run_{run}"] * len(chosen)),
                pa.array([f"P{n % 4_000:05}" for n in chosen]),
                pa.array([f"PEPTIDEK{n}2" for n in chosen]),
                pa.array(np.full(len(chosen), 0.001, np.float32)),
                pa.array(group.astype(np.float32)),
                pa.array((chosen * 7.5 + run).astype(np.float32)),
                pa.array(chosen.astype(np.float32)),
            ]
            out.write_table(pa.table(columns, schema=kinds))


def _spectronaut(folder: Path, scale: int) -> None:
    """Writes fragments, 2 GB of them at scale 100: a protein's quantity stands in 30 rows."""
    head = [
        "R.FileName", "R.Condition", "PG.ProteinGroups", "PG.Quantity", "EG.PrecursorId",
        "FG.Quantity", "F.PeakArea", "PG.ProteinDescriptions",
    ]  # fmt: skip
    filler = "a protein with a long description; " * 8
    target, written, run = REPORT_BYTES * scale // 100, 0, 0
    with (folder / "spectronaut.tsv").open("w", encoding="utf-8") as out:
        out.write("\t".join(head) + "\n")
        while written < target:
            text = "".join(
                f"run_{run}\tA\tP{protein:05}\t{protein * 3 + run}.5\t"
                f"_PEP{protein}K{part // 6}_.2\t{protein + part // 6}.25\t{part}.5\t{filler}\n"
                for protein in range(1_000)
                for part in range(30)
            )
            out.write(text)
            written += len(text)
            run += 1


def _h5ad(folder: Path, scale: int, *, sparse: bool) -> None:
    """Writes cells; dense ones are doubles and take 2 GB at scale 100."""
    import h5py
    import numpy as np

    n_obs, n_var = (500 if sparse else 1_250) * scale // 250 * 250, 2_000
    rng = np.random.default_rng(1)
    with h5py.File(folder / "cells.h5ad", "w") as file:
        for name, count, form in (("obs", n_obs, "cell{}"), ("var", n_var, "ENSG{:011d}")):
            group = file.create_group(name)
            group.attrs["_index"] = "_index"
            values = np.array([form.format(at) for at in range(count)], dtype=object)
            group.create_dataset("_index", data=values, dtype=h5py.string_dtype())
        if not sparse:
            held = file.create_dataset("X", (n_obs, n_var), "f8", chunks=(250, 100))
            for start in range(0, n_obs, 250):
                # Two decimals, as rounded abundances have them.
                held[start : start + 250] = rng.integers(0, 100_000, (250, n_var)) / 100
            return
        group = file.create_group("X")
        group.attrs["encoding-type"] = "csr_matrix"
        per_row = 200
        total = n_obs * per_row
        data = group.create_dataset("data", (total,), "f4", chunks=(min(1 << 18, total),))
        indices = group.create_dataset("indices", (total,), "i4", chunks=(min(1 << 18, total),))
        for start in range(0, n_obs, 500):
            at = slice(start * per_row, (start + 500) * per_row)
            indices[at] = np.concatenate(
                [np.sort(rng.choice(n_var, per_row, replace=False)) for _ in range(500)]
            )
            data[at] = rng.integers(1, 50, 500 * per_row)
        group["indptr"] = np.arange(0, total + 1, per_row, dtype=np.int64)


def _maxquant(folder: Path, scale: int) -> None:
    runs = [f"s{at}" for at in range(40)]
    head = ["Protein IDs", "Peptide counts (all)", "Reverse", "Potential contaminant"]
    head += [f"{quantity} {run}" for quantity in ("Intensity", "LFQ intensity") for run in runs]

    def lines() -> Iterator[str]:
        yield "\t".join(head) + "\n"
        for at in range(100 * scale):
            numbers = "\t".join(str((at * 7919 + n * 31) % 99_999_999) for n in range(80))
            yield f"P{at:06}\t3\t\t\t{numbers}\n"

    _lines(folder / "proteinGroups.txt", lines())


def _salmon(folder: Path, scale: int) -> None:
    for sample in range(12):
        path = folder / f"S{sample}" / "quant.sf"
        path.parent.mkdir()
        rows = (
            f"ENST{at:011d}\t1000\t900\t{at % 97}.5\t{(at * 31 + sample) % 9973}\n"
            for at in range(1_000 * scale)
        )
        _lines(path, iter(["Name\tLength\tEffectiveLength\tTPM\tNumReads\n", *rows]))


def _gct(folder: Path, scale: int) -> None:
    rows, columns = 200 * scale, 200

    def lines() -> Iterator[str]:
        yield f"#1.2\n{rows}\t{columns}\n"
        yield "\t".join(["Name", "Description", *(f"s{n}" for n in range(columns))]) + "\n"
        for at in range(rows):
            yield (
                f"ENSG{at:011d}\tna\t"
                + "\t".join(f"{(at + n) % 977}.5" for n in range(columns))
                + "\n"
            )

    _lines(folder / "matrix.gct", lines())


def _mztab(folder: Path, scale: int) -> None:
    columns = 40

    def lines() -> Iterator[str]:
        yield "MTD\tmzTab-version\t1.0.0\n"
        yield (
            "\t".join(
                ["PRH", "accession", *(f"protein_abundance_assay[{n + 1}]" for n in range(columns))]
            )
            + "\n"
        )
        for at in range(200 * scale):
            yield (
                f"PRT\tP{at:06}\t" + "\t".join(f"{(at + n) % 977}.5" for n in range(columns)) + "\n"
            )

    _lines(folder / "proteins.mzTab", lines())


def _wide(
    beside: Sequence[str],
    samples: str,
    *,
    above: str = "",
    feature: str = "P{:05}",
    count: int = 40,
) -> Callable[[Path, int], None]:
    """Returns a function that writes a table: columns beside the samples, the first of them names.

    Args:
        beside: Headers left of the samples; a number behind a bar is what stands below.
        samples: Header of a sample, ``{}`` for its number.
        above: Lines above the header.
        feature: Name of a feature, ``{}`` for its number.
        count: Number of samples.
    """

    def write(folder: Path, scale: int) -> None:
        heads, cells = zip(*(head.partition("|")[::2] for head in beside), strict=True)
        fixed = "\t".join(cell or "x" for cell in cells[1:])

        def lines() -> Iterator[str]:
            yield above
            yield "\t".join([*heads, *(samples.format(n + 1) for n in range(count))]) + "\n"
            for at in range(200 * scale):
                numbers = "\t".join(f"{(at * 31 + n) % 9973}.5" for n in range(count))
                yield f"{feature.format(at)}\t{fixed}\t{numbers}\n"

        _lines(folder / "table.txt", lines())

    return write


def _olink(folder: Path, scale: int) -> None:
    def lines() -> Iterator[str]:
        yield "SampleID;OlinkID;UniProt;Assay;Panel;QC_Warning;NPX\n"
        for sample in range(8 * scale):
            for at in range(1_000):
                yield f"S{sample};OID{at:05};P{at:05};A{at};Panel;PASS;{(at + sample) % 97}.25\n"

    _lines(folder / "npx.csv", lines())


def _adat(folder: Path, scale: int) -> None:
    analytes = [f"{10000 + at}-{at % 90}" for at in range(2_000)]
    lead = "\t" * 3

    def lines() -> Iterator[str]:
        yield "!Checksum\tabc\n^HEADER\n!Version\t1.2\n^COL_DATA\n!Name\tSeqId\tType\n"
        yield "^ROW_DATA\n!Name\tSlideId\tSubarray\tSampleType\n^TABLE_BEGIN\n"
        yield lead + "SeqId\t" + "\t".join(analytes) + "\n"
        yield lead + "Type\t" + "\t".join("Protein" for _ in analytes) + "\n"
        yield "SlideId\tSubarray\tSampleType\t\n"
        for at in range(5 * scale):
            numbers = "\t".join(f"{(at * 31 + n) % 9973}.5" for n in range(len(analytes)))
            yield f"{at // 8}\t{at % 8}\tSample\t\t{numbers}\n"

    _lines(folder / "data.adat", lines())


def _mwtab(folder: Path, scale: int) -> None:
    samples = [f"S{at}" for at in range(40)]

    def lines() -> Iterator[str]:
        yield "#METABOLOMICS WORKBENCH STUDY_ID:ST1 ANALYSIS_ID:AN1\nVERSION\t1\n"
        yield "#MS_METABOLITE_DATA\nMS_METABOLITE_DATA:UNITS\tpeak area\n"
        yield "MS_METABOLITE_DATA_START\n" + "\t".join(["Samples", *samples]) + "\n"
        yield "\t".join(["Factors", *("Diet:high" for _ in samples)]) + "\n"
        for at in range(200 * scale):
            numbers = "\t".join(f"{(at * 31 + n) % 9973}.5" for n in range(40))
            yield f"molecule {at}\t{numbers}\n"
        yield "MS_METABOLITE_DATA_END\n#END\n"

    _lines(folder / "study.txt", lines())


def _series(folder: Path, scale: int) -> None:
    samples = [f'"GSM{at}"' for at in range(100)]

    def lines() -> Iterator[str]:
        yield '!Series_title\t"t"\n' + "\t".join(["!Sample_geo_accession", *samples]) + "\n"
        yield "!series_matrix_table_begin\n" + "\t".join(['"ID_REF"', *samples]) + "\n"
        for at in range(200 * scale):
            numbers = "\t".join(f"{(at * 31 + n) % 97}.25" for n in range(100))
            yield f'"{at + 1000}_at"\t{numbers}\n'
        yield "!series_matrix_table_end\n"

    _lines(folder / "series.txt", lines())


def _tenx(folder: Path, scale: int) -> None:
    genes, cells, each = 2_000, 100 * scale, 100

    def lines() -> Iterator[str]:
        yield "%%MatrixMarket matrix coordinate integer general\n"
        yield f"{genes} {cells} {cells * each}\n"
        for cell in range(cells):
            for at in range(each):
                yield f"{at * 20 + cell % 20 + 1} {cell + 1} {at % 7 + 1}\n"

    _lines(folder / "matrix.mtx", lines())
    _lines(
        folder / "features.tsv", (f"ENSG{at:011d}\tG{at}\tGene Expression\n" for at in range(genes))
    )
    _lines(folder / "barcodes.tsv", (f"CELL{at}-1\n" for at in range(cells)))


def _deseq(folder: Path, scale: int) -> None:
    def lines() -> Iterator[str]:
        yield "gene_id\tbaseMean\tlog2FoldChange\tlfcSE\tstat\tpvalue\tpadj\n"
        for at in range(1_000 * scale):
            yield f"ENSG{at:011d}\t{at % 977}.5\t-1.{at % 97}\t0.25\t3.5\t0.001\t0.01\n"

    _lines(folder / "results.tsv", lines())


def _workbook(folder: Path, scale: int) -> None:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("data")
    sheet.append(["Lipid", *(f"s{n}" for n in range(40))])
    for at in range(20 * scale):
        sheet.append(
            [f"PC {at % 40 + 20}:{at % 7}", *((at * 31 + n) % 9973 + 0.5 for n in range(40))]
        )
    book.save(folder / "lipids.xlsx")


_SPECTRONAUT = ["PG.ProteinGroups", "PG.Genes"]
_MAF = ["metabolite_identification", "mass_to_charge|100.5", "retention_time|5.5"]
_MAF += [f"smallmolecule_abundance{end}|" for end in ("_sub", "_stdev_sub", "_std_error_sub")]

#: Format to the function that writes a file of it; its scale is 100, or 1 to prove that it runs.
WRITERS: dict[str, Callable[[Path, int], None]] = {
    "DIA-NN report, text, 2 GB": _diann,
    "DIA-NN report, Parquet": _diann_parquet,
    "Spectronaut report": _spectronaut,
    "h5ad, dense": lambda folder, scale: _h5ad(folder, scale, sparse=False),
    "h5ad, sparse": lambda folder, scale: _h5ad(folder, scale, sparse=True),
    "MaxQuant proteinGroups": _maxquant,
    "salmon run of 12 samples": _salmon,
    "GCT": _gct,
    "mzTab": _mztab,
    "DIA-NN pg_matrix": _wide(
        ["Protein.Group", "Protein.Ids", "Protein.Names", "Genes", "First.Protein.Description"],
        "/d/run_{}.raw",
    ),
    "FragPipe combined_protein": _wide(
        ["Protein", "Protein ID", "Combined Total Peptides|3"], "s{} MaxLFQ Intensity"
    ),
    "Spectronaut protein pivot": _wide(_SPECTRONAUT, "[{0}] r{0}.raw.PG.Quantity"),
    "Proteome Discoverer proteins": _wide(
        ["Accession", "Description"], "Abundances (Normalized): F{}: Sample"
    ),
    "Olink NPX long": _olink,
    "SomaScan ADAT": _adat,
    "LipidSearch": _wide(
        ["LipidMolec", "ClassKey", "CalcMass|700.5"], "MeanArea[s{}]", feature="PC 34:1 ({})"
    ),
    "MS-DIAL alignment": _wide(
        [
            "Alignment ID",
            "Average Rt(min)|5.5",
            "Average Mz|700.5",
            "Metabolite name|PC 34:1",
            "MS/MS spectrum|100:5",
        ],
        "s{}",
        feature="{}",
    ),
    "MetaboLights MAF": _wide(_MAF, "s{}", feature="molecule {}"),
    "mwTab": _mwtab,
    "mzMine": _wide(
        ["row ID", "row m/z|100.5", "row retention time|5.5"], "s{}.mzML Peak area", feature="{}"
    ),
    "XCMS peak table": _wide(
        [
            "name",
            *(f"{name}|9" for name in ("mz", "mzmin", "mzmax", "rt", "rtmin", "rtmax")),
            "npeaks|4",
        ],
        "s{}",
        feature="M{}T100",
    ),
    "featureCounts": _wide(
        ["Geneid", "Chr", "Start|1", "End|9", "Strand|+", "Length|500"],
        "/x/s{}.bam",
        feature="ENSG{:011d}",
        above="# Program:featureCounts\n",
    ),
    "GEO series matrix": _series,
    "10x matrix": _tenx,
    "DESeq2 results": _deseq,
    "plain matrix": _wide(["Lipid", "Class"], "s{}", feature="PC 34:1 ({})"),
    "workbook": _workbook,
}

BENCHMARKS = {"formats": formats}
