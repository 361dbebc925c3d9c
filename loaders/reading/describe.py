"""The header of a dataset: omics type, scale and zero policy, decided from a bounded sample."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loaders import vocabulary
from loaders.model import Assay, DatasetHeader, Roles, Unreadable
from loaders.reading import mapping, scale, values
from loaders.reading.grid import Grid
from loaders.reading.omics_type import TypeVote, feature_type_of, vote_type
from loaders.reading.values import NumberStyle

#: Values from which scale and zero policy are decided.
SAMPLE_VALUES = 20_000
#: Omics types whose exports write 0 for "not detected".
_ZEROS_MAY_BE_MISSING = ("lipidomics", "metabolomics", "proteomics")


@dataclass(frozen=True)
class Context:
    """What is asked of the reader beside the file itself."""

    part: str
    declared: str | None
    reject_limit: float
    path: str = ""


@dataclass(frozen=True)
class Sample:
    """Quantities and names of a part of the dataset."""

    parsed: values.Parsed
    style: NumberStyle
    names: Sequence[str]
    missing: Mapping[str, int]
    cells: Any


def fingerprint(header: Sequence[str]) -> str:
    """Returns the signature of a header: equal for files of the same layout."""
    folded = "\x1f".join(vocabulary.normalise(cell) for cell in header)
    return hashlib.sha256(folded.encode("utf-8")).hexdigest()[:16]


def named_after_path(roles: Roles, path: str) -> Roles:
    """Names the one assay of a file after the folder or the file, where its format wants that."""
    source = roles.evidence.get("assay_name_from")
    parts = [part for part in re.split(r"[/\\]", path) if part]
    if source is None or len(roles.assay_columns) != 1 or len(parts) < 2:
        return roles
    name = parts[-2] if source == "folder" else _without_ending(parts[-1], roles)
    if not re.search(r"[A-Za-z0-9]", name):
        name = parts[-2]  # the file is named by its tool alone
    ((index, _),) = roles.assay_columns
    return replace(roles, assay_columns=((index, name),))


def _without_ending(name: str, roles: Roles) -> str:
    name = re.sub(r"\.(?:gz|bz2|xz|zip)$", "", name, flags=re.IGNORECASE)
    strip = roles.evidence.get("assay_name_strip")
    cut = re.sub(f"(?:{strip})$", "", name) if strip else name
    return (
        cut if cut != name else re.sub(r"\.(?:txt|tsv|csv|tab|sf)$", "", name, flags=re.IGNORECASE)
    )


def sample_of(grid: Grid, roles: Roles, cells: Any, names: Sequence[str], part: str) -> Sample:
    """Reads sampled cells as quantities.

    Raises:
        Unreadable: If the decimal mark is undecided.
    """
    delimiter = grid.evidence.get("delimiter")
    style, parsed = values.understand(cells, roles.missing_tokens, delimiter=delimiter, place=part)
    return Sample(parsed, style, names, values.missing_counts(cells, parsed), cells)


def matrix_header(
    grid: Grid,
    roles: Roles,
    sample: Sample,
    assays: Sequence[Assay],
    context: Context,
    *,
    more: Mapping[str, object],
    signature: Sequence[str] | None = None,
) -> DatasetHeader:
    """Describes a matrix.

    Raises:
        Unreadable: If its omics type is neither declared nor decided by its content.
    """
    import numpy as np

    parsed, style = sample.parsed, sample.style
    numbers = parsed.numbers.drop_null().to_numpy()
    whole = bool(numbers.size) and bool(np.all(numbers == np.floor(numbers)))
    omics_type, type_evidence = decide_omics_type(
        grid, roles, sample.names, context, whole_numbers=whole and float(numbers.max()) > 30
    )
    zero_is_missing, zero_evidence = _zero_policy(roles, parsed, numbers, omics_type)
    counted = numbers[numbers != 0] if zero_is_missing else numbers
    verdict, scale_evidence = scale.judge(
        counted, counts_expected=omics_type == "transcriptomics" and whole
    )
    if roles.value_scale is not None:
        scale_evidence = {
            **scale_evidence,
            "from_values": verdict,
            "rule": "fixed by the format",
            "confidence": 1.0,
        }
        verdict = roles.value_scale
    if verdict != "linear" and roles.zero_is_missing is None and zero_is_missing:
        zero_is_missing = False
        zero_evidence["decision"] = "kept: the scale is not linear"
    roles_said = {
        "orientation": roles.orientation,
        **roles.evidence,
        **grid.evidence,
        **more,
        "ignored_columns": {
            _label(grid, index): why for index, why in roles.ignored_columns.items()
        },
        "number_style": {"decimal": style.decimal, "thousands": style.thousands},
        "zeros": zero_evidence,
        "missing_spellings_in_sample": dict(sample.missing),
    }
    return DatasetHeader(
        part=context.part,
        shape="matrix",
        omics_type=omics_type,
        omics_type_evidence=type_evidence,
        feature_type=roles.feature_type or feature_type_of(omics_type, sample.names),
        format=roles.format,
        format_fingerprint=fingerprint(signature if signature is not None else grid.header),
        quantity=roles.quantity,
        unit=roles.unit,
        value_scale=verdict,
        scale_evidence=scale_evidence,
        zero_is_missing=zero_is_missing,
        software=roles.software,
        role_evidence=roles_said,
        assays=tuple(assays),
    )


def decide_omics_type(
    grid: Grid,
    roles: Roles,
    names: Sequence[str],
    context: Context,
    *,
    whole_numbers: bool,
) -> tuple[str, dict[str, object]]:
    """Decides the omics type: declared before format before content.

    Raises:
        Unreadable: If nothing decides.
    """
    from loaders.reading.quantities import families

    implied = families([grid.header[index] for index, _ in roles.assay_columns]).omics
    header = [*grid.header, *([roles.quantity] if roles.quantity else [])]
    vote: TypeVote = vote_type(names, header, whole_numbers=whole_numbers, quantity_omics=implied)
    evidence: dict[str, object] = {"content": vote.omics_type, **vote.evidence}
    if roles.omics_type:
        evidence["format"] = roles.omics_type
    if context.declared:
        return context.declared, evidence | {"decided_by": "declared"}
    if roles.omics_type:
        return roles.omics_type, evidence | {"decided_by": "format"}
    if vote.omics_type:
        return vote.omics_type, evidence | {"decided_by": "content"}
    shown = ", ".join(repr(name) for name in list(names)[:3])
    raise Unreadable(
        "undecided_omics_type",
        place=f"{context.part}: names of features" if context.part else "names of features",
        seen=f"names such as {shown}",
        expected="names that tell genes, proteins, metabolites and lipids apart",
        question="Is this lipidomics, metabolomics, proteomics or transcriptomics?",
        mapping_stub=stub_of(grid, roles, part=context.part),
    )


def stub_of(grid: Grid, roles: Roles, *, part: str = "") -> str:
    """Returns the mapping stub that says what was understood."""
    said = dict.fromkeys(range(len(grid.header)), "ignore")
    said |= dict.fromkeys(roles.annotation_columns, "annotation")
    said |= {index: "assay" for index, _ in roles.assay_columns}
    said |= dict.fromkeys(roles.feature_columns, "feature")
    if roles.sample_column is not None:
        said[roles.sample_column] = "sample"
    if roles.value_column is not None:
        said[roles.value_column] = "value"
    return mapping.stub(
        grid.header,
        [said[index] for index in range(len(grid.header))],
        orientation=roles.orientation,
        omics_type=roles.omics_type,
        part=part,
    )


def _zero_policy(
    roles: Roles, parsed: values.Parsed, numbers: Any, omics_type: str | None
) -> tuple[bool, dict[str, object]]:
    share = round(parsed.zeros / numbers.size, 4) if numbers.size else 0.0
    evidence: dict[str, object] = {"share_in_sample": share}
    if roles.zero_is_missing is not None:
        return roles.zero_is_missing, evidence | {"decision": "fixed by the format"}
    if omics_type not in _ZEROS_MAY_BE_MISSING:
        return False, evidence | {"decision": "kept: zeros count in this omics type"}
    spelled = len(parsed.text) - numbers.size - (_count_bad(parsed))
    if spelled:
        return False, evidence | {"decision": "kept: missing values are spelled otherwise"}
    if share < 1 / 3:
        return False, evidence | {"decision": "kept: fewer than a third are zero"}
    if numbers.size and float(numbers.min()) < 0:
        return False, evidence | {"decision": "kept: there are negative values"}
    return True, evidence | {
        "decision": "missing: a third or more are zero, nothing else is missing"
    }


def _count_bad(parsed: values.Parsed) -> int:
    import pyarrow.compute as pc

    return 0 if parsed.bad is None else int(pc.sum(parsed.bad).as_py() or 0)


def _label(grid: Grid, index: int) -> str:
    return grid.header[index] or f"column {index + 1}"
