"""Tells result tables (fold changes, p-values) from abundance tables, by header and content.

The words are data, in ``statistics.yml``. `recognise` answers with roles or with None;
`result_tables` (from `loaders.formats.result_rows`) turns the rows into landing rows.

For the caller:

* ``roles.contrasts`` has one entry per contrast. Where a column of the file names the contrast of
  each row, there is one template entry, ``evidence["contrast_column"]`` is the index of that
  column, and the contrasts are known only once the rows are read (``ResultTables.contrasts``).
* Where the table also holds sample columns, ``assay_columns`` is filled too: the file is a result
  table and a matrix.
* `statistic_columns` names the columns whose header is unmistakably that of a statistic. They are
  no samples, also in tables that are not result tables as a whole.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

from loaders.datafiles import read_yaml
from loaders.formats.protocol import About
from loaders.formats.result_rows import ResultTables, result_tables
from loaders.model import Contrast, ContrastColumns, Roles
from loaders.reading.remember import by_texts

__all__ = [
    "ResultTables",
    "fold",
    "identify",
    "recognise",
    "result_tables",
    "statistic_columns",
]

_SEPARATOR = re.compile(r"[\s_.:\-()\[\]]+")
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "#n/a", "-", "inf", "-inf"})
_UNNAMED = frozenset({"", "unnamed0", "x", "index", "rowname", "rownames", "row"})


@cache
def _words() -> Mapping[str, Any]:
    words: Mapping[str, Any] = read_yaml("loaders.formats", "statistics.yml")
    return words


@lru_cache(maxsize=8192)
def abouts() -> tuple[About, ...]:
    """Returns what people read of result tables: those of known tools, and any other."""
    effects = ", ".join(_words()["effect"])
    general = About(
        name="result table",
        holds="Statistics of a comparison, from any tool.",
        recognised_by=f"an effect ({effects}) beside a p-value or adjusted p-value whose numbers "
        "lie between 0 and 1",
        shape="result table; a matrix too where sample columns stand beside the statistics",
        orientation="one row per feature, or per feature and contrast",
        assay="none in the result table; columns of numbers that are no statistic are samples",
        zeros="a value: statistics are kept as reported",
        missing=("NA: not tested",),
    )
    named = (
        replace(
            general,
            name=f"{tool['name']} results",
            holds=f"Statistics of {tool['name']}, one row per feature.",
            recognised_by="headers, folded to letters and digits: "
            + ", ".join([*tool.get("all_of", ()), *tool.get("any_of", ())]),
            software=tool["name"],
        )
        for tool in _words()["tools"]
    )
    return (*{about.name: about for about in named}.values(), general)


def fold(header: str) -> str:
    """Folds a header: case, blanks and punctuation do not matter, a minus before "log" does."""
    text = unicodedata.normalize("NFKC", header).lower().replace("\u2212", "-")
    text = re.sub(r"(?<![a-z0-9])-\s*(?=log)", "neg", text.strip())
    return re.sub(r"[^a-z0-9]+", "", text)


@cache
def _statistic_of() -> Mapping[str, tuple[str, bool, int]]:
    """Maps a folded header to (statistic, said by the word alone, preference)."""
    known: dict[str, tuple[str, bool, int]] = {}
    for name, lists in _words()["statistics"].items():
        for rank, word in enumerate([*lists["strong"], *lists["weak"]]):
            known.setdefault(word, (name, word in lists["strong"], rank))
    return known


@dataclass(frozen=True)
class _Hit:
    """A column whose header reads as a statistic, perhaps of a named contrast."""

    index: int
    header: str
    word: str
    statistic: str
    strong: bool
    rank: int
    label: str | None = None


def _hit(index: int, header: str, rename: Mapping[str, str]) -> _Hit | None:
    return _read_hit(index, header, rename) if rename else _plain_hit(index, header)


# Asked three times per file, of the same header.
@lru_cache(maxsize=8192)
def _plain_hit(index: int, header: str) -> _Hit | None:
    return _read_hit(index, header, {})


def _read_hit(index: int, header: str, rename: Mapping[str, str]) -> _Hit | None:
    """Reads one header as a statistic, with the rest of the header as the contrast's label."""
    known = _statistic_of()
    word = fold(header)
    if word in rename:
        return _Hit(index, header, word, rename[word], strong=True, rank=-1)
    if word in known:
        statistic, strong, rank = known[word]
        return _Hit(index, header, word, statistic, strong, rank)
    best: _Hit | None = None
    for cut in _SEPARATOR.finditer(header):
        head, tail = header[: cut.start()], header[cut.end() :]
        # A bracket that opens the label belongs to the label: "Ratio: (A) / (B)".
        whole_tail = header[cut.start() :].lstrip(" _.:-)]")
        for part, label in ((head, whole_tail), (tail, head)):
            word = fold(part)
            if word not in known or not fold(label):
                continue
            statistic, strong, rank = known[word]
            if best is None or (strong, len(word)) > (best.strong, len(best.word)):
                best = _Hit(index, header, word, statistic, strong, rank, label.strip(" _.:"))
    return best


