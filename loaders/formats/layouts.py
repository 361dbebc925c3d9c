"""Known delimited layouts: what the field's tools write, described in ``layouts.yml``.

A small engine turns the description of a layout into `Roles`; there is no code per format. A format
that is recognised but cannot be read rightly yet raises `Unreadable` with the true reason.

What a caller finds in ``roles.evidence`` beside the votes, and must act on:

* ``assay_name_from``: ``folder`` or ``file``. The header cannot name the one sample of this file;
  the assay is named after the folder or the file (without ``assay_name_strip``, a regular
  expression, at its end).
* ``skip_rows``: a list of ``{"column": index, "matches": pattern, "rule": name}``. A row whose
  trimmed cell matches (searched, case as it stands) is no feature: skipped, counted by the rule.
* ``repeats`` (long): ``constant`` means that a feature x sample pair stands in several rows with
  one value and counts once; two different values are a conflict. ``none``: it does not repeat.
* ``feature_join``: what joins several feature columns in this format, where it is not ``|``.
* ``name_fallback``: ``{"unless": pattern, "columns": [index]}``. A row whose name is empty or fits
  the pattern is named by these columns.
* ``level``: peptide, precursor or transition, where features are parts of proteins.

Several feature columns are joined without those that are empty in the row. Tokens in
``flag_columns`` are read by `flag_values`. Where ``contrasts`` and ``assay_columns`` are both set,
the file is a result table and a matrix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

from loaders.datafiles import read_yaml
from loaders.formats.protocol import GROUP_RULE, About, Quantity
from loaders.model import Roles, Unreadable
from loaders.reading.remember import by_texts

_EMPTY = frozenset({"", "na", "n/a", "nan", "null", "none", "#n/a", "inf", "-inf", "#value!"})
_NUMBER = re.compile(r"[+-]?(\d[\d.,]*|\.\d+)([eE][+-]?\d+)?")


@cache
def _layouts() -> tuple[Mapping[str, Any], ...]:
    return tuple(read_yaml("loaders.formats", "layouts.yml")["layouts"])


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def names(*, readable: bool = True) -> list[str]:
    """Lists the known layouts that are read, or those that are recognised and refused."""
    return [str(layout["name"]) for layout in _layouts() if ("refuse" not in layout) == readable]


def abouts() -> Iterator[tuple[About, str]]:
    """Yields what people read of each layout, with the reason if it is recognised and refused."""
    for layout in _layouts():
        yield _about(layout), str(layout.get("refuse", ""))


def _about(layout: Mapping[str, Any]) -> About:
    """Describes a layout from its own entry, so that the page cannot fall behind the reading."""
    said = layout.get("about", {})
    long, rows = layout.get("long"), layout.get("samples_in_rows")
    quantities = [
        Quantity(
            str(family["name"]),
            f"headers like `{_plain(family['pattern'])}`"
            if "pattern" in family
            else f"columns below the heading `{_plain(family['under'])}`"
            if "under" in family
            else f"columns of numbers right of `{_plain(family['after'])}`",
            f"only where {' or '.join(family['copy_of'])} is absent" if "copy_of" in family else "",
        )
        for family in layout.get("quantities", ())
    ]
    if long:
        quantities = [
            Quantity(
                str(value["quantity"]), f"column `{_plain(value['value'])}`", value.get("level", "")
            )
            for value in long.get("values", [long])
        ]
    feature = " or ".join(
        map(
            _named_by, layout.get("feature", (long or {}).get("values", [{}])[0].get("feature", ()))
        )
    )
    assay = layout.get("assay", {})
    named = f"the {assay['from']} it lies in" if "from" in assay else "its column's header"
    if long:
        named = "column " + " or ".join(f"`{_plain(x)}`" for x in long["sample"])
        named += "".join(f", with `{_plain(x)}` where it varies" for x in long.get("with", ()))
    if rows:
        named = "column " + " or ".join(f"`{_plain(x)}`" for x in rows["sample"])
    zero = layout.get("zero_is_missing")
    marks = []
    if "all_of" in layout:
        marks.append("headers " + ", ".join(f"`{_plain(x)}`" for x in layout["all_of"]))
    if "marker" in layout:
        marks.append(f"a first line that begins like `{_plain(layout['marker'])}`")
    return About(
        name=str(layout["name"]),
        holds=str(said.get("holds", "")),
        recognised_by=" and ".join(marks),
        software=layout.get("software"),
        omics_types=(layout["omics_type"],) if "omics_type" in layout else (),
        shape="matrix; result table too where it holds statistics"
        if layout.get("contrasts")
        else "matrix",
        orientation="long: one row per feature and sample"
        if long
        else "samples in rows"
        if rows
        else "features in rows",
        feature=f"{layout['feature_type']}: {feature}" if "feature_type" in layout else feature,
        assay=named,
        quantities=tuple(quantities),
        zeros={True: "missing", False: "a value", None: "decided from the values"}[zero]
        + (f": {said['zeros']}" if "zeros" in said else ""),
        missing=tuple(str(token) for token in layout.get("missing", ())),
        flags=tuple(
            f"{flag}: {'; '.join(f'`{_plain(p)}` = `{token}`' for p, token in pairs)}"
            for flag, pairs in layout.get("flags", {}).items()
        ),
        skipped=tuple(
            f"{rule['rule']}: `{_plain(rule['column'])}` fits `{rule['matches']}`"
            for rule in layout.get("skip_rows", ())
        )
        + tuple(
            f"`{_plain(rule['column'])}` above {rule['at_most']}"
            for rule in (long or {}).get("limits", ())
            if rule.get("skip", True)
        ),
        not_samples=tuple(
            f"`{_plain(rule['pattern'])}`: {rule['reason']}" for rule in layout.get("ignore", ())
        ),
        notes=(
            *said.get("notes", ()),
            *(
                f"`{_plain(mark['column'])}`: what does not fit `{mark['unless']}` is kept as an "
                "annotation, by sample"
                for mark in (long or {}).get("marks", ())
            ),
        ),
        sources=tuple(said.get("sources", ())),
        group=GROUP_RULE if "from" in assay else "",
    )


def _named_by(alternative: Any) -> str:
    """Says which columns name a feature, and which do where those say nothing."""

    def shown(patterns: Sequence[str]) -> str:
        return ", ".join(f"`{_plain(pattern.lstrip('?'))}`" for pattern in patterns)

    if not isinstance(alternative, Mapping):
        return shown(alternative)
    unless = _plain(alternative["unless"])
    return (
        f"{shown(alternative['columns'])} (where it is empty or fits `{unless}`: "
        f"{shown(alternative['else'])})"
    )


_SPOKEN = (
    (re.compile(r"\[ \.[+]?\]\+?|\[ _?[.\-]?\]\??"), " "),
    (re.compile(r"\[\\\[\.\]"), "["),
    (re.compile(r"\[\\\]\.\]"), "]"),
    (re.compile(r"\(\?:"), "("),
    (re.compile(r"\(\.\+\??\)|\(F\\d\+\.\*\)"), "<sample>"),
    (re.compile(r"\.[+*]\??"), "…"),
    (re.compile(r"\\([.\[\]()?])"), r"\1"),
)


def _plain(pattern: str) -> str:
    r"""Writes a header pattern as people would.

    >>> _plain(r"LFQ[ .]intensity[ .](.+)"), _plain(r"MeanArea[\[.](.+?)[\].]")
    ('LFQ intensity <sample>', 'MeanArea[<sample>]')
    """
    for found, instead in _SPOKEN:
        pattern = found.sub(instead, pattern)
    return pattern


def telling_headers() -> list[tuple[str, tuple[str, ...]]]:
    """Lists the readable layouts with the header patterns that each is told by."""
    return [
        (str(layout["name"]), tuple(layout["all_of"]))
        for layout in _layouts()
        if "refuse" not in layout and len(layout.get("all_of", ())) > 1
    ]


class _Table:
    """A header with some rows below and above it."""

    def __init__(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        preamble: Sequence[Sequence[str]],
        missing: Iterable[str] = (),
    ) -> None:
        self.header = header
        self.rows = rows
        self.preamble = preamble
        self.empty = _EMPTY.union(str(token).lower() for token in missing) if missing else _EMPTY

    def find(self, pattern: str) -> list[int]:
        fits = _pattern(pattern).fullmatch
        return [index for index, text in enumerate(self.header) if fits(text)]

    def first(self, pattern: str) -> int | None:
        found = self.find(pattern)
        return found[0] if found else None

    def cells(self, index: int) -> list[str]:
        return [str(row[index]).strip() if index < len(row) else "" for row in self.rows]

    def filled(self, index: int) -> list[str]:
        return [cell for cell in self.cells(index) if cell.lower() not in self.empty]

    def is_numeric(self, index: int) -> bool:
        """Whether nothing in the sample speaks against numbers: empty columns pass."""
        filled = self.filled(index)
        return sum(1 for cell in filled if _NUMBER.fullmatch(cell)) >= 0.9 * len(filled)


@cache
def _header_patterns() -> tuple[str, ...]:
    """Returns every pattern that a layout asks of a header."""
    asked = (p for x in _layouts() for p in (*x.get("all_of", ()), *x.get("none_of", ())))
    return tuple(dict.fromkeys(asked))


@cache
def _any_header_pattern() -> re.Pattern[str]:
    for pattern in _header_patterns():
        if re.search(r"\\[1-9]|\(\?P", pattern):
            raise ValueError(f"{pattern!r}: groups are numbered anew where patterns are joined")
    return _pattern("|".join(f"(?:{pattern})" for pattern in _header_patterns()))


@lru_cache(maxsize=8192)
def _patterns_of(text: str) -> frozenset[str]:
    """Returns which header patterns one header fits; most sample names fit none."""
    if not _any_header_pattern().fullmatch(text):
        return frozenset()
    return frozenset(p for p in _header_patterns() if _pattern(p).fullmatch(text))


@by_texts
def _fit_header(header: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
    """Returns the layouts that a header speaks for, or at least not against."""
    # One look at each header instead of one per layout: 0.26 ms for 13 headers met before.
    found = frozenset[str]().union(*map(_patterns_of, header))
    return tuple(
        layout
        for layout in _layouts()
        if layout.get("columns", len(header)) == len(header)
        and found.issuperset(layout.get("all_of", ()))
        and found.isdisjoint(layout.get("none_of", ()))
    )


def _fits(layout: Mapping[str, Any], table: _Table) -> bool:
    """Whether a layout that the header speaks for fits the rows as well."""
    if "marker" in layout:
        mark = _pattern(layout["marker"])
        rows = (*table.preamble, table.header, *table.rows)
        if not any(mark.match(str(row[0])) for row in rows if row):
            return False
    if "filled" in layout:
        index = table.first(layout["filled"])
        return index is not None and bool(table.filled(index))
    return "all_of" in layout or "marker" in layout


def _feature(layout: Mapping[str, Any], table: _Table) -> tuple[int, ...]:
    """Takes the first alternative whose columns are there."""
    return _chosen_feature(layout, table)[0]


def _chosen_feature(
    layout: Mapping[str, Any], table: _Table
) -> tuple[tuple[int, ...], dict[str, object]]:
    """Returns the columns that name features, and how rows are named that they do not name."""
    for alternative in layout["feature"]:
        guarded = isinstance(alternative, Mapping)
        indices = _all_of(table, alternative["columns"] if guarded else alternative)
        if not indices:
            continue
        if not guarded:
            return indices, {}
        others = _all_of(table, alternative["else"])
        if others:
            empty = "|".join(re.escape(word) for word in sorted(table.empty))
            unless = f"(?i)^({empty}|{alternative['unless']})$"
            return indices, {"name_fallback": {"unless": unless, "columns": list(others)}}
        if any(not _is_nameless(table, cell, alternative) for cell in table.cells(indices[0])):
            return indices, {}
    return (), {}


def _all_of(table: _Table, patterns: Sequence[str]) -> tuple[int, ...]:
    """Returns the columns of an alternative; none where one that must be there is not."""
    found = [(pattern, table.first(pattern.lstrip("?"))) for pattern in patterns]
    if any(index is None and not pattern.startswith("?") for pattern, index in found):
        return ()
    return tuple(index for _, index in found if index is not None)


def _is_nameless(table: _Table, cell: str, alternative: Mapping[str, Any]) -> bool:
    return cell.lower() in table.empty or bool(_pattern(alternative["unless"]).fullmatch(cell))


def _excluded(family: Mapping[str, Any], header: str) -> bool:
    return any(_pattern(pattern).fullmatch(header) for pattern in family.get("exclude", ()))


def _members(family: Mapping[str, Any], table: _Table) -> dict[int, str]:
    """Columns of a quantity family with the names that their headers give."""
    if "pattern" in family:
        compiled = _pattern(family["pattern"])
        matches = {i: compiled.fullmatch(text) for i, text in enumerate(table.header)}
        named = {
            index: match[1].strip()
            for index, match in matches.items()
            if match and not _excluded(family, table.header[index])
        }
        return _without_totals(family.get("totals"), named)
    if "under" in family:
        return {
            index: table.header[index]
            for index in _below(family["under"], table)
            if table.header[index] and table.is_numeric(index)
        }
    anchors = table.find(family["after"])
    if not anchors:
        return {}
    end = len(table.header)
    if "until" in family:
        end = next((i for i in table.find(family["until"]) if i > anchors[-1]), end)
    block = [
        index
        for index in range(anchors[-1] + 1, end)
        if table.header[index]
        and not _excluded(family, table.header[index])
        and not _labelled(family, table, index)
        and table.is_numeric(index)
    ]
    if "counts_up_to" in family:
        block = _after_counts(block, table.first(family["counts_up_to"]), table)
    return {index: table.header[index] for index in block}


def _below(heading: str, table: _Table) -> range:
    """Returns the columns below a heading above the header, up to the next heading."""
    for row in table.preamble:
        cells = [str(cell).strip() for cell in row]
        begin = next((i for i, cell in enumerate(cells) if _pattern(heading).fullmatch(cell)), None)
        if begin is None:
            continue
        others = (i for i in range(begin + 1, len(cells)) if cells[i] not in ("", cells[begin]))
        return range(begin, min(next(others, len(table.header)), len(table.header)))
    return range(0)


def _without_totals(parts: str | None, named: Mapping[int, str]) -> dict[int, str]:
    """Drops sums: where ``L exp1`` exists, ``L`` and ``exp1`` are its totals."""
    if not parts:
        return dict(named)
    matches = [match for name in named.values() if (match := _pattern(parts).fullmatch(name))]
    totals = {group for match in matches for group in match.groups()}
    return {index: name for index, name in named.items() if name not in totals}


def _labelled(family: Mapping[str, Any], table: _Table, index: int) -> bool:
    pattern = family.get("exclude_preamble")
    return pattern is not None and any(
        index < len(row) and _pattern(pattern).fullmatch(str(row[index]).strip())
        for row in table.preamble
    )


def _after_counts(block: list[int], bound: int | None, table: _Table) -> list[int]:
    """Leaves out the leading columns that only count: integers never above the bounding column."""
    if bound is None:
        return block
    limits = table.cells(bound)
    for place, index in enumerate(block):
        pairs = [
            (cell, limit)
            for cell, limit in zip(table.cells(index), limits, strict=True)
            if cell and limit
        ]
        counting = all(
            re.fullmatch(r"\d+(\.0)?", cell) and float(cell) <= float(limit)
            for cell, limit in pairs
            if re.fullmatch(r"\d+(\.0)?", limit)
        )
        if not counting:
            return block[place:]
    return []


def _assay_names(
    rule: Mapping[str, Any], found: Mapping[int, str], table: _Table
) -> tuple[tuple[int, str], ...]:
    names = dict(found)
    if "named_by" in rule:
        compiled = _pattern(rule["named_by"])
        lines = ("\t".join(str(cell) for cell in row).strip() for row in table.preamble)
        said = {match[1]: match[2].strip() for x in lines if (match := compiled.fullmatch(x))}
        names = {index: said.get(name, name) for index, name in names.items()}
    if rule.get("path"):
        short = {i: re.split(r"[/\\]", name.rstrip("/\\"))[-1] for i, name in names.items()}
        if "strip" in rule:
            ending = _pattern(f"(?:{rule['strip']})$")
            short = {index: ending.sub("", name) for index, name in short.items()}
        # Equal file names in different folders: only the whole path tells the samples apart.
        names = short if len(set(short.values())) == len(short) else names
    return tuple(sorted(names.items()))


def _flags(layout: Mapping[str, Any], table: _Table) -> dict[str, tuple[tuple[int, str], ...]]:
    flags = {}
    for flag, pairs in layout.get("flags", {}).items():
        found = [(table.first(pattern), str(token)) for pattern, token in pairs]
        present = tuple((index, token) for index, token in found if index is not None)
        if present:
            flags[flag] = present
    return flags


def _skip_rows(layout: Mapping[str, Any], table: _Table) -> list[dict[str, object]]:
    return [
        {"column": index, "matches": rule["matches"], "rule": rule["rule"]}
        for rule in layout.get("skip_rows", ())
        if (index := table.first(rule["column"])) is not None
    ]


def _refuse(layout: Mapping[str, Any], *, reason_code: str, reason: str, seen: str) -> Unreadable:
    return Unreadable(
        reason_code,
        place="header",
        seen=seen,
        expected="a table whose quantities can be told by its header",
        question=reason,
        nearest_format=str(layout["name"]),
    )


def recognise(
    header: Sequence[str],
    sample_rows: Sequence[Sequence[str]],
    preamble: Sequence[Sequence[str]] = (),
) -> Roles | None:
    """Recognises a known layout.

    Args:
        header: Headers of all columns, unnamed ones as empty text.
        sample_rows: Some data rows, as text.
        preamble: Rows above the header (comments, titles, label rows), as cells.

    Returns:
        The roles of the columns, or None when the header is of no known tool.

    Raises:
        Unreadable: The format is known, but cannot be read rightly yet.
    """
    return next(iter(recognise_all(header, sample_rows, preamble)), None)


def recognise_all(
    header: Sequence[str],
    sample_rows: Sequence[Sequence[str]],
    preamble: Sequence[Sequence[str]] = (),
) -> list[Roles]:
    """Does what `recognise` does, for every quantity that the table holds.

    Returns:
        The roles for each quantity, the preferred one first; none when the header is of no tool.

    Raises:
        Unreadable: The format is known, but cannot be read rightly yet.
    """
    stripped = [str(cell).strip() for cell in header]
    for layout in _fit_header(stripped):
        table = _Table(stripped, sample_rows, preamble, layout.get("missing", ()))
        if _fits(layout, table):
            return _compile(layout, table)
    return []


def _compile(layout: Mapping[str, Any], table: _Table) -> list[Roles]:
    """Turns a layout that fits into roles."""
    if "refuse" in layout:
        raise _refuse(
            layout,
            reason_code="format_not_readable_yet",
            reason=str(layout["refuse"]),
            seen=f"a file of the format {layout['name']}",
        )
    if "long" in layout:
        return _long(layout, table)
    if "samples_in_rows" in layout:
        return [_samples_in_rows(layout, table)]
    return _wide(layout, table)


def _common(layout: Mapping[str, Any], table: _Table, feature: Sequence[int]) -> dict[str, Any]:
    evidence: dict[str, object] = {
        "layout": layout["name"],
        "fingerprint": [
            table.header[i] for x in layout.get("all_of", ()) for i in table.find(x)[:1]
        ],
    }
    for key in ("level", "feature_join"):
        if key in layout:
            evidence[key] = layout[key]
    if skip := _skip_rows(layout, table):
        evidence["skip_rows"] = skip
    nameless: re.Pattern[str] | None = None
    if feature and "feature" in layout:
        chosen, fallback = _chosen_feature(layout, table)
        if chosen == tuple(feature) and fallback:
            evidence |= fallback
            nameless = re.compile(str(fallback["name_fallback"]["unless"]))  # type: ignore[index]
    feature_type, omics_type = layout.get("feature_type"), layout.get("omics_type")
    if layout.get("type_from_content"):
        from loaders.formats.statistics import identify

        names = (
            [n for n in table.filled(i) if not (nameless and nameless.match(n))] for i in feature
        )
        seen = (identify(cells) for cells in names)
        found = next((pair for pair in seen if pair[0]), (None, None))
        feature_type, omics_type = found[0] or feature_type, found[1] or omics_type
    return {
        "format": layout["name"],
        "software": layout.get("software"),
        "omics_type": omics_type,
        "feature_type": feature_type,
        "feature_columns": tuple(feature),
        "flag_columns": _flags(layout, table),
        "unit": layout.get("unit"),
        "value_scale": layout.get("value_scale"),
        "zero_is_missing": layout.get("zero_is_missing"),
        "missing_tokens": tuple(str(token) for token in layout.get("missing", ())),
        "evidence": evidence,
    }


def _families(
    layout: Mapping[str, Any], table: _Table
) -> list[tuple[Mapping[str, Any], dict[int, str]]]:
    """Returns the quantities that are there, each with its columns; no column stands in two."""
    taken: set[int] = set()
    names: set[str] = set()
    present: list[tuple[Mapping[str, Any], dict[int, str]]] = []
    for family in layout["quantities"]:
        found = {i: name for i, name in _members(family, table).items() if i not in taken}
        if "not_beside" in family and table.find(family["not_beside"]):
            taken |= set(found)
            continue
        if present and table.rows and not any(table.filled(index) for index in found):
            # Columns of a quantity that was not computed: none of it has a number.
            taken |= set(found)
            continue
        if found and family["name"] not in names and not names & set(family.get("copy_of", ())):
            present.append((family, found))
            names.add(family["name"])
        taken |= set(found)
    return present


def _wide(layout: Mapping[str, Any], table: _Table) -> list[Roles]:
    present = _families(layout, table)
    feature = _feature(layout, table)
    if not present or not feature:
        wanted = ", ".join(str(family["name"]) for family in layout["quantities"])
        raise _refuse(
            layout,
            reason_code="no_quantity_columns" if feature else "no_feature_column",
            reason=f"which columns hold the quantities of the samples? looked for {wanted}",
            seen=f"the format {layout['name']} without such columns",
        )
    first = _quantity(layout, table, feature, present, 0)
    others = [_quantity(layout, table, feature, present, at) for at in range(1, len(present))]
    # Statistics beside the samples are read once, with the preferred quantity.
    return [
        first,
        *(replace(roles, orientation="features_in_rows", contrasts=()) for roles in others),
    ]


def _quantity(
    layout: Mapping[str, Any],
    table: _Table,
    feature: Sequence[int],
    present: Sequence[tuple[Mapping[str, Any], Mapping[int, str]]],
    at: int,
) -> Roles:
    """Returns the roles of the columns for one quantity; the other ones' columns are ignored."""
    chosen, found = present[at]
    common = _common(layout, table, feature)
    evidence = common["evidence"]
    evidence["quantity"] = chosen["name"]
    if len(present) > 1:
        evidence["primary"] = at == 0
        evidence["other_quantities"] = {
            str(family["name"]): len(columns) for family, columns in present if family is not chosen
        }
    rule = layout.get("assay", {})
    if "samples_of" in chosen:
        evidence["samples_of"] = chosen["samples_of"]
    if "from" in rule:
        evidence["assay_name_from"] = rule["from"]
        if "strip" in rule:
            evidence["assay_name_strip"] = rule["strip"]
    for key in ("unit", "value_scale", "zero_is_missing"):
        common[key] = chosen.get(key, common[key])
    common["unit"] = common["unit"] or _unit_above(table, found)
    if chosen is not layout["quantities"][0] and common["unit"] == "counts":
        common["unit"] = chosen.get("unit")
    taken = {*feature, *found, *(i for pairs in common["flag_columns"].values() for i, _ in pairs)}
    contrasts: tuple[Any, ...] = ()
    if layout.get("contrasts"):
        from loaders.formats.statistics import find_contrasts

        contrasts, said = find_contrasts(table.header, table.rows, skip=taken)
        if contrasts:
            evidence["statistics"] = said["statistics"]
            taken |= {index for contrast in contrasts for index in contrast.columns.values()}
    ignored = {
        index: f"another quantity: {family['name']}"
        for family, columns in present
        for index in columns
        if index not in taken
    }
    ignored |= _ignored(layout, table, {*taken, *ignored})
    kept = [i for i in range(len(table.header)) if i not in taken and i not in ignored]
    if "name_fallback" in evidence:
        # What stands in the place of a name, such as a match without spectrum, is kept.
        kept = sorted({*kept, *feature})
    # A second block with the names of the first one is another quantity, not an annotation.
    assays = {table.header[index] for index in found}
    for index in [i for i in kept if table.header[i] in assays]:
        ignored[index] = "another quantity: a second block of the same samples"
        kept.remove(index)
    return Roles(
        orientation="result_table" if contrasts else "features_in_rows",
        assay_columns=_assay_names(rule, found, table),
        annotation_columns=tuple(kept),
        ignored_columns=ignored,
        contrasts=contrasts,
        quantity=str(chosen["name"]),
        **common,
    )


