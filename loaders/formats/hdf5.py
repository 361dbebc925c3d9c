"""HDF5: AnnData files (h5ad) and the matrices of Cell Ranger."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from loaders.formats.protocol import About, Content, Head, Quantity, Sniff
from loaders.model import Assay, DatasetReading, ReadOptions, Roles, Unreadable
from loaders.reading import blocks
from loaders.reading.blocks import Block, BlockReading
from loaders.reading.describe import Context

_MAGIC = bytes.fromhex("894844460d0a1a0a")
#: Entries of a sparse matrix, or cells of a dense one, that are read at once.
_PIECE = 2_000_000
#: What `feature_types` says, where all features are of one kind.
_KINDS = {"Gene Expression": "transcriptomics", "Antibody Capture": "proteomics"}


class Hdf5:
    """Reads AnnData and Cell Ranger matrices, backed: never more than a block is in memory."""

    about = About(
        name="h5ad",
        holds="An AnnData object: a matrix with described features and samples, dense or sparse; "
        "or the HDF5 matrix of Cell Ranger.",
        recognised_by="an HDF5 file with `X` or `layers`, `obs` and `var` (AnnData), or with "
        "`matrix/barcodes` (Cell Ranger)",
        orientation="samples in rows of the file; landed by feature",
        feature="the index of `var`; its columns are annotations",
        assay="the index of `obs`; its columns are attributes",
        quantities=(
            Quantity("X", "`X`"),
            Quantity("layer …", "each of `layers`"),
            Quantity("raw", "`raw/X`, with the features of `raw/var`"),
        ),
        zeros="a value in a dense matrix. In a sparse one absent entries are zeros that the file "
        "does not hold: they are counted as zeros and not among the values",
        missing=("NaN",),
        notes=(
            "Categories are resolved, also those of old files (`__categories`).",
            "`uns/log1p` says that `X` holds natural logarithms.",
            "The type follows from `feature_types` or the content of the index of `var`.",
        ),
        sources=("scverse/anndata, docs/fileformat-prose.md", "10x Genomics, HDF5 matrix format"),
    )

    def sniff(self, head: Head) -> Sniff | None:
        """Looks for the magic number."""
        if head.first.startswith(_MAGIC):
            return Sniff(1.0, "the magic number of HDF5")
        return None

    def read(
        self, content: Content, context: Context, options: ReadOptions
    ) -> list[DatasetReading]:
        """Reads every matrix in the file.

        Raises:
            Unreadable: If the file is damaged, or holds something else.
        """
        import h5py

        held = content.binary
        source: Any = str(held) if isinstance(held, Path) else io.BytesIO(held or b"")
        try:
            file = h5py.File(source, "r")
            if "matrix" in file and "barcodes" in file["matrix"]:
                return [_cell_ranger(file["matrix"], context)]
            if "obs" in file and "var" in file and ("X" in file or "layers" in file):
                return _anndata(file, context)
            keys = ", ".join(list(file)[:8])
        except (OSError, KeyError, RuntimeError, TypeError) as error:
            raise _broken(context, f"{type(error).__name__}: {error}") from error
        raise Unreadable(
            "format_not_readable_yet",
            place=context.part or "root of the HDF5 file",
            seen=f"an HDF5 file with {keys or 'nothing in it'}",
            expected="X, obs and var (AnnData), or matrix/barcodes (Cell Ranger)",
            question="Which program wrote this file, and can it export an AnnData file or a table?",
            nearest_format="h5ad",
        )


def _anndata(file: Any, context: Context) -> list[DatasetReading]:
    from loaders.reading.read import with_part

    samples, about_samples = _frame(file["obs"], file)
    found: list[tuple[str, Any, Any]] = []
    if "X" in file and not _is_null(file["X"]):
        found.append(("X", file["X"], file["var"]))
    found += [
        (f"layer {name}", file["layers"][name], file["var"]) for name in file.get("layers", ())
    ]
    if "raw" in file and "X" in file["raw"] and "var" in file["raw"]:
        found.append(("raw", file["raw"]["X"], file["raw"]["var"]))
    elif "raw.X" in file and "raw.var" in file:
        found.append(("raw", file["raw.X"], file["raw.var"]))
    if not found:
        raise _broken(context, "no X and no layer")
    assays = _assays(samples, about_samples)
    readings: list[DatasetReading] = []
    for at, (name, matrix, var) in enumerate(found):
        features, notes = _frame(var, file)
        evidence: dict[str, object] = {"quantity": name}
        if len(found) > 1:
            evidence["primary"] = at == 0
            evidence["other_quantities"] = [other for other, _, _ in found if other != name]
        is_log = name == "X" and "log1p" in file.get("uns", ())
        if is_log:
            evidence["logarithm"] = "uns/log1p: natural logarithm of 1 + x"
        roles = Roles(
            orientation="features_in_rows",
            format="h5ad",
            software="AnnData",
            omics_type=_omics_type(notes),
            quantity=name,
            value_scale="ln" if is_log else None,
            zero_is_missing=False,
            evidence=evidence,
        )
        place = with_part(context, f"quantity={name}") if at else context
        readings.append(_matrix(matrix, features, notes, assays, roles, place))
    return readings


def _cell_ranger(group: Any, context: Context) -> DatasetReading:
    about = group.get("features", group)
    features = _texts(about["id" if "id" in about else "genes"])
    fields = {
        key: _texts(about[key])
        for key in ("name", "gene_names", "feature_type", "genome")
        if key in about
    }
    notes = [
        {key: said[at] for key, said in fields.items() if said[at]} for at in range(len(features))
    ]
    kinds = set(fields.get("feature_type", ()))
    roles = Roles(
        orientation="features_in_rows",
        format="10x HDF5 matrix",
        software="Cell Ranger",
        omics_type=_KINDS.get(next(iter(kinds))) if len(kinds) == 1 else "transcriptomics",
        quantity="counts",
        unit="counts",
        value_scale="linear",
        zero_is_missing=False,
        evidence={"quantity": "matrix"},
    )
    assays = _assays(_texts(group["barcodes"]), {})
    # Compressed by barcode, with features as indices: rows of the compressed matrix are barcodes.
    return _sparse(group, True, features, notes, assays, roles, context)


def _assays(names: Sequence[str], about: Mapping[str, Sequence[str]]) -> list[Assay]:
    from loaders.reading.rows import unique_names

    return [
        Assay(at + 1, name, source, {key: said[at] for key, said in about.items() if said[at]})
        for at, (name, source) in enumerate(zip(unique_names(names), names, strict=True))
    ]


def _omics_type(notes: Sequence[Mapping[str, str]]) -> str | None:
    kinds = {note.get("feature_types", note.get("feature_type", "")) for note in notes}
    return _KINDS.get(next(iter(kinds))) if len(kinds) == 1 else None


def _matrix(
    matrix: Any,
    features: Sequence[str],
    notes: Sequence[Mapping[str, str]],
    assays: Sequence[Assay],
    roles: Roles,
    context: Context,
) -> DatasetReading:
    import h5py

    kind = _attribute(matrix, "encoding-type") or _attribute(matrix, "h5sparse_format") or ""
    if isinstance(matrix, h5py.Group):
        if not {"data", "indices", "indptr"} <= set(matrix):
            raise _broken(context, f"{matrix.name} of the encoding {kind or 'unknown'}")
        return _sparse(matrix, "csr" in kind, features, notes, assays, roles, context)
    if matrix.shape != (len(assays), len(features)):
        raise _broken(context, f"{matrix.name} of {matrix.shape}, not {len(assays), len(features)}")

    def dense() -> Iterator[Block]:
        # Whole chunks at once: a column of a chunked matrix costs as much as its chunk.
        step = max(1, blocks.BLOCK_CELLS // max(1, len(assays)))
        chunk = matrix.chunks[1] if matrix.chunks else 1
        wide = max(step, min(chunk, _PIECE // max(1, len(assays)) or 1))
        for start in range(0, len(features), wide):
            part = matrix[:, start : start + wide].T
            for at in range(0, len(part), step):
                yield Block(start + at, part[at : at + step])

    return BlockReading(
        roles,
        context,
        names=features,
        notes=notes,
        assays=assays,
        blocks=dense,
        more={"storage": "dense", "dtype": str(matrix.dtype)},
    )


def _sparse(
    group: Any,
    by_sample: bool,
    features: Sequence[str],
    notes: Sequence[Mapping[str, str]],
    assays: Sequence[Assay],
    roles: Roles,
    context: Context,
) -> DatasetReading:
    import numpy as np

    data, indices = group["data"], group["indices"]
    pointers = group["indptr"][:].astype(np.int64)
    n_lines = len(assays) if by_sample else len(features)
    if len(pointers) != n_lines + 1 or pointers[-1] != len(data) or len(data) != len(indices):
        raise _broken(context, f"{group.name} whose indptr does not fit its entries")
    dtype = data.dtype if data.dtype.kind in "iuf" else np.dtype(np.float64)

    def entries() -> Iterator[tuple[Any, Any, Any]]:
        for start in range(0, len(data), _PIECE):
            end = min(start + _PIECE, len(data))
            first = int(np.searchsorted(pointers, start, side="right")) - 1
            last = int(np.searchsorted(pointers, end, side="left"))
            edges = np.clip(pointers[first : last + 1], start, end)
            lines = np.repeat(np.arange(first, last, dtype=np.int32), np.diff(edges))
            across = indices[start:end].astype(np.int32)
            yield (
                (across, lines, data[start:end]) if by_sample else (lines, across, data[start:end])
            )

    def counts() -> Any:
        if not by_sample:
            return np.diff(pointers)
        found = np.zeros(len(features), dtype=np.int64)
        for start in range(0, len(indices), _PIECE):
            piece = indices[start : start + _PIECE]
            if len(piece) and (piece.min() < 0 or piece.max() >= len(features)):
                raise _broken(context, f"{group.name} with an index beyond its features")
            found += np.bincount(piece, minlength=len(features))
        return found

    per_feature = counts()

    def dense() -> Iterator[Block]:
        yield from blocks.sparse_blocks(
            entries, per_feature, n_assays=len(assays), dtype=dtype, place=context.part
        )

    return BlockReading(
        blocks.sparse_roles(roles, n_entries=len(data), n_cells=len(features) * len(assays)),
        context,
        names=features,
        notes=notes,
        assays=assays,
        blocks=dense,
        more={"storage": "by sample" if by_sample else "by feature", "dtype": str(data.dtype)},
    )


def _frame(group: Any, file: Any) -> tuple[list[str], Any]:
    """Returns the index of ``obs`` or ``var``, and its columns as attributes or notes."""
    import h5py

    is_samples = group.name.strip("/").endswith("obs")
    if isinstance(group, h5py.Dataset):
        return _legacy_frame(group, is_samples)
    index = _attribute(group, "_index") or ("_index" if "_index" in group else "index")
    names = _texts(group[index])
    columns: dict[str, list[str]] = {}
    for key in group:
        if key in (index, "__categories"):
            continue
        said = _column(group, key)
        if said is not None and len(said) == len(names):
            columns[key] = said
    return names, columns if is_samples else _by_row(columns, len(names))


def _legacy_frame(table: Any, is_samples: bool) -> tuple[list[str], Any]:
    """Reads the compound tables of the first AnnData versions."""
    rows = table[:]
    fields = list(rows.dtype.names or ())
    index = "index" if "index" in fields else fields[0]
    columns = {key: [_text(value) for value in rows[key]] for key in fields if key != index}
    names = [_text(value) for value in rows[index]]
    return names, columns if is_samples else _by_row(columns, len(names))


def _by_row(columns: Mapping[str, Sequence[str]], count: int) -> list[dict[str, str]]:
    return [{key: said[at] for key, said in columns.items() if said[at]} for at in range(count)]


def _column(group: Any, key: str) -> list[str] | None:
    """Returns a column as text; None for what is no column of text or numbers."""
    import h5py

    held = group[key]
    if isinstance(held, h5py.Group):
        if {"codes", "categories"} <= set(held):
            return _categories(held["codes"][:], _texts(held["categories"]))
        if {"values", "mask"} <= set(held):
            hidden = held["mask"][:]
            texts = _texts(held["values"])
            return ["" if gone else text for text, gone in zip(texts, hidden, strict=True)]
        return None
    if held.ndim != 1:
        return None
    categories = held.attrs.get("categories")
    if categories is not None:
        return _categories(held[:], _texts(group.file[categories]))
    if "__categories" in group and key in group["__categories"]:
        return _categories(held[:], _texts(group["__categories"][key]))
    return _texts(held)


def _categories(codes: Any, names: Sequence[str]) -> list[str]:
    return [names[code] if 0 <= code < len(names) else "" for code in codes.tolist()]


def _texts(dataset: Any) -> list[str]:
    return [_text(value) for value in dataset[:].tolist()]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace").strip()
    if isinstance(value, float):
        return "" if value != value else repr(int(value)) if value.is_integer() else repr(value)
    return str(value).strip()


def _attribute(thing: Any, name: str) -> str | None:
    said = thing.attrs.get(name)
    return None if said is None else _text(said)


def _is_null(thing: Any) -> bool:
    return _attribute(thing, "encoding-type") == "null"


def _broken(context: Context, seen: str) -> Unreadable:
    return Unreadable(
        "broken_blocks",
        place=context.part or "HDF5 content",
        seen=seen[:300],
        expected="an AnnData file whose matrix fits its obs and var",
        question="Was the transfer complete? Write the file again with the program that made it.",
        nearest_format="h5ad",
    )


FORMATS = (Hdf5(),)