@by_texts
def statistic_columns(header: Sequence[str]) -> Mapping[int, str]:
    """Returns the columns whose header alone says that they hold a statistic, and which."""
    hits = (_hit(index, text, {}) for index, text in enumerate(header))
    return {hit.index: hit.statistic for hit in hits if hit and hit.strong and hit.label is None}


def _number(text: str) -> float | None:
    try:
        return float(text.strip().lstrip("<>≤≥=").strip().replace(",", "."))
    except ValueError:
        return None


@dataclass(frozen=True)
class _Column:
    """What the sampled cells of a column look like."""

    filled: int
    rows: int
    numbers: tuple[float, ...]
    distinct: int
    is_row_index: bool
    texts: tuple[str, ...] = field(repr=False, default=())

    @property
    def is_numeric(self) -> bool:
        return self.filled > 0 and len(self.numbers) >= 0.9 * self.filled

    @property
    def complete(self) -> bool:
        return self.rows > 0 and self.filled >= 0.95 * self.rows

    @property
    def telling(self) -> bool:
        return self.filled > 0 and self.distinct >= 0.8 * self.filled


def _look(rows: Sequence[Sequence[str]], index: int) -> _Column:
    cells = [str(row[index]).strip() if index < len(row) else "" for row in rows]
    texts = tuple(cell for cell in cells if cell.lower() not in _MISSING)
    parsed = [_number(text) for text in texts]
    numbers = tuple(value for value in parsed if value is not None and not math.isnan(value))
    steps = [b - a for a, b in pairwise(numbers)]
    counts_up = len(numbers) == len(cells) > 1 and numbers[0] in (0, 1) and set(steps) == {1.0}
    return _Column(len(texts), len(cells), numbers, len(set(texts)), counts_up, texts)


def _fits(hit: _Hit, column: _Column) -> bool:
    """Whether the sampled cells can be what the header says."""
    if column.filled == 0:
        return hit.strong
    if not column.is_numeric:
        return False
    if hit.statistic in ("p_value", "adjusted_p_value"):
        inside = sum(1 for value in column.numbers if 0 <= value <= 1)
        return inside >= 0.8 * len(column.numbers)
    if hit.statistic == "neg_log10_p_value":
        return sum(1 for value in column.numbers if value >= 0) >= 0.8 * len(column.numbers)
    if hit.statistic in ("std_error", "degrees_of_freedom"):
        return min(column.numbers) >= 0
    return True


@lru_cache(maxsize=64)
def _tool(words: frozenset[str]) -> Mapping[str, Any]:
    for tool in _words()["tools"]:
        needed, any_of = set(tool.get("all_of", ())), set(tool.get("any_of", ()))
        if needed <= words and (not any_of or any_of & words):
            return dict(tool)
    return {}


@by_texts
def _tool_words(header: Sequence[str]) -> frozenset[str]:
    """Folded headers, and the folded statistic of headers that carry a contrast's label."""
    words = frozenset(fold(text) for text in header)
    hits = (_hit(index, text, {}) for index, text in enumerate(header))
    return words | {hit.word for hit in hits if hit and hit.strong}


def _is_result(hits: Iterable[_Hit]) -> bool:
    """Whether these columns, taken together, can only be results of a test."""
    hits = list(hits)
    effects = [hit for hit in hits if hit.statistic in _words()["effect"]]
    chances = [hit for hit in hits if hit.statistic in _words()["significance"]]
    if not effects or not chances:
        return False
    # A letter beside a letter ("T", "P") may be two samples; one plain word decides.
    return any(hit.strong for hit in chances) or (
        any(hit.strong for hit in effects) and len(chances) > 0
    )


