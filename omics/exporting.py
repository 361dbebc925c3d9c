"""The command ``omics export``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from omics import output
from warehouse import exits
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    from warehouse.export.model import Exported

#: How to open each format, with the name of the file filled in.
_OPEN = {
    "parquet": "pandas.read_parquet({path!r})",
    "csv": "pandas.read_csv({path!r}, comment='#')",
    "h5ad": "anndata.read_h5ad({path!r})",
}

FORMATS = tuple(_OPEN)


def export_command(
    dataset: str, *, file_format: str, out: str | None, overwrite: bool, as_json: bool
) -> int:
    """Writes one dataset to a file and says how to open it."""
    from warehouse.connection import connect
    from warehouse.export.reading import read_dataset
    from warehouse.settings import get_settings
    from warehouse.writing import require_folder

    path = Path(out).resolve() if out is not None else None
    if path is not None:
        require_folder(path)
        _refuse_to_replace(path, overwrite)
    with connect(get_settings()) as conn:
        exported = read_dataset(conn, dataset)
    if path is None:
        path = Path.cwd() / f"{_file_name(exported.name)}.{file_format}"
        require_folder(path)
        _refuse_to_replace(path, overwrite)
    _write(exported, path, file_format)
    if as_json:
        output.print_json(
            {"path": path, "format": file_format, "rows": exported.n_rows,
             "assays": len(exported.matrix.assays) if exported.matrix else 0,
             "provenance": exported.provenance}
        )  # fmt: skip
    else:
        columns = len(exported.matrix.assays) if exported.matrix else len(exported.statistics)
        kind = "assays" if exported.matrix else "statistics"
        output.say(f"wrote {path}: {exported.n_rows:,} rows, {columns:,} {kind}")
        output.say(f"open it with: {_OPEN[file_format].format(path=path.name)}")
    return exits.DONE


def _write(exported: Exported, path: Path, file_format: str) -> None:
    from warehouse.export.hdf5 import write_h5ad
    from warehouse.export.parquet import write_parquet
    from warehouse.export.text import write_csv
    from warehouse.writing import whole

    writers = {"parquet": write_parquet, "csv": write_csv, "h5ad": write_h5ad}
    with whole(path) as beside:
        writers[file_format](exported, beside)


def _refuse_to_replace(path: Path, overwrite: bool) -> None:
    # The default name is that of the dataset, and so may be that of the very file it came from.
    if path.exists() and not overwrite:
        raise OmicsError(
            "the file to write is there already",
            where=path,
            expected="a name that is free",
            fix="name another one with --out, or add --overwrite",
        )


def _file_name(name: str) -> str:
    """A name for a file on any system; what stands in a dataset's name may not in a path."""
    return re.sub(r"[^\w.+-]+", "_", name).strip("._")[:100] or "dataset"
