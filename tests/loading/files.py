"""Small result files for the tests of loading, written here."""

from __future__ import annotations

from pathlib import Path

LIPIDS = [
    f"{head} {carbons}:{bonds}"
    for head in ("PC", "PE", "TG", "SM")
    for carbons in (32, 34, 36, 38, 40)
    for bonds in (0, 1, 2)
]


def write_lipids(path: Path, *, rows: int = 20, assays: int = 4, seed: int = 0) -> Path:
    """Writes a plain lipid matrix: features in rows, comma separated."""
    header = ["Lipid Species", *(f"Sample_{n + 1}" for n in range(assays))]
    lines = [",".join(header)]
    for row in range(rows):
        name = LIPIDS[row % len(LIPIDS)]
        values = [
            f"{1000 + 37 * row + 11 * n + seed * 7}.{(row * 3 + n) % 10}" for n in range(assays)
        ]
        lines.append(",".join([name, *values]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_results(path: Path, *, rows: int = 30) -> Path:
    """Writes a result table as DESeq2 does."""
    lines = ["gene,baseMean,log2FoldChange,lfcSE,stat,pvalue,padj"]
    for row in range(rows):
        change = (row - rows / 2) / 5
        adjusted = "NA" if row % 7 == 0 else f"{min(1.0, 0.01 * (row + 1)):.4f}"
        lines.append(
            f"ENSG{row + 11:011d},{100 + row},{change:.3f},0.25,{change / 0.25:.3f},"
            f"{min(1.0, 0.001 * (row + 1)):.4f},{adjusted}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_unreadable(path: Path) -> Path:
    """Writes bytes that are no table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)
    return path