def _unit_above(table: _Table, found: Mapping[int, str]) -> str | None:
    """Returns the unit that a label row ``Unit`` above the header gives to all samples, if any."""
    for row in table.preamble:
        cells = [str(row[index]).strip() if index < len(row) else "" for index in found]
        outside = [str(c).strip().lower() for i, c in enumerate(row) if i not in found]
        if cells[0] and len(set(cells)) == 1 and {"unit", "units"} & set(outside):
            return cells[0]
    return None


def _ignored(layout: Mapping[str, Any], table: _Table, taken: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for rule in layout.get("ignore", ()):
        for index in table.find(rule["pattern"]):
            if index not in taken:
                found.setdefault(index, str(rule["reason"]))
    return found


def _long(layout: Mapping[str, Any], table: _Table) -> list[Roles]:
    rule = layout["long"]
    sample = next((i for x in rule["sample"] if (i := table.first(x)) is not None), None)
    more = [i for x in rule.get("with", ()) if (i := table.first(x)) is not None]
    found = [
        roles
        for quantity in rule.get("values", [rule])
        if sample is not None
        and (roles := _long_quantity(layout, quantity, table, sample, more)) is not None
    ]
    if not found:
        raise _refuse(
            layout,
            reason_code="undecided_roles",
            reason="which columns hold sample, feature and value?",
            seen=f"the format {layout['name']} without one of them",
        )
    return found


def _long_quantity(
    layout: Mapping[str, Any],
    rule: Mapping[str, Any],
    table: _Table,
    sample: int,
    more: Sequence[int],
) -> Roles | None:
    """Returns the roles for one quantity; None where its columns are not there."""
    shared = layout["long"]
    value = table.first(rule["value"])
    feature = _feature({"feature": rule.get("feature", layout.get("feature", ()))}, table)
    if value is None or not feature:
        return None
    common = _common(layout, table, feature)
    common["evidence"] |= {"quantity": rule["quantity"], "repeats": rule["repeats"]}
    if "level" in rule:
        common["evidence"]["level"] = rule["level"]
    if "strip" in shared:
        common["evidence"]["sample_strip"] = shared["strip"]
    limits = [
        {
            "column": index,
            "at_most": limit["at_most"],
            "skip": limit.get("skip", True),
            "rule": f"{table.header[index]} above {limit['at_most']}".replace(" ", "_").lower(),
        }
        for limit in shared.get("limits", ())
        if (index := table.first(limit["column"])) is not None
    ]
    if limits:
        common["evidence"]["limits"] = limits
    marks = [
        {"column": index, "unless": mark["unless"]}
        for mark in shared.get("marks", ())
        for index in table.find(mark["column"])
    ]
    if marks:
        common["evidence"]["marks"] = marks
    for key in ("unit", "value_scale", "zero_is_missing"):
        common[key] = rule.get(key, common[key])
    roles = {*feature, sample, value, *more}
    asked = [
        *rule.get("annotations", shared.get("annotations", ())),
        *(mark["column"] for mark in shared.get("marks", ())),
    ]
    kept = [i for x in asked for i in table.find(x) if i not in roles]
    ignored = {
        index: "describes the measurement, not the feature"
        for index in range(len(table.header))
        if index not in roles and index not in kept
    }
    return Roles(
        orientation="long",
        sample_column=sample,
        sample_more=tuple(more),
        value_column=value,
        annotation_columns=tuple(dict.fromkeys(kept)),
        ignored_columns=ignored,
        quantity=str(rule["quantity"]),
        **common,
    )


def _samples_in_rows(layout: Mapping[str, Any], table: _Table) -> Roles:
    rule = layout["samples_in_rows"]
    sample = next((i for x in rule["sample"] if (i := table.first(x)) is not None), None)
    common = _common(layout, table, ())
    said = {i for x in rule.get("annotations", ()) for i in table.find(x)} - {sample}
    texts = {i for i in range(len(table.header)) if i != sample and not table.is_numeric(i)}
    ignored = _not_features(rule.get("not_features"), table)
    said, texts = said - ignored.keys(), texts - ignored.keys()
    return Roles(
        orientation="samples_in_rows",
        sample_column=sample,
        annotation_columns=tuple(sorted(said | texts)),
        ignored_columns=ignored,
        **common,
    )


def _not_features(pattern: str | None, table: _Table) -> dict[int, str]:
    """Returns the columns that a row of classes beside the header says to be no molecules."""
    if pattern is None:
        return {}
    said: dict[int, str] = {}
    for row in table.preamble:
        for index, cell in enumerate(row[: len(table.header)]):
            if _pattern(pattern).fullmatch(str(cell).strip()):
                said[index] = f"no molecule: {str(cell).strip()}"
    return said


def flag_values(pairs: Sequence[tuple[Any, str]]) -> Any:
    """Reads a flag from the columns that carry it.

    Args:
        pairs: Text columns of one batch with the token that sets the flag. A token between slashes
            is a regular expression (``/^CON__/``); any other must be the whole cell, in any case.

    Returns:
        A boolean array: true where any column says so, null where none does and a cell is ``NA``
        (the file does not know), else false.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    length = len(pairs[0][0])
    is_set = pa.array([False] * length)
    unknown = pa.array([False] * length)
    for column, token in pairs:
        cells = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        cells = pc.fill_null(pc.utf8_trim_whitespace(pc.cast(cells, pa.string())), "")
        if len(token) > 1 and token.startswith("/") and token.endswith("/"):
            is_set = pc.or_(is_set, pc.match_substring_regex(cells, token[1:-1]))
            continue
        is_set = pc.or_(is_set, pc.equal(pc.utf8_lower(cells), token.lower()))
        unknown = pc.or_(unknown, pc.is_in(cells, value_set=pa.array(["NA", "NaN", "#N/A"])))
    return pc.if_else(is_set, True, pc.if_else(unknown, pa.scalar(None, pa.bool_()), False))


def is_flagged(cell: str, token: str) -> bool:
    """Says of one cell what `flag_values` says of columns."""
    if len(token) > 1 and token.startswith("/") and token.endswith("/"):
        return re.search(token[1:-1], cell.strip()) is not None
    return cell.strip().lower() == token.lower()
