"""mzTab 1.0 (proteomics) and mzTab-M 2.x (metabolomics, lipidomics): sections told by a prefix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from loaders.formats.protocol import About, Content, Head, Quantity, Sniff
from loaders.model import DatasetReading, ReadOptions, Roles, Unreadable
from loaders.reading import building
from loaders.reading.describe import Context
from loaders.reading.matrix import MatrixReading
from loaders.reading.omics_type import vote_type

_VERSION = re.compile(r"MTD\tmzTab-version\t\s*([^\t\s]+)")
_REFERENCE = re.compile(r"(\w+)\[(\d+)\]")
_PARAMETER = re.compile(r"\s*\[([^,]*),([^,]*),(.*),([^,]*)\]\s*\Z")


@dataclass(frozen=True)
class _Section:
    """A section that may hold quantities: prefixes of header and rows, and how it is read."""

    name: str
    header: str
    row: str
    abundance: str
    feature: tuple[str, ...]
    omics_type: str | None
    feature_type: str | None
    unit: str
    level: str = ""


#: In order of preference: the first that holds quantities is the primary dataset.
_SECTIONS = (
    _Section(
        "proteins",
        "PRH",
        "PRT",
        r"protein_abundance_assay\[(\d+)\]",
        ("accession",),
        "proteomics",
        "protein",
        "protein-quantification_unit",
    ),
    _Section(
        "small molecules",
        "SMH",
        "SML",
        r"(?:smallmolecule_)?abundance_assay\[(\d+)\]",
        ("chemical_name|description", "database_identifier|identifier", "SML_ID"),
        None,
        None,
        "small_molecule-quantification_unit",
    ),
    _Section(
        "peptides",
        "PEH",
        "PEP",
        r"peptide_abundance_assay\[(\d+)\]",
        ("sequence", "?modifications", "?charge"),
        "proteomics",
        "protein",
        "peptide-quantification_unit",
        "peptide",
    ),
    _Section(
        "small molecule features",
        "SFH",
        "SMF",
        r"abundance_assay\[(\d+)\]",
        ("SMF_ID",),
        None,
        None,
        "small_molecule_feature-quantification_unit",
        "feature",
    ),
)


@dataclass
class _Document:
    """What stands above and beside the rows: metadata, and the header and size of each section."""

    version: str
    metadata: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, list[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def one(self, key: str) -> str:
        return (self.metadata.get(key) or [""])[0]


class MzTab:
    """Reads the quantities of the assays of every section that holds some."""

    about = About(
        name="mzTab",
        holds="Proteins, peptides or small molecules with their abundances, in sections.",
        recognised_by="a line `MTD`, `mzTab-version`",
        omics_types=("proteomics", "metabolomics", "lipidomics"),
        feature="protein `accession`; peptide `sequence`, `modifications`, `charge`; small "
        "molecule `chemical_name`, with `SML_ID` beside it because names repeat",
        assay="`…abundance_assay[n]`; named by `assay[n]` of the metadata, else by the file of "
        "its `ms_run[n]`; study variables, sample and species become attributes",
        quantities=(
            Quantity("protein abundance", "`protein_abundance_assay[n]` of PRT"),
            Quantity("small molecule abundance", "`abundance_assay[n]` of SML"),
            Quantity("peptide abundance", "`peptide_abundance_assay[n]` of PEP"),
            Quantity("feature abundance", "`abundance_assay[n]` of SMF", "only where SML has none"),
        ),
        zeros="a value: what 0 means is the exporter's decision",
        missing=("null", "NaN: cannot be calculated"),
        flags=("is_decoy: `opt_global_cv_MS:1002217_decoy_peptide` or `…decoy…` = 1",),
        not_samples=(
            "`…_abundance_study_variable[n]`, `…_stdev_…`, `…_std_error_…`, `…_variation_…`: means "
            "and spreads of groups",
        ),
        notes=(
            "A file of the type Quantification may hold no abundance at all; it is refused with "
            "that reason, not loaded as an empty matrix.",
            "Scientific notation is read, though the specification of version 2.1 forbids it.",
        ),
        sources=(
            "HUPO-PSI/mzTab, specification 1.0",
            "HUPO-PSI/mzTab-M, specification 2.1, Encoding missing values",
        ),
    )

    def sniff(self, head: Head) -> Sniff | None:
        """Looks for the version among the first lines."""
        if not head.may_hold("mzTab-version"):
            return None
        for line in head.lines:
            found = _VERSION.match(line.strip().strip('"'))
            if found:
                return Sniff(1.0, f"the line MTD mzTab-version {found[1]}")
        return None

    def read(
        self, content: Content, context: Context, options: ReadOptions
    ) -> list[DatasetReading]:
        """Reads each section with abundances of assays.

        Raises:
            Unreadable: If no section holds any.
        """
        from loaders.reading.read import with_part

        document = _look(content)
        found = [
            (section, columns)
            for section in _SECTIONS
            if document.counts.get(section.row)
            and (columns := _columns(document.headers.get(section.header, ()), section.abundance))
        ]
        if not found:
            raise _no_quantities(document, context)
        # Features behind the summaries say the same of one measurement once more.
        found = [pair for pair in found if pair[0].level != "feature"] or found
        readings: list[DatasetReading] = []
        for at, (section, columns) in enumerate(found):
            place = with_part(context, f"section={section.name}") if at else context
            readings.append(_reading(content, document, section, columns, place, found))
        return readings


def _look(content: Content) -> _Document:
    """Reads metadata, headers and the number of rows of each section, in one pass."""
    document = _Document("")
    for _, line in content.lines():
        prefix = line[:3]
        if prefix == "MTD":
            cells = [cell.strip() for cell in line.rstrip("\t").split("\t")]
            if len(cells) > 2:
                document.metadata.setdefault(cells[1], []).append(cells[2])
        elif prefix in ("PRH", "PEH", "SMH", "SFH"):
            document.headers.setdefault(prefix, [cell.strip() for cell in line.split("\t")])
        elif line[3:4] == "\t":
            document.counts[prefix] = document.counts.get(prefix, 0) + 1
    document.version = document.one("mzTab-version")
    return document


def _columns(header: Sequence[str], pattern: str) -> dict[int, int]:
    """Returns the columns that a pattern names, with the number of the assay."""
    compiled = re.compile(pattern)
    matches = ((index, compiled.fullmatch(text)) for index, text in enumerate(header))
    return {index: int(match[1]) for index, match in matches if match}


def _reading(
    content: Content,
    document: _Document,
    section: _Section,
    columns: Mapping[int, int],
    context: Context,
    found: Sequence[tuple[_Section, Mapping[int, int]]],
) -> MatrixReading:
    header = list(document.headers[section.header])
    while header and not header[-1]:
        header.pop()
    quantities = set(columns)

    def records() -> Iterator[tuple[int, Sequence[str]]]:
        prefix = section.row + "\t"
        for number, line in content.lines():
            if line.startswith(prefix):
                yield (
                    number,
                    [
                        "" if cell.strip() == "null" and at not in quantities else cell
                        for at, cell in enumerate(line.split("\t"))
                    ],
                )

    feature = _feature_columns(header, section, context)
    names = _assay_names(document, list(columns.values()))
    flags = tuple(
        (index, "1")
        for index, text in enumerate(header)
        if re.fullmatch(r"opt_.*(MS:1002217_decoy_peptide|decoy).*", text, re.IGNORECASE)
    )
    others = [
        index
        for index, text in enumerate(header)
        if index and index not in quantities and index not in feature
    ]
    means = {index: "mean or spread of a group" for index in others if _is_group(header[index])}
    is_molecule = section.omics_type is None
    grid = building.table_of(
        header,
        records,
        evidence={
            "version": document.version,
            "section": section.name,
            "encoding": _encoding(content),
        },
        content=content,
    )
    table = building.first_rows(grid)
    if table is None:
        raise _no_quantities(document, context)
    omics_type = section.omics_type
    if is_molecule:
        seen = [row for row in table.column(feature[0]).slice(0, 240).to_pylist() if row]
        voted = vote_type(seen, header, whole_numbers=False, quantity_omics=None).omics_type
        omics_type = voted if voted in ("lipidomics", "metabolomics") else "metabolomics"
    reading = MatrixReading(
        grid,
        Roles(
            orientation="features_in_rows",
            # Version 1 has small molecules too; mzTab-M begins with 2.
            format=f"mzTab{'-M' if document.version.startswith('2') else ''} {document.version}",
            software=_parameter(document.one("software[1]")) or None,
            omics_type=omics_type,
            feature_type=section.feature_type,
            feature_columns=feature,
            assay_columns=tuple((index, names[number]) for index, number in columns.items()),
            annotation_columns=tuple(index for index in others if index not in means),
            ignored_columns={0: "the prefix of the section", **means},
            flag_columns={"is_decoy": flags} if flags else {},
            quantity=f"{section.name.removesuffix('s')} abundance",
            unit=_parameter(document.one(section.unit)) or None,
            zero_is_missing=False,
            missing_tokens=("null", "NaN"),
            evidence={
                "quantity": section.abundance.replace("\\", "").replace("(d+)", "n"),
                **({"level": section.level} if section.level else {}),
                **(
                    {
                        "primary": section is found[0][0],
                        "other_quantities": {
                            other.name: len(held) for other, held in found if other is not section
                        },
                    }
                    if len(found) > 1
                    else {}
                ),
                "mzTab": {
                    key: document.one(key)
                    for key in ("mzTab-mode", "mzTab-type", "mzTab-ID", "title", "description")
                    if document.one(key)
                },
            },
        ),
        table,
        context,
    )
    return _with_attributes(reading, document, list(columns.values()))


def _encoding(content: Content) -> str:
    return content.text.encoding if content.text is not None else "cells"


def _is_group(header: str) -> bool:
    return "_study_variable[" in header


def _feature_columns(header: Sequence[str], section: _Section, context: Context) -> tuple[int, ...]:
    """Takes all columns of a joint name, or the first that is there of alternatives."""
    joint = any(name.startswith("?") for name in section.feature)
    found: list[int] = []
    for name in section.feature:
        hits = [i for i, text in enumerate(header) if text in name.lstrip("?").split("|")]
        found += hits[:1]
        if found and not joint:
            break
    if not found:
        raise Unreadable(
            "no_feature_column",
            place=f"{context.part}: {section.header}" if context.part else section.header,
            seen=f"columns {', '.join(header[:8])}",
            expected=f"a column {section.feature[0]}",
            question="Which column names the molecule?",
            nearest_format="mzTab",
        )
    return tuple(found)


def _assay_names(document: _Document, numbers: Sequence[int]) -> dict[int, str]:
    """Names assays by the metadata; where that gives one name to several, by their number too."""
    names: dict[int, str] = {}
    for number in numbers:
        said = document.one(f"assay[{number}]") or document.one(f"assay[{number}]-name")
        names[number] = said or _run_name(document, number) or f"assay[{number}]"
    several = {name for name in names.values() if list(names.values()).count(name) > 1}
    return {
        number: f"{name} assay[{number}]" if name in several else name
        for number, name in names.items()
    }


def _run_name(document: _Document, number: int) -> str:
    reference = _REFERENCE.search(document.one(f"assay[{number}]-ms_run_ref"))
    if reference is None:
        return ""
    location = document.one(f"ms_run[{reference[2]}]-location")
    name = re.split(r"[/\\]", location.rstrip("/\\"))[-1]
    return "" if name in ("null", "") else re.sub(r"\.[A-Za-z0-9]{1,6}(\.gz)?$", "", name)


def _with_attributes(
    reading: MatrixReading, document: _Document, numbers: Sequence[int]
) -> MatrixReading:
    """Adds what the metadata say of each assay to its attributes."""
    from dataclasses import replace

    assays = tuple(
        replace(assay, attributes={**assay.attributes, **_attributes(document, number)})
        for assay, number in zip(reading.header.assays, numbers, strict=True)
    )
    reading.header = replace(reading.header, assays=assays)
    return reading


def _attributes(document: _Document, number: int) -> dict[str, str]:
    said: dict[str, str] = {}
    own = f"assay[{number}]"
    if location := document.one(f"{own}-ms_run_ref"):
        said["ms_run"] = document.one(f"{location}-location") or location
    if reagent := _parameter(document.one(f"{own}-quantification_reagent")):
        said["quantification_reagent"] = reagent
    if sample := document.one(f"{own}-sample_ref"):
        said["sample"] = document.one(sample) or sample
        for key in ("species", "tissue", "cell_type", "disease"):
            if value := _parameter(document.one(f"{sample}-{key}[1]")):
                said[key] = value
        if text := document.one(f"{sample}-description"):
            said["sample_description"] = text
    for key in list(document.metadata):
        found = re.fullmatch(r"(study_variable\[\d+\])-assay_refs", key)
        if found and own in re.split(r"[,|\s]+", document.one(key)):
            label = document.one(f"{found[1]}-description") or document.one(found[1]) or found[1]
            said["study_variable"] = (
                f"{said['study_variable']}; {label}" if "study_variable" in said else label
            )
    return said


def _parameter(text: str) -> str:
    """Returns name and value of a CV parameter ``[CV, accession, name, value]``, or the text.

    >>> _parameter("[MS, MS:1000752, TOPP software,]"), _parameter("[, , LDA, 2.6]")
    ('TOPP software', 'LDA 2.6')
    """
    found = _PARAMETER.match(text)
    if found is None:
        return "" if text == "null" else text
    return f"{found[3].strip()} {found[4].strip()}".strip().strip('"')


def _no_quantities(document: _Document, context: Context) -> Unreadable:
    held = {
        section.name: document.counts[section.row]
        for section in _SECTIONS
        if document.counts.get(section.row)
    }
    means = any(_is_group(text) for header in document.headers.values() for text in header)
    rows = ", ".join(f"{count:,} rows of {name}" for name, count in held.items()) or "no rows"
    kind = document.one("mzTab-type") or "unknown"
    return Unreadable(
        "no_quantity_columns",
        place=context.part or "section headers",
        seen=f"{rows} (mzTab-type {kind}) without abundances of assays"
        + ("; only means of study variables" if means else ""),
        expected="columns such as protein_abundance_assay[1] or abundance_assay[1]",
        question="Can the tool export the abundance of each assay? Identifications alone, and "
        "means of groups, are no quantities of samples.",
        nearest_format="mzTab",
        rows_read=sum(held.values()),
    )


FORMATS = (MzTab(),)
