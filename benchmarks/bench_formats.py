"""Reading speed and memory of each format, on files that are written here.

Reading alone, without Postgres: one process reads one file to its last batch, as a worker does, and
says how much processor time and memory that took. The large ones show that they stream.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.bench_load import Row, Scale
from benchmarks.measure import REPOSITORY
from warehouse.settings import Settings

#: Bytes of the DIA-NN report.
REPORT_BYTES = 2_000_000_000
#: Largest memory of a process that reads a file of any size, in MiB.
MEMORY_MUST = 512

_READER = """
import json, resource, sys, time
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
(file,) = grouped(find_in_folder(sys.argv[1]))
began = time.process_time()
values = features = cells = 0
for reading in read_file(source(file), declared_omics_type=None, options=ReadOptions()):
    held = sum(batch.num_rows for batch in reading.batches())
    features += held
    cells += held * len(reading.header.assays)
    values += reading.counts().n_values
seconds = time.process_time() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peak": peak, "values": values, "cells": cells,
                  "features": features, "bytes": file.size}))
"""


def formats(base: Settings, work: Path, scale: Scale) -> list[Row]:
    """Reads a generated file of each format in a process of its own."""
    small = scale.files < 100
    return [_measured(name, write, work, small=small) for name, write in WRITERS.items()]


def _measured(name: str, write: Callable[[Path, int], None], work: Path, *, small: bool) -> Row:
    folder = work / f"format-{name.replace(' ', '-')}"
    folder.mkdir(parents=True)
    write(folder, 1 if small else 100)
    command = [sys.executable, "-c", _READER, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    said = json.loads(done.stdout)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
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
    """Writes fragments: each quantity of a protein stands in 30 rows."""
    head = [
        "R.FileName", "R.Condition", "PG.ProteinGroups", "PG.Quantity", "EG.PrecursorId",
        "FG.Quantity", "F.PeakArea",
    ]  # fmt: skip

    def lines() -> Iterator[str]:
        yield "\t".join(head) + "\n"
        for run in range(2 * scale):
            for protein in range(1_000):
                for part in range(30):
                    yield (
                        f"run_{run}\tA\tP{protein:05}\t{protein * 3 + run}.5\t"
                        f"_PEP{protein}K{part // 6}_.2\t{protein + part // 6}.25\t{part}.5\n"
                    )

    _lines(folder / "spectronaut.tsv", lines())


def _h5ad(folder: Path, scale: int, *, sparse: bool) -> None:
    import h5py
    import numpy as np

    n_obs, n_var = 500 * scale, 2_000
    rng = np.random.default_rng(1)
    with h5py.File(folder / "cells.h5ad", "w") as file:
        for name, count, form in (("obs", n_obs, "cell{}"), ("var", n_var, "ENSG{:011d}")):
            group = file.create_group(name)
            group.attrs["_index"] = "_index"
            values = np.array([form.format(at) for at in range(count)], dtype=object)
            group.create_dataset("_index", data=values, dtype=h5py.string_dtype())
        if not sparse:
            held = file.create_dataset("X", (n_obs, n_var), "f4", chunks=(500, 100))
            for start in range(0, n_obs, 500):
                held[start : start + 500] = rng.random((500, n_var), dtype=np.float32)
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
}

BENCHMARKS = {"formats": formats}
