"""One file to the releases of references that it holds: `read_file` is the way in."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from loaders import vocabulary
from loaders.features import layouts, records
from loaders.features.extract import Extractor, Findings
from loaders.features.records import Records
from loaders.features.triples import TripleExtractor
from loaders.model import Counts, ReadOptions, SourceFile, TablesHeader, TablesReading, Unreadable
from loaders.reading import opening
from loaders.reading.grid import RaggedLog
from loaders.reading.opening import TextSource
from loaders.reading.rows import Account

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

#: Reasons for which a member or a sheet is left out beside others that are read.
_NO_REFERENCE = frozenset(
    {
        "unknown_reference",
        "empty_file",
        "header_only",
        "not_a_table",
        "no_header",
        "binary_content",
    }
)

_HEAD_BYTES = 64 * 1024
#: Larger workbooks are not opened just to find out what they are.
_SMALL_WORKBOOK = 1024 * 1024

#: What a heading above a table says of its release.
_RELEASE = re.compile(
    r"(?i)\b(?:release|version)\b[:\s]+(?P<version>v?\d[\w.\-]*)(?:\s+of\s+(?P<date>\S+))?"
)
_HEADING_DATE = re.compile(r"\b(\d{4}-\d{2}-\d{2})\b")
#: What a name carries when someone kept several releases side by side.
_NAME_DATE = re.compile(r"(?<!\d)((?:19|20)\d{2})[-_.]?(\d{2})[-_.]?(\d{2})(?!\d)")


def read_file(source: SourceFile, *, options: ReadOptions) -> list[TablesReading]:
    """Reads a reference file.

    Args:
        source: The file.
        options: Limits.

    Returns:
        One reading for each table of a reference in the file, at least one.

    Raises:
        Unreadable: If the file holds no reference that is known.
    """
    found: list[TablesReading] = []
    refusals: list[Unreadable] = []
    for item in _records(source, options):
        if isinstance(item, Unreadable):
            refusals.append(item)
        else:
            part, read = item
            found.append(ReferenceReading(part, read, source, options))
    serious = [refusal for refusal in refusals if refusal.reason_code not in _NO_REFERENCE]
    if serious or not found:
        raise (serious or refusals)[0]
    return found


def recognise(source: SourceFile, options: ReadOptions) -> str | None:
    """Returns why a file is surely a reference, from its first lines; None where it may be another.

    Tables that a reference shares with the results of an experiment, such as a list of masses, are
    taken for references only where the folder or the command says so.
    """
    try:
        for read in _heads(source):
            if read.layout.is_sure and not _has_quantities(read):
                return f"the columns of: {read.layout.name}"
    except (Unreadable, OSError, EOFError, zipfile.BadZipFile, lzma.LZMAError):
        return None
    return None


def _has_quantities(read: Records) -> bool:
    """Whether samples stand beside the columns of a reference: then it is a result of them."""
    from loaders.reading.voting import describes_molecules, profile, sample_rows

    known = read.layout.words()
    table = next((table for table in read.rows(RaggedLog()) if table.num_rows), None)
    if table is None:
        return False
    columns = profile(read.header, sample_rows(table, len(read.header)))
    return any(
        column.kind == "numeric"
        and column.header
        and column.word not in known
        and not describes_molecules(column)
        for column in columns
    )


def _records(
    source: SourceFile, options: ReadOptions
) -> Iterator[tuple[str, Records] | Unreadable]:
    """Yields every table of the file, or why a part of it is none."""
    members = opening.open_members(source.local, max_unpacked_bytes=options.max_unpacked_bytes)
    for member in members:
        if isinstance(member, Unreadable):
            yield member
            continue
        try:
            if member.kind == "workbook":
                yield from _sheets(member)
            elif member.kind == "binary":
                yield opening.not_text(member)
            else:
                text = cast(TextSource, member.text)
                yield member.part, records.from_text(text, part=member.part)
        except Unreadable as refusal:
            yield refusal


def _sheets(member: opening.Member) -> Iterator[tuple[str, Records] | Unreadable]:
    from loaders.reading.excel import sheets

    for part, made in sheets(member):
        try:
            sheet = made()
            yield (
                part,
                records.from_records(sheet.records, part=part, evidence=sheet.evidence),
            )
        except Unreadable as refusal:
            yield refusal


def _heads(source: SourceFile) -> Iterator[Records]:
    """Yields what the first kilobytes of a file show, or of the first table in an archive."""
    with source.local.open("rb") as stream:
        first = stream.read(_HEAD_BYTES)
    if first.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        if _is_workbook(source.local, first):
            if source.size <= _SMALL_WORKBOOK:
                found = _sheets(opening.Member("", "workbook", workbook=source.local))
                yield from (item[1] for item in found if not isinstance(item, Unreadable))
            return
        with zipfile.ZipFile(source.local) as archive:
            names = [info for info in archive.infolist() if not info.is_dir()]
            if not names or names[0].flag_bits & 0x1:
                return
            with archive.open(names[0]) as member:
                first = member.read(_HEAD_BYTES)
    for magic, opened in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open)):
        if first.startswith(magic):
            with opened(source.local, "rb") as packed:
                first = packed.read(_HEAD_BYTES)
    if b"\x00" in first:
        return
    whole = len(first) < _HEAD_BYTES
    text = first.decode("utf-8-sig", "replace")
    if not whole:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
    if not (layouts.may_be_known(text) or layouts.by_start(text)):
        return
    yield records.from_text(
        TextSource(lambda: source.local.open("rb"), "utf-8", 0, text, True, '"' in text), part=""
    )


def _is_workbook(path: Path, first: bytes) -> bool:
    if first.startswith(b"\xd0\xcf"):
        return True
    with zipfile.ZipFile(path) as archive:
        return any(
            name == "[Content_Types].xml" or name.startswith("xl/") for name in archive.namelist()
        )


@dataclass
class ReferenceReading:
    """One table of a reference, while it is read."""

    part: str
    records: Records
    source: SourceFile
    options: ReadOptions
    header: TablesHeader = field(init=False)
    _account: Account = field(init=False)

    def __post_init__(self) -> None:
        """Says what it is, before anything is read."""
        layout = self.records.layout
        # Columns that a layout does not know may come and go without making another layout.
        known = sorted({vocabulary.normalise(c) for c in self.records.header} & layout.words())
        fingerprint = sha256("\x1f".join([layout.name, *known]).encode()).hexdigest()[:16]
        self._account = Account(self.options.reject_limit)
        self.header = TablesHeader(
            part=self.part,
            kind="reference",
            format=layout.name,
            format_fingerprint=fingerprint,
            software=None,
            evidence={
                "reference": layout.reference,
                "columns": known,
                **self.records.evidence,
            },
        )

    def batches(self) -> Iterator[tuple[str, pa.Table]]:
        """Yields entities, names and cross references, and the release at the end.

        Raises:
            Unreadable: If too many rows are rejected, or if nothing is left.
        """
        layout = self.records.layout
        self._account = account = Account(self.options.reject_limit)
        findings = Findings()
        log = RaggedLog()
        width = len(self.records.header)
        if layout.container == "triples":
            triples = TripleExtractor(layout, account, findings)
            tables, finish = triples.tables, triples.finish
        else:
            tables = Extractor(layout, self.records.header, account, findings).tables
            finish = lambda: iter(())  # noqa: E731 - nothing is held back
        for batch in self.records.rows(log):
            account.settle_log(log, width)
            if batch.num_rows:
                yield from tables(batch)
            account.check(place=self.part, final=False)
        yield from finish()
        account.settle_log(log, width)
        account.check(place=self.part, final=True)
        if not account.landed:
            raise Unreadable(
                "header_only",
                place=self.part or "rows",
                seen=f"{account.read:,} rows and no molecule in them",
                expected="at least one row with an identifier",
                question="Was the download complete?",
                rows_read=account.read,
            )
        self.header = replace(self.header, evidence={**self.header.evidence, **_odd(findings)})
        yield "releases", self._release(findings)

    def rejects(self) -> pa.Table:
        """Returns the rejected rows."""
        return self._account.rejects()

    def counts(self) -> Counts:
        """Returns what became of every row."""
        return self._account.counts()

    def _release(self, findings: Findings) -> pa.Table:
        import pyarrow as pa

        version, released_on, evidence = _dated(self.records, findings, self.source)
        evidence |= _odd(findings)
        if len(findings.taxa) > 1:
            evidence["taxa"] = dict(findings.taxa.most_common(20))
        taxon = next(iter(findings.taxa)) if len(findings.taxa) == 1 else None
        layout = self.records.layout
        row = {
            "row_number": 1,
            "reference": _reference(layout, self.source.path, self.part),
            "content": layout.content or _content(layout, self.records.header),
            "version": version,
            "released_on": released_on,
            "taxon": taxon,
            "evidence": json.dumps(evidence, ensure_ascii=False),
            "n_entities": findings.entities,
        }
        types = {"row_number": pa.int64(), "n_entities": pa.int64()}
        return pa.table(
            {key: pa.array([value], types.get(key, pa.string())) for key, value in row.items()}
        )


def _odd(findings: Findings) -> dict[str, Any]:
    """Tells which cross references were left out because they are no identifiers."""
    if not findings.odd_ids:
        return {}
    return {
        "not_identifiers": {
            column: {"count": count, "example": findings.odd_examples[column]}
            for column, count in sorted(findings.odd_ids.items())
        }
    }


def _reference(layout: layouts.Layout, path: str, part: str) -> str:
    """Returns the name of the reference; own sheets are told apart by what they are called.

    >>> sheet = next(layout for layout in layouts.layouts() if layout.reference == "custom")
    >>> _reference(sheet, "/data/features/house names.xlsx", "sheet=Lipids")
    'custom:house names/Lipids'
    """
    if layout.reference != "custom":
        return layout.reference
    stem = PurePosixPath(path.replace("\\", "/")).name.split(".")[0]
    named = part.rpartition("=")[2]
    return f"custom:{stem}/{named}" if named else f"custom:{stem}"


def _content(layout: layouts.Layout, header: Sequence[str]) -> str:
    """Returns which molecules an export holds, where the user chooses the columns of it."""
    found = {vocabulary.normalise(cell) for cell in header}
    types = [
        str(block["type"])
        for block in layout.spec["entities"]
        if any(
            vocabulary.normalise(word) in found for entry in block["id"] for word in entry["column"]
        )
    ]
    return ", ".join(f"{kind}s" for kind in types)


def _dated(
    read: Records, findings: Findings, source: SourceFile
) -> tuple[str | None, str, dict[str, Any]]:
    """Returns version, ISO date and where both come from; else the file's date."""
    evidence: dict[str, Any] = {}
    version: str | None = None
    released_on = ""
    said = read.layout.spec.get("release")
    found = re.search(said, read.head) if said else _RELEASE.search(read.head)
    if found is not None:
        version = found["version"]
        released_on = _iso(found["date"] or "")
        evidence["version"] = f"heading: {found.group(0).strip()}"
        if released_on:
            evidence["released_on"] = f"heading: {found.group(0).strip()}"
    if version is None and findings.version:
        version = findings.version
        evidence["version"] = f"column: {_named(read.layout.spec['version'])}"
    if not released_on and (heading := _HEADING_DATE.search(read.head)) and not said:
        released_on = heading.group(1)
        evidence["released_on"] = f"heading: {released_on}"
    if not released_on and (released_on := _iso(findings.date)):
        evidence["released_on"] = f"latest date in: {_named(read.layout.spec['dates'])}"
    evidence["is_dated_by_content"] = bool(released_on)
    name = PurePosixPath(source.path.replace("\\", "/")).name
    dated = None if released_on else _NAME_DATE.search(name)
    if dated is not None and (released_on := _iso("-".join(dated.groups()))):
        evidence["released_on"] = f"file name: {name}; the content names no date"
    if not released_on:
        released_on = source.modified_at.astimezone(UTC).date().isoformat()
        evidence["released_on"] = "time of last change of the file; the content names no date"
    return version, released_on, evidence


def _named(words: object) -> str:
    return words if isinstance(words, str) else ", ".join(cast("Sequence[str]", words))


def _iso(text: str) -> str:
    """Returns a date as ISO; '' where it is none.

    >>> _iso("29-May-2024"), _iso("2024-05-29"), _iso("soon")
    ('2024-05-29', '2024-05-29', '')
    """
    for form in ("%Y-%m-%d", "%d-%b-%Y"):
        try:
            return datetime.strptime(text, form).date().isoformat()
        except ValueError:
            continue
    return ""
