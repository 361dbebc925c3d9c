"""What a signature file says, before it is checked: plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Member:
    """One component as the file gives it.

    Attributes:
        row: Line of the file, row of the sheet; the number of the set where a format has no lines.
        name: Reported name, trimmed.
        direction: Text of its direction, or None where the file has no such column.
        weight: Text of its weight, or None where the file has no such column.
        feature_type: Text of its feature type, or None where the file has no such column.
        raw: The record as text, for rejects.
    """

    row: int
    name: str
    direction: str | None = None
    weight: str | None = None
    feature_type: str | None = None
    raw: str = ""


@dataclass(frozen=True)
class Definition:
    """One signature as the file gives it.

    Attributes:
        name: Name.
        row: Line where it begins.
        members: Components in the order of the file.
        fields: What the file says about it, canonical field to text.
    """

    name: str
    row: int
    members: tuple[Member, ...]
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Definitions:
    """All signatures of one part of a file.

    Attributes:
        part: Part of the file, empty when it has one.
        format: Name of the format.
        layout: What makes two files of one format look alike; hashed to a fingerprint.
        definitions: The signatures.
        skipped: Rows left out, by rule.
        evidence: Why it is read so, JSON-able.
    """

    part: str
    format: str
    layout: str
    definitions: tuple[Definition, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)
    evidence: Mapping[str, object] = field(default_factory=dict)
