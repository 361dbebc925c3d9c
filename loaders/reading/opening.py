"""From bytes to text: what a file really is, unpacked within limits, in its own encoding.

Nothing is decided by the file's name. Compressed files are unpacked as a stream, never to disk.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, Literal, cast

from loaders import vocabulary
from loaders.model import Unreadable

#: Files up to this size are held in memory; larger ones are read as a stream.
WHOLE_LIMIT = 8 * 1024**2
#: How much of a large file is looked at before it is read.
HEAD_LIMIT = 2 * 1024**2
#: How much of its end.
TAIL_LIMIT = 64 * 1024
#: A file that unpacks to more than this may be at most ``RATIO_LIMIT`` times its packed size.
RATIO_FLOOR = 64 * 1024**2
RATIO_LIMIT = 200
#: Largest workbook that is unpacked into memory.
WORKBOOK_LIMIT = 1024**3

_CHUNK = 1024**2
_MAX_DEPTH = 3
_CONTROL = bytes([*range(0x07), *range(0x0E, 0x1B), *range(0x1C, 0x20)])
_CORRUPT = (
    *(EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError),
    UnicodeDecodeError,  # the name of a member
)

Kind = Literal["text", "workbook", "binary"]
Opener = Callable[[], BinaryIO]


@dataclass(frozen=True)
class TextSource:
    """Text of a file, opened as often as needed.

    Attributes:
        opener: Opens the unpacked bytes from their start.
        encoding: Name of the encoding that decodes every byte.
        bom: Number of leading bytes that mark the encoding.
        head: Decoded beginning of the file.
        whole: Whether ``head`` is the complete text.
        has_quotes: Whether a quotation mark occurs anywhere.
        end: End of a text that is not whole in ``head``.
    """

    opener: Opener
    encoding: str
    bom: int
    head: str
    whole: bool
    has_quotes: bool
    end: str = ""

    @property
    def tail(self) -> str:
        """The end of the text, as far as it is at hand."""
        return self.head[-TAIL_LIMIT:] if self.whole else self.end

    def lines(self) -> io.TextIOWrapper:
        """Opens the text from its start; LF, CRLF and CR all end a line and are read as LF."""
        return io.TextIOWrapper(self.utf8(), encoding="utf-8", errors="replace", newline=None)

    def utf8(self, *, skip: int = 0) -> BinaryIO:
        """Opens the text as UTF-8, without mark, after ``skip`` characters of ``head``."""
        skipped = self.head[:skip].encode("utf-8")
        if self.whole:
            return io.BytesIO(self.head[skip:].encode("utf-8"))
        raw = self.opener()
        raw.read(self.bom)
        stream: BinaryIO = raw
        if self.encoding != "utf-8":
            stream = cast(BinaryIO, io.BufferedReader(_Transcoded(raw, self.encoding), _CHUNK))
        left = len(skipped)
        while left:
            left -= len(stream.read(min(left, _CHUNK)))
        return stream


@dataclass(frozen=True)
class Member:
    """One readable thing inside a file.

    Attributes:
        part: ``''`` for the file itself, else for example ``member=data.csv``.
        kind: ``text``, ``workbook`` or ``binary``.
        text: The text, when it is text.
        workbook: The workbook as a path or as bytes, when it is one.
        binary: Other content with a known magic number, as a path or as bytes.
        first: Its first bytes, unpacked, when it is binary.
        magic: What the magic number says, when it is binary.
    """

    part: str
    kind: Kind
    text: TextSource | None = None
    workbook: Path | bytes | None = None
    binary: Path | bytes | None = None
    first: bytes = b""
    magic: str = ""


def open_members(path: Path, *, max_unpacked_bytes: int) -> Iterator[Member | Unreadable]:
    """Yields what a file holds; a member of an archive that cannot be read comes as its refusal.

    Raises:
        Unreadable: If the file itself is empty, binary, corrupt or unpacks to too much.
    """
    packed = path.stat().st_size
    if packed == 0:
        raise _empty("")
    budget = _Budget(limit=max_unpacked_bytes, packed=packed)
    yield from _members(
        lambda: cast(BinaryIO, path.open("rb")), part="", path=path, budget=budget, depth=0
    )


def not_text(member: Member) -> Unreadable:
    """Returns the refusal of binary content that no reader claims."""
    return Unreadable(
        "format_not_readable_yet",
        place=member.part or "byte 1",
        seen=f"a {member.magic} file",
        expected="delimited text, an Excel workbook or one of the formats of 'omics formats'",
        question=f"Can the data be exported from {member.magic} as delimited text?",
        nearest_format=member.magic,
    )


@dataclass(frozen=True)
class _Budget:
    limit: int
    packed: int

    def check(self, unpacked: int, *, part: str) -> None:
        """Refuses when more came out than is allowed."""
        bomb = unpacked > RATIO_FLOOR and unpacked > RATIO_LIMIT * self.packed
        if unpacked > self.limit or bomb:
            why = f"{unpacked:,} bytes and more from {self.packed:,} packed bytes"
            raise Unreadable(
                "unpacks_too_large",
                place=part or "compressed content",
                seen=why,
                expected=f"at most {self.limit:,} bytes, and at most {RATIO_LIMIT} times the "
                "packed size for large files",
                question="Is this the right file? If so, unpack it first and load the result.",
            )


def _members(
    opener: Opener, *, part: str, path: Path | None, budget: _Budget, depth: int
) -> Iterator[Member | Unreadable]:
    with opener() as stream:
        first = stream.read(4096)
    unpack = _unpacker(first)
    if unpack is not None and depth < _MAX_DEPTH:
        unpacked = _through(unpack, opener)
        _probe(unpacked, part)
        yield from _members(unpacked, part=part, path=None, budget=budget, depth=depth + 1)
        return
    if first.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        yield from _zip_members(opener, part=part, path=path, budget=budget, depth=depth)
        return
    if first.startswith(bytes.fromhex("d0cf11e0a1b11ae1")):
        yield Member(part, "workbook", workbook=path or _slurp(opener, budget, part))
        return
    if name := _binary_format(first, part):
        held = path or _slurp(opener, budget, part)
        yield Member(part, "binary", binary=held, first=first, magic=name)
        return
    yield Member(part, "text", text=_text(opener, part=part, budget=budget, packed=depth > 0))


def _probe(opener: Opener, part: str) -> None:
    """Fails early, with the right reason, where compressed content is damaged at its start."""
    try:
        with opener() as stream:
            stream.read(1)
    except _CORRUPT as error:
        raise _corrupt(part, error) from error


def _through(unpack: Callable[[BinaryIO], BinaryIO], opener: Opener) -> Opener:
    def opened() -> BinaryIO:
        raw = opener()
        return cast(BinaryIO, io.BufferedReader(_Unpacked(unpack(raw), raw), _CHUNK // 4))

    return opened


def _unpacker(first: bytes) -> Callable[[BinaryIO], BinaryIO] | None:
    if first.startswith(b"\x1f\x8b"):
        return lambda raw: cast(BinaryIO, gzip.GzipFile(fileobj=raw, mode="rb"))
    if first.startswith(b"BZh"):
        return lambda raw: cast(BinaryIO, bz2.BZ2File(raw, "rb"))
    if first.startswith((b"\xfd7zXZ\x00", b"]\x00\x00")):
        return lambda raw: cast(BinaryIO, lzma.LZMAFile(raw, "rb"))
    return None


def _zip_members(
    opener: Opener, *, part: str, path: Path | None, budget: _Budget, depth: int
) -> Iterator[Member | Unreadable]:
    try:
        archive = zipfile.ZipFile(cast(BinaryIO, path or io.BytesIO(_slurp(opener, budget, part))))
        infos = [info for info in archive.infolist() if _is_data_member(info)]
        names = {info.filename for info in archive.infolist()}
    except _CORRUPT as error:
        raise _corrupt(part, error) from error
    if "[Content_Types].xml" in names or any(name.startswith("xl/") for name in names):
        budget.check(sum(info.file_size for info in archive.infolist()), part=part)
        yield Member(part, "workbook", workbook=path or _slurp(opener, budget, part))
        return
    if not infos:
        raise Unreadable(
            "empty_file",
            place=part or "archive",
            seen="an archive without files",
            expected="at least one table",
        )
    for info in infos:
        name = f"member={info.filename}"
        inner_part = f"{part}/{name}" if part else name
        try:
            if info.flag_bits & 0x1:
                raise Unreadable(
                    "encrypted",
                    place=inner_part,
                    seen="a member locked with a password",
                    expected="an archive without password",
                    question="Can the file be unpacked and loaded without its password?",
                )
            if info.file_size == 0:
                raise _empty(inner_part)
            if depth + 1 > _MAX_DEPTH:
                raise Unreadable(
                    "nested_archive",
                    place=inner_part,
                    seen="archives inside archives, more than three deep",
                    expected="a table",
                )
            opened = _zip_opener(archive, info)
            only = inner_part if len(infos) > 1 else part
            yield from _members(opened, part=only, path=None, budget=budget, depth=depth + 1)
        except _CORRUPT as error:
            yield _corrupt(inner_part, error)
        except Unreadable as refusal:
            if refusal.reason_code == "unpacks_too_large" or len(infos) == 1:
                raise
            yield refusal


def _zip_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Opener:
    return lambda: cast(BinaryIO, archive.open(info))


def _is_data_member(info: zipfile.ZipInfo) -> bool:
    base = info.filename.rsplit("/", 1)[-1]
    return not (info.is_dir() or info.filename.startswith("__MACOSX/") or base.startswith("."))


def _slurp(opener: Opener, budget: _Budget, part: str) -> bytes:
    limit = min(budget.limit, WORKBOOK_LIMIT)
    held = io.BytesIO()
    total = 0
    try:
        with opener() as stream:
            while chunk := stream.read(_CHUNK):
                total += len(chunk)
                _Budget(limit=limit, packed=budget.packed).check(total, part=part)
                held.write(chunk)
    except _CORRUPT as error:
        raise _corrupt(part, error) from error
    return held.getvalue()


def _text(opener: Opener, *, part: str, budget: _Budget, packed: bool) -> TextSource:
    """Reads the content once: for its size, its encoding, and as a whole when it is small."""
    head = bytearray()
    total = 0
    utf8 = codecs.getincrementaldecoder("utf-8")("strict")
    is_utf8, encoding, bom = True, "", 0
    has_quotes = has_nul = False
    tail = b""
    try:
        with opener() as stream:
            while chunk := stream.read(_CHUNK):
                if total == 0:
                    encoding, bom = _marked_encoding(chunk)
                total += len(chunk)
                if packed:
                    budget.check(total, part=part)
                if len(head) < WHOLE_LIMIT:
                    head += chunk
                else:
                    # An even number of bytes, so that UTF-16 is not cut within a character.
                    tail = (tail + chunk)[-TAIL_LIMIT - total % 2 :]
                has_quotes = has_quotes or b'"' in chunk
                has_nul = has_nul or b"\x00" in chunk
                if has_nul and not encoding.startswith("utf-16"):
                    raise _binary(part, f"a NUL byte before byte {total:,}")
                if is_utf8 and not encoding.startswith("utf-16"):
                    is_utf8 = _decodes(utf8, chunk)
    except _CORRUPT as error:
        raise _corrupt(part, error) from error
    if total == 0:
        raise _empty(part)
    _refuse_control(bytes(head[:HEAD_LIMIT]), encoding, part)
    if not encoding:
        encoding = "utf-8" if is_utf8 else "cp1252"
    elif encoding == "utf-8" and not is_utf8:
        encoding = "cp1252"
    whole = len(head) == total
    content = bytes(head[bom:] if whole else head[bom:HEAD_LIMIT])
    decoded, encoding = _decode(content, encoding, final=whole)
    if not decoded.strip("\ufeff \t\r\n"):
        raise _empty(part, seen="only blank lines")
    end = "" if whole else tail.decode(encoding, "replace")
    return TextSource(opener, encoding, bom, decoded, whole, has_quotes, end)


def _marked_encoding(first: bytes) -> tuple[str, int]:
    """Tells the encoding from its mark, or UTF-16 without mark from its pattern of NUL bytes."""
    if first.startswith(codecs.BOM_UTF8):
        return "utf-8", 3
    if first.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le", 2
    if first.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be", 2
    sample = first[:4096]
    if b"\x00" in sample and len(sample) >= 4:
        even, odd = sample[0::2].count(0), sample[1::2].count(0)
        half = len(sample) // 2
        if odd > 0.4 * half and even < 0.05 * half:
            return "utf-16-le", 0
        if even > 0.4 * half and odd < 0.05 * half:
            return "utf-16-be", 0
    return "", 0


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    if chunk.isascii():
        # A character begun in the chunk before cannot end in one that is plain ASCII.
        return not decoder.getstate()[0]
    try:
        decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return True


def _decode(content: bytes, encoding: str, *, final: bool) -> tuple[str, str]:
    """Decodes the head; bytes that Windows-1252 leaves undefined are read as Latin-1."""
    try:
        return codecs.getincrementaldecoder(encoding)("strict").decode(content, final), encoding
    except UnicodeDecodeError:
        return content.decode("latin-1"), "latin-1"


def _refuse_control(head: bytes, encoding: str, part: str) -> None:
    if encoding.startswith("utf-16"):
        return
    found = len(head) - len(head.translate(None, _CONTROL))
    if found > max(2, len(head) // 1000):
        raise _binary(part, f"{found} control characters in the first {len(head):,} bytes")


@cache
def _magic() -> tuple[tuple[bytes, str, str], ...]:
    lists = vocabulary.load("refused")
    binary = [(bytes.fromhex(m["hex"]), "binary_content", m["name"]) for m in lists["magic"]]
    formats = [
        (bytes.fromhex(m["hex"]), "format_not_readable_yet", m["name"])
        for m in lists["magic_formats"]
    ]
    return tuple(binary + formats)


def _binary_format(first: bytes, part: str) -> str | None:
    """Returns the name of a binary format that may be read; None for what may be text.

    Raises:
        Unreadable: If the content is of a kind that holds no table.
    """
    for magic, code, name in _magic():
        if not first.startswith(magic):
            continue
        if code == "binary_content":
            raise _binary(part, f"a {name}")
        return name
    return None


def _binary(part: str, seen: str) -> Unreadable:
    return Unreadable(
        "binary_content",
        place=part or "content",
        seen=seen,
        expected="text, whatever the file is named",
        question="Which program wrote this file, and can it export a table as text?",
    )


def _empty(part: str, *, seen: str = "no bytes") -> Unreadable:
    return Unreadable(
        "empty_file",
        place=part or "file",
        seen=seen,
        expected="a table with a header and rows",
        question="Was the export or the transfer complete?",
    )


def _corrupt(part: str, error: BaseException) -> Unreadable:
    return Unreadable(
        "corrupt_archive",
        place=part or "compressed content",
        seen=f"{type(error).__name__}: {error}",
        expected="compressed content that unpacks to its end",
        question="Was the transfer complete? Copy the file again.",
    )


class _Unpacked(io.RawIOBase):
    """An unpacking stream that closes the packed one with itself."""

    def __init__(self, stream: BinaryIO, raw: BinaryIO) -> None:
        self._stream = stream
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub's Buffer type is private
        chunk = self._stream.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._stream.close()
        self._raw.close()
        super().close()


class _Transcoded(io.RawIOBase):
    """Turns a stream of any encoding into UTF-8 while it is read."""

    def __init__(self, raw: BinaryIO, encoding: str) -> None:
        self._raw = raw
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._pending = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub's Buffer type is private
        while not self._pending:
            chunk = self._raw.read(_CHUNK // 4)
            self._pending = self._decoder.decode(chunk, not chunk).encode("utf-8")
            if not chunk and not self._pending:
                return 0
        size = min(len(buffer), len(self._pending))
        buffer[:size] = self._pending[:size]
        self._pending = self._pending[size:]
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()
