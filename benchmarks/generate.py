"""Result files of any number and size, the same for the same arguments."""

from __future__ import annotations

from pathlib import Path

_CLASSES = ("PC", "PE", "PS", "PI", "PG", "TG", "DG", "SM", "Cer", "LPC", "LPE", "CE")


def lipid_names(count: int) -> list[str]:
    """Returns ``count`` different lipid species names."""
    names = []
    for index in range(count):
        head = _CLASSES[index % len(_CLASSES)]
        rest = index // len(_CLASSES)
        names.append(f"{head} {28 + rest % 34}:{rest // 34}")
    return names


def write_lipid_files(
    folder: Path, *, files: int, features: int, assays: int, first: int = 0
) -> int:
    """Writes lipidomics matrices below ``folder``, in subfolders of 500; returns the bytes written.

    Args:
        folder: Where the files go.
        files: How many.
        features: Rows of each.
        assays: Columns of each.
        first: Number of the first file, to add to an earlier set.
    """
    import numpy as np

    names = lipid_names(features)
    header = "Lipid Species," + ",".join(f"S{assay + 1:02}" for assay in range(assays))
    written = 0
    for number in range(first, first + files):
        random = np.random.default_rng(number)
        level = random.lognormal(8, 2, size=(features, 1))
        values = level * random.lognormal(0, 0.3, size=(features, assays))
        lines = [header]
        for name, row in zip(names, values, strict=True):
            lines.append(name + "," + ",".join(f"{value:.4f}" for value in row))
        text = "\n".join(lines) + "\n"
        path = folder / "lipidomics" / f"batch_{number // 500:03}" / f"plate_{number:05}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written += len(text)
    return written
