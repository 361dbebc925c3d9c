"""GCT 1.2 and 1.3: the matrix of the Broad Institute's tools, with its size said at the top."""

from __future__ import annotations

import re

from loaders.formats.protocol import About, Content, Head, Quantity, Sniff
from loaders.model import DatasetReading, ReadOptions, Roles, Unreadable
from loaders.reading import building, dialect
from loaders.reading.describe import Context
from loaders.reading.matrix import MatrixReading

_VERSION = re.compile(r'"?#(1\.[23])"?\s*\Z')
#: What stands in a cell of the metadata where nothing is known.
_UNKNOWN = frozenset({"", "-666", "na", "n/a", "nan", "null", "none", "#n/a"})


class Gct:
    """Reads GCT: version, size, header, (1.3) metadata of the columns, rows."""

    about = About(
        name="GCT",
        holds="A matrix with metadata of its rows and, in version 1.3, of its columns.",
        recognised_by="first line `#1.2` or `#1.3`, second line the numbers of rows and columns",
        feature="column `Name` (1.2) or `id` (1.3); names may repeat",
        assay="a column right of the metadata of the rows; metadata of the columns become "
        "attributes of the assay",
        quantities=(Quantity("matrix", "every column right of the metadata of the rows"),),
        zeros="a value, as are negative numbers",
        missing=("#N/A", "N/A", "NA", "#NA", "NULL", "NaN", "na", "None", "#VALUE!"),
        not_samples=("`Description` and the other metadata of the rows are annotations",),
        notes=(
            "The numbers of rows and columns must be those that the second line says; a file that "
            "was cut off is refused.",
            "`-666` means unknown in metadata; in the matrix it is a number.",
        ),
        sources=("cmap/cmapPy, parse_gct.py", "software.broadinstitute.org, GCT file format"),
    )

    def sniff(self, head: Head) -> Sniff | None:
        """Looks for the version and the size."""
        lines = head.lines
        if len(lines) < 2:
            return None
        version = _VERSION.match(lines[0].lstrip("\ufeff"))
        sizes = lines[1].split("\t")
        if version is None or not sizes[0].strip().strip('"').isdigit():
            return None
        return Sniff(1.0, f"the first line is #{version[1]} and the second holds the size")

    def read(
        self, content: Content, context: Context, options: ReadOptions
    ) -> list[DatasetReading]:
        """Reads the matrix.

        Raises:
            Unreadable: If the size that the file says is not the size that it has.
        """
        quoted = content.text is not None and dialect.quotes_enclose(
            [line + "\n" for line in content.head.lines], "\t"
        )
        size = self._size(content, context)
        n_rows, n_columns, n_row_fields, n_column_fields = size
        records = content.records(quoted=quoted, limit=3 + n_column_fields)
        top = [[cell.strip() for cell in cells] for _, cells in records][2:]
        if len(top) < 1 + n_column_fields:
            raise _differs(
                context, f"{2 + len(top)} lines", f"{3 + n_column_fields} above the rows"
            )
        header, labels = top[0], top[1:]
        while header and not header[-1]:
            header.pop()
        first = 1 + n_row_fields
        if len(header) != first + n_columns:
            raise _differs(
                context,
                f"{len(header) - first:,} sample columns in the header",
                f"{n_columns:,}, as line 2 says",
            )
        grid = building.table_below(
            content,
            header=header,
            first_row=4 + n_column_fields,
            quoted=quoted,
            label_rows=[_label(row, first) for row in labels],
            labels_below=len(labels),
        )
        table = building.first_rows(grid)
        if table is None:
            raise _differs(context, "no rows", f"{n_rows:,} rows, as line 2 says")
        roles = Roles(
            orientation="features_in_rows",
            format=f"GCT 1.{3 if n_column_fields or n_row_fields != 1 else self._minor(content)}",
            feature_columns=(0,),
            assay_columns=tuple((at, header[at]) for at in range(first, len(header))),
            annotation_columns=tuple(range(1, first)),
            zero_is_missing=False,
            missing_tokens=("#NA", "#VALUE!"),
            evidence={"declared_size": list(size)},
        )
        inner = MatrixReading(grid, roles, table, context)
        return [building.Declared(inner, rows=n_rows, place=context.part or "matrix")]

    def _minor(self, content: Content) -> int:
        return int(content.head.lines[0].strip().strip('"\ufeff')[-1])

    def _size(self, content: Content, context: Context) -> tuple[int, int, int, int]:
        cells = [cell.strip().strip('"') for cell in content.head.lines[1].split("\t")]
        while cells and not cells[-1]:
            cells.pop()
        wanted = 2 if self._minor(content) == 2 else 4
        if len(cells) != wanted or not all(cell.isdigit() for cell in cells):
            raise _differs(context, f"{cells} in line 2", f"{wanted} whole numbers")
        rows, columns, *fields = map(int, cells)
        n_row_fields, n_column_fields = fields if fields else (1, 0)
        return rows, columns, n_row_fields, n_column_fields


def _label(row: list[str], first: int) -> list[str]:
    """Keeps the name of a metadata row and its values over the samples."""
    values = ["" if cell.lower() in _UNKNOWN else cell for cell in row[first:]]
    return [row[0] if row else "", *[""] * (first - 1), *values]


def _differs(context: Context, seen: str, expected: str) -> Unreadable:
    return Unreadable(
        "declared_size_differs",
        place=f"{context.part}: line 2" if context.part else "line 2",
        seen=seen,
        expected=expected,
        question="Was the transfer complete, or was the file edited by hand?",
        nearest_format="GCT",
    )


FORMATS = (Gct(),)