def _groups(hits: Sequence[_Hit]) -> dict[str | None, dict[str, _Hit]]:
    """Gathers hits by contrast and keeps, per statistic, the preferred column."""
    groups: dict[str | None, dict[str, _Hit]] = {}
    for hit in sorted(hits, key=lambda hit: (hit.rank, hit.index)):
        groups.setdefault(hit.label, {}).setdefault(hit.statistic, hit)
    results = {label: group for label, group in groups.items() if _is_result(group.values())}
    if not results:
        return _merged(groups)
    shared = groups.get(None, {}) if None not in results else {}
    if "mean_abundance" in shared:
        for group in results.values():
            group.setdefault("mean_abundance", shared["mean_abundance"])
    order = {label: min(hit.index for hit in group.values()) for label, group in results.items()}
    return {label: results[label] for label in sorted(results, key=lambda label: order[label])}


def _merged(groups: Mapping[str | None, dict[str, _Hit]]) -> dict[str | None, dict[str, _Hit]]:
    """Joins a bare half and one labelled half: ``log2FC`` beside ``p-value (t-test)``."""
    labelled = [
        group
        for label, group in groups.items()
        if label is not None and any(hit.strong for hit in group.values())
    ]
    bare = dict(groups.get(None, {}))
    if not bare or len(labelled) != 1:
        return {}
    for statistic, hit in labelled[0].items():
        if hit.strong:
            bare.setdefault(statistic, hit)
    return {None: bare} if _is_result(bare.values()) else {}


def _named_groups(label: str) -> tuple[str | None, str | None]:
    for pattern in _words()["contrast_labels"]:
        match = re.match(pattern, label.strip(), re.IGNORECASE if "versus" in pattern else 0)
        if match:
            return match[1].strip(" ()._"), match[2].strip(" ()._")
    return None, None


def contrast_named(label: str, template: Contrast, position: int) -> Contrast:
    """Names a contrast after its label; groups only where the label says them."""
    numerator, denominator = _named_groups(label)
    return Contrast(
        position=position,
        name=label,
        numerator=numerator,
        denominator=denominator,
        tool=template.tool,
        adjust_method=template.adjust_method,
        statistic_type=template.statistic_type,
        columns=template.columns,
    )


def _statistic_type(
    group: Mapping[str, _Hit], tool: Mapping[str, Any], rows: Sequence[Sequence[str]]
) -> str | None:
    if "statistic" not in group:
        return None
    if tool.get("statistic_type"):
        return str(tool["statistic_type"])
    if tool.get("wald_check"):
        return _wald_or_ratio(group, rows)
    word = group["statistic"].word
    for name, words in _words()["statistic_types"].items():
        if word in words:
            return str(name)
    return None


def _wald_or_ratio(group: Mapping[str, _Hit], rows: Sequence[Sequence[str]]) -> str | None:
    """DESeq2 calls both its statistics ``stat``: a Wald statistic is effect by standard error."""
    needed = ("log2_fold_change", "std_error", "statistic")
    if any(name not in group for name in needed):
        return None
    triples: list[tuple[float, float, float]] = []
    for row in rows:
        fc, se, stat = (
            _number(row[group[name].index]) if group[name].index < len(row) else None
            for name in needed
        )
        if fc is not None and stat is not None and se and math.isfinite(fc + se + stat):
            triples.append((fc, se, stat))
    if not triples:
        return None
    near = sum(1 for fc, se, stat in triples if abs(stat - fc / se) <= 0.01 * abs(stat) + 1e-6)
    if near >= 0.8 * len(triples):
        return "Wald"
    falling = any(fc < 0 for fc, _, _ in triples)
    return "LRT" if falling and all(stat >= 0 for _, _, stat in triples) else None


def _adjust_method(group: Mapping[str, _Hit], tool: Mapping[str, Any]) -> str | None:
    if "adjusted_p_value" not in group:
        return None
    word = group["adjusted_p_value"].word
    for name, words in _words()["adjust_methods"].items():
        if word in words:
            return str(name)
    method = tool.get("adjust_method")
    return str(method) if method else None


def identify(names: Sequence[str]) -> tuple[str | None, str | None]:
    """Returns feature type and omics type when at least eight in ten distinct names agree."""
    distinct = {name.strip() for name in names if name.strip().lower() not in _MISSING}
    for kind in _words()["identifiers"]:
        fitting = sum(1 for name in distinct if re.match(kind["pattern"], name))
        if distinct and fitting >= 0.8 * len(distinct):
            return kind["feature_type"], kind["omics_type"]
    return None, None


