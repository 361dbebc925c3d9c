"""What the columns of a sheet mean: ``columns.yml``, read once and looked up by folded header."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from loaders.datafiles import read_yaml
from loaders.vocabulary import normalise

Kind = Literal["program", "experiment", "dataset", "sample", "assay"]

#: From the widest to the narrowest: a sheet that names samples may name their experiment too.
KINDS: tuple[Kind, ...] = ("program", "experiment", "dataset", "sample")

_BRACKETED = re.compile(r"^(?P<word>[a-z ]+?)\s*\[(?P<inner>.*)\]$", re.IGNORECASE)
_SPLIT = re.compile(r"\s*[;|]\s*")


@dataclass(frozen=True)
class Field:
    """One canonical field of a kind of sheet.

    Attributes:
        name: Canonical name.
        headers: Folded headers that mean it wherever they stand.
        words: Folded headers that mean it once the kind is known.
        is_list: Whether a cell may hold several values.
        help: What the documentation says of it.
    """

    name: str
    headers: tuple[str, ...]
    words: tuple[str, ...]
    is_list: bool
    help: str


@dataclass(frozen=True)
class KindOfSheet:
    """One kind of sheet: the names that say it, the fields that a row must have, all its fields."""

    kind: Kind
    sheets: frozenset[str]
    key: tuple[str, ...]
    fields: tuple[Field, ...]


@cache
def content() -> Mapping[str, Any]:
    """Returns ``columns.yml``."""
    found: Mapping[str, Any] = read_yaml(__package__, "columns.yml")
    return found


@cache
def kind_of_sheet(kind: Kind) -> KindOfSheet:
    """Returns what is known of a kind; runs (``assay``) have the columns of samples."""
    entry = content()["sample" if kind == "assay" else kind]
    fields = tuple(
        Field(
            name,
            tuple(map(normalise, given.get("headers", ()))),
            tuple(map(normalise, given.get("words", ()))),
            bool(given.get("list", False)),
            given.get("help", ""),
        )
        for name, given in entry["fields"].items()
    )
    return KindOfSheet(
        kind, frozenset(map(normalise, entry["sheets"])), tuple(entry["key"]), fields
    )


@cache
def _by_header(kind: Kind) -> Mapping[str, str]:
    found: dict[str, str] = {}
    fields = kind_of_sheet(kind).fields
    for field in fields:
        for header in field.headers:
            found.setdefault(header, field.name)
    for field in fields:
        for word in field.words:
            found.setdefault(word, field.name)
    return found


@cache
def _registries() -> Mapping[str, str]:
    return {
        normalise(header): registry
        for registry, headers in content()["external_ids"].items()
        for header in headers
    }


def field_of(header: str, kind: Kind) -> str | None:
    """Returns the field that a header means in a sheet of a kind, or None.

    >>> field_of("Sample_Name", "sample"), field_of("Program", "dataset"), field_of("RIN", "sample")
    ('name', 'program', None)

    Tools of molecular networking have everybody write ``ATTRIBUTE_`` before the facts of a sample:

    >>> field_of("ATTRIBUTE_Group", "assay")
    'study_variable'
    """
    folded = normalise(header)
    if kind in ("sample", "assay"):
        folded = folded.removeprefix("attribute ")
    return _by_header(kind).get(folded)


def registry_of(header: str) -> str | None:
    """Returns the registry whose accessions a column holds, or None.

    >>> registry_of("GEO accession"), registry_of("Diet")
    ('geo', None)
    """
    return _registries().get(normalise(header))


def is_list(kind: Kind, field: str) -> bool:
    """Tells whether a field may hold several values."""
    return any(known.name == field and known.is_list for known in kind_of_sheet(kind).fields)


def names_entity(header: str) -> Kind | None:
    """Returns the kind of which a header names the rows without doubt, or None.

    >>> names_entity("Sample ID"), names_entity("Experiment"), names_entity("Name")
    ('sample', 'experiment', None)
    """
    folded = normalise(header)
    for kind in reversed(KINDS):
        known = kind_of_sheet(kind)
        if any(folded in field.headers for field in known.fields if field.name in known.key):
            return kind
    return None


def names_runs(header: str) -> bool:
    """Tells a header that surely names the runs of samples.

    >>> names_runs("Run"), names_runs("Sample")
    (True, False)
    """
    fields = kind_of_sheet("assay").fields
    return any(normalise(header) in field.headers for field in fields if field.name == "assay_name")


def bracketed(header: str) -> tuple[str, str] | None:
    """Returns word and inner part of a header such as ``Characteristics[organism]``.

    >>> bracketed("Factor Value [time]"), bracketed("Sample Name")
    (('factor value', 'time'), None)
    """
    found = _BRACKETED.match(header.strip())
    if found is None:
        return None
    return normalise(found["word"]), found["inner"].strip()


def is_empty(text: str) -> bool:
    """Tells cells that say nothing.

    >>> is_empty(" "), is_empty("Not available"), is_empty("0")
    (True, True, False)
    """
    return not text.strip() or normalise(text) in _empty_values()


@cache
def _empty_values() -> frozenset[str]:
    return frozenset(normalise(word) for word in content()["empty_values"])


def split_list(text: str) -> list[str]:
    """Splits a cell at semicolons and bars.

    >>> split_list("NASH; NAFLD|obesity")
    ['NASH', 'NAFLD', 'obesity']
    """
    return [part for part in _SPLIT.split(text.strip()) if part]


@cache
def _spellings(field: str) -> Mapping[str, str]:
    return {
        normalise(spelling): value
        for value, spellings in content()["values"][field].items()
        for spelling in spellings
    }


def is_controlled(field: str) -> bool:
    """Tells fields that only a few words can be."""
    return field in content()["values"]


def allowed(field: str) -> list[str]:
    """Returns the words that a controlled field can be."""
    return list(content()["values"][field])


def controlled(field: str, text: str) -> str | None:
    """Returns the word that a spelling means, or None.

    >>> controlled("omics_type", "RNA-seq"), controlled("value_scale", "Log2")
    ('transcriptomics', 'log2')
    """
    return _spellings(field).get(normalise(text))


def external_ids(text: str) -> dict[str, str]:
    """Reads ``registry:accession`` pairs; an accession without registry stands under ``other``.

    >>> external_ids("GEO: GSE123; doi=10.1/x")
    {'geo': 'GSE123', 'doi': '10.1/x'}
    """
    found: dict[str, str] = {}
    for part in split_list(text):
        registry, mark, accession = (
            part.partition("=") if re.match(r"^[\w.]+\s*=", part) else part.partition(":")
        )
        if mark and accession.strip() and not accession.startswith("//"):
            name = registry_of(registry) or registry.strip().casefold()
            found[name] = accession.strip()
        else:
            found["other"] = f"{found['other']}; {part}" if "other" in found else part
    return found


#: Facts that label rows and columns of result files may say of an assay.
_LABEL_FACTS = (
    "organism", "organism_part", "disease", "sex", "timepoint", "intervention", "dose",
    "biological_replicate", "technical_replicate", "sample_type", "study_variable", "batch",
    "run_order",
)  # fmt: skip


def label_words() -> list[tuple[str, str]]:
    """Returns header and field of every label that is a fact of a sample, in order of header.

    >>> ("tissue", "organism_part") in label_words()
    True
    """
    found = _by_header("sample")
    return sorted((header, field) for header, field in found.items() if field in _LABEL_FACTS)


def sample_type_words() -> list[tuple[str, str]]:
    """Returns spelling and meaning of every known role of a sample, in order of spelling."""
    return sorted(_spellings("sample_type").items())


def sequence(value: object) -> Sequence[str]:
    """Returns the texts of a list of the YAML file."""
    return [str(entry) for entry in value] if isinstance(value, list) else []