def _feature_column(
    header: Sequence[str], looks: Mapping[int, _Column], *, repeats: bool
) -> int | None:
    """Picks the column that names the feature.

    Known names come first, then text columns; a column that is complete and does not repeat beats
    one with gaps (a probe id beats a gene symbol).
    """
    known: list[str] = _words()["feature_columns"]
    never = set(_words()["never_features"])
    ranked: list[tuple[tuple[int, int, int, int], int]] = []
    for index, look in looks.items():
        word = fold(header[index])
        unnamed = word in _UNNAMED and not look.is_numeric
        named = word in known or unnamed
        if not look.filled or look.is_row_index or word in never:
            continue
        if not named and look.is_numeric:
            continue
        gaps = 0 if look.complete else 1
        repeating = 0 if look.telling or repeats else 1
        rank = -1 if unnamed else known.index(word) if word in known else len(known)
        ranked.append(((0 if named else 1, gaps, repeating, rank), index))
    if ranked:
        return min(ranked)[1]
    # Numbered rows are the last resort: an identifier column that happens to count up.
    return next((i for i, look in looks.items() if look.filled and fold(header[i]) in known), None)


def _contrast_column(
    header: Sequence[str], looks: Mapping[int, _Column], tool: Mapping[str, Any]
) -> int | None:
    words: list[str] = [*_words()["contrast_columns"], *tool.get("contrast_columns", ())]
    for index, look in looks.items():
        if fold(header[index]) not in words or not look.complete:
            continue
        trusted = fold(header[index]) in ("contrast", "comparison", "comparisongroup1group2")
        if look.distinct <= max(1, look.filled // 2) or (trusted and look.distinct < look.filled):
            return index
        if all(_named_groups(text)[0] for text in set(look.texts)):
            return index
    return None


def _assays(
    header: Sequence[str], looks: Mapping[int, _Column], taken: set[int]
) -> tuple[tuple[int, str], ...]:
    """Finds sample columns that stand beside the statistics.

    Only a block of neighbouring numeric columns counts, without names of annotations or summaries,
    and with either a common stem (``ctrl_1``, ``ctrl_2``) or at least four members.
    """
    never = set(_words()["never_assays"])
    summary = set(_words()["never_assay_words"])
    known = _statistic_of()

    def may_be(index: int) -> bool:
        look = looks.get(index)
        word = fold(header[index])
        parts = {part.lower() for part in re.split(r"[\s_.:\-()]+", header[index])}
        return (
            look is not None
            and index not in taken
            and look.is_numeric
            and not look.is_row_index
            and word not in never
            and word not in known
            and not parts & summary
            and word != ""
        )

    best: list[int] = []
    run: list[int] = []
    for index in range(len(header) + 1):
        if index < len(header) and may_be(index):
            run.append(index)
            continue
        best, run = max(best, run, key=len), []
    if len(best) < 2:
        return ()
    stems = [re.sub(r"[\s_.\-]*(?:rep)?\d+$", "", header[i], flags=re.IGNORECASE) for i in best]
    replicated = any(stems.count(stem) > 1 for stem in stems if stem)
    return tuple((i, header[i]) for i in best) if replicated or len(best) >= 4 else ()


def find_contrasts(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, skip: Iterable[int] = ()
) -> tuple[tuple[ContrastColumns, ...], dict[str, object]]:
    """Finds the statistics of every contrast in a header, with the evidence.

    Args:
        header: Headers of all columns.
        rows: Some data rows.
        skip: Columns that are something else already.

    Returns:
        One entry per contrast in order of columns, and the evidence; nothing when the columns do
        not make a result table.
    """
    tool = _tool(_tool_words(header))
    rename = tool.get("rename", {})
    skipped = set(skip)
    hits, refused = [], {}
    for index, text in enumerate(header):
        hit = _hit(index, text, rename) if index not in skipped else None
        if hit is None:
            continue
        if _fits(hit, _look(rows, index)):
            hits.append(hit)
        elif hit.strong and hit.label is None:
            refused[text] = f"values are not those of {hit.statistic}"
    groups = _groups(hits)
    found = []
    for position, (label, group) in enumerate(groups.items(), start=1):
        group = {k: hit for k, hit in group.items() if not _signed_ratio(k, hit, rows, refused)}
        numerator, denominator = _named_groups(label) if label else (None, None)
        contrast = Contrast(
            position=position,
            name=label.strip(" ()") if label and not numerator else label or "contrast",
            numerator=numerator,
            denominator=denominator,
            tool=tool.get("name"),
            adjust_method=_adjust_method(group, tool),
            statistic_type=_statistic_type(group, tool, rows),
            columns={name: hit.header for name, hit in group.items()},
        )
        columns = {name: hit.index for name, hit in group.items()}
        found.append(ContrastColumns(contrast=contrast, columns=columns))
    evidence: dict[str, object] = {
        "rule": "effect and significance columns",
        "statistics": {hit.header: hit.statistic for g in groups.values() for hit in g.values()},
    }
    if tool:
        evidence["tool"] = {
            "name": tool["name"],
            "headers": [*tool.get("all_of", ()), *tool.get("any_of", ())],
        }
    if refused:
        evidence["not_used"] = refused
    return tuple(found), evidence


def _signed_ratio(
    name: str, hit: _Hit, rows: Sequence[Sequence[str]], refused: dict[str, str]
) -> bool:
    """A ratio has no sign: a signed "fold change" (-2 for a half) is kept as annotation only."""
    if name != "fold_change" or not any(value < 0 for value in _look(rows, hit.index).numbers):
        return False
    refused[hit.header] = "signed values are no ratio, and whether they are logs is not said"
    return True


def recognise(header: Sequence[str], sample_rows: Sequence[Sequence[str]]) -> Roles | None:
    """Recognises a result table.

    Args:
        header: Headers of all columns, unnamed ones as empty text.
        sample_rows: Some data rows, as text.

    Returns:
        Roles with orientation ``result_table``, or None when the table is not one.
    """
    contrasts, evidence = find_contrasts(header, sample_rows)
    if not contrasts:
        return None
    statistic_indices = {index for found in contrasts for index in found.columns.values()}
    looks = {
        index: _look(sample_rows, index)
        for index in range(len(header))
        if index not in statistic_indices
    }
    tool = _tool(_tool_words(header))
    by = _contrast_column(header, looks, tool) if len(contrasts) == 1 else None
    if by is not None and contrasts[0].contrast.name == "contrast":
        evidence["contrast_column"] = by
        _name_sides(header, looks, evidence)
    else:
        by = None
    text = {index: look for index, look in looks.items() if index != by}
    feature = _feature_column(header, text, repeats=by is not None)
    if feature is None:
        return None
    evidence["feature_column"] = header[feature]
    flag = next((i for i in text if fold(header[i]) in _words()["flag_columns"]), None)
    has_effect = any("log2_fold_change" in found.columns or "fold_change" in found.columns or
                     "ln_fold_change" in found.columns for found in contrasts)  # fmt: skip
    # Without an effect (an F test over several coefficients) spare numbers are coefficients.
    taken = {feature, *([flag] if flag is not None else [])}
    assays = _assays(header, text, taken) if has_effect and by is None else ()
    if assays:
        evidence["sample_columns"] = "a block of numeric columns beside the statistics"
    feature_type, omics_type = identify(looks[feature].texts)
    if omics_type is None and tool.get("symbols_are") == "genes":
        from loaders.reading.omics_type import vote_names

        kind = vote_names(looks[feature].texts).kind
        if kind is not None and kind.omics == "gene":
            feature_type, omics_type = "gene", "transcriptomics"
    measured = {index for index, _ in assays}
    kept = [i for i in text if i not in measured and i not in taken and not text[i].is_row_index]
    return Roles(
        orientation="result_table",
        format=f"{tool['name']} results" if tool else "result table",
        software=tool.get("name"),
        omics_type=omics_type,
        feature_type=feature_type,
        feature_columns=(feature,),
        assay_columns=assays,
        annotation_columns=tuple(kept),
        ignored_columns={i: "row number" for i in text if text[i].is_row_index and i != feature},
        contrasts=contrasts,
        flag_result_column=flag,
        evidence=evidence,
    )


def _name_sides(
    header: Sequence[str], looks: Mapping[int, _Column], evidence: dict[str, object]
) -> None:
    """Notes the columns that say numerator and denominator of a row's contrast."""
    for side in ("numerator", "denominator"):
        words = _words()[f"{side}_columns"]
        index = next(
            (i for i, look in looks.items() if fold(header[i]) in words and look.filled), None
        )
        if index is not None:
            evidence[f"{side}_column"] = index
