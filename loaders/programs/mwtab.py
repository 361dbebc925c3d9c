"""The head of an mwTab file: its project is a program, its study an experiment, and its samples.

Lines ``KEY<TAB>value``, and one line ``SUBJECT_SAMPLE_FACTORS<TAB>subject<TAB>sample<TAB>factors``
per sample, factors as ``name:value | name:value`` (FORMATS 3). The JSON form holds the same. The
quantities are not read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from loaders.model import Unreadable
from loaders.programs import columns
from loaders.programs.records import Record, Sheet
from loaders.programs.series_matrix import take_fact
from loaders.programs.sheets import complete_sample
from loaders.reading.opening import TextSource

_LINE = re.compile(r"^(?:#?METABOLOMICS WORKBENCH\b)")
_FACTORS = "SUBJECT_SAMPLE_FACTORS"


def is_mwtab(head: str) -> bool:
    """Tells an mwTab file, text or JSON, by its beginning."""
    start = head.lstrip("\ufeff \r\n")
    return _LINE.match(start) is not None or (
        start.startswith("{") and '"METABOLOMICS WORKBENCH"' in start[:2000]
    )


def read(text: TextSource, part: str) -> Sheet:
    """Reads project, study and samples.

    Raises:
        Unreadable: It is JSON that does not parse.
    """
    with text.utf8() as stream:
        content = stream.read().decode("utf-8")
    is_json = content.lstrip("\ufeff \r\n").startswith("{")
    facts: dict[str, tuple[int, str]] = {}
    samples: list[tuple[int, str, str, Mapping[str, str]]] = []
    for line, key, values in _from_json(content, part) if is_json else _from_text(content):
        if key == _FACTORS:
            subject, sample, factors, more = (*values, "", "", "", "")[:4]
            samples.append((line, subject, sample, _pairs(factors, "|") | _pairs(more, ";")))
        elif values and values[0]:
            before = facts.get(key)
            said = f"{before[1]} {values[0]}" if before else values[0]
            facts[key] = (before[0] if before else line, said)
    return _sheet(part, facts, samples)


def _sheet(
    part: str,
    facts: Mapping[str, tuple[int, str]],
    samples: list[tuple[int, str, str, Mapping[str, str]]],
) -> Sheet:
    known = columns.content()["mwtab"]
    sheet = Sheet(part, "mwTab", ["mwTab"], {"by": "first line"})
    parent: str | None = None
    for kind in ("program", "experiment"):
        fields: dict[str, Any] = {}
        lines = []
        for field, keys in known[kind].items():
            for key in keys:
                if key in facts and not columns.is_empty(facts[key][1]):
                    lines.append(facts[key][0])
                    value = facts[key][1]
                    fields.setdefault(field, [value] if columns.is_list(kind, field) else value)
        if "code" not in fields and "name" not in fields:
            continue
        if kind == "experiment" and parent is not None:
            fields["program"] = [parent]
        if "code" in fields:
            fields["external_ids"] = {"metabolomicsworkbench": fields["code"]}
        parent = fields.get("code") or fields["name"]
        sheet.rows_read += 1
        sheet.records.append(Record(min(lines), kind, fields, {}))
    for line, subject, name, factors in samples:
        sheet.rows_read += 1
        if not name:
            sheet.skip("factors_without_sample")
            continue
        found: dict[str, Any] = {"name": name}
        attributes: dict[str, str] = {}
        for factor, value in factors.items():
            take_fact(found, attributes, factor, value)
        if factors:
            found["factors"] = dict(factors)
        if subject not in ("", "-"):
            found.setdefault("biological_replicate", subject)
        if sheet.records and sheet.records[0].kind != "sample" and parent is not None:
            found["experiment"] = parent
        complete_sample(found)
        sheet.records.append(Record(line, "sample", found, attributes))
    return sheet


def _from_text(content: str) -> Iterator[tuple[int, str, list[str]]]:
    for number, line in enumerate(content.splitlines(), start=1):
        if line.endswith("_START"):
            return
        if line.startswith("#"):
            for key, value in re.findall(r"\b(STUDY_ID|PROJECT_ID):(\S+)", line):
                yield number, "PR:PROJECT_ID" if key == "PROJECT_ID" else key, [value]
            continue
        key, _, rest = line.partition("\t")
        yield number, key.strip(), [cell.strip() for cell in rest.split("\t")]


def _from_json(content: str, part: str) -> Iterator[tuple[int, str, list[str]]]:
    try:
        document = json.loads(content.lstrip("\ufeff"))
    except ValueError as error:
        raise Unreadable(
            "broken_json",
            place=part or "file",
            seen=str(error),
            expected="mwTab as JSON",
            question="Was the download complete?",
        ) from error
    head = document.get("METABOLOMICS WORKBENCH", {})
    yield 1, "STUDY_ID", [str(head.get("STUDY_ID", ""))]
    yield 1, "PR:PROJECT_ID", [str(head.get("PROJECT_ID", ""))]
    sections = {"PROJECT": "PR", "STUDY": "ST", "SUBJECT": "SU"}
    for section, prefix in sections.items():
        for key, value in document.get(section, {}).items():
            yield 1, f"{prefix}:{key}", [str(value)]
    for number, entry in enumerate(document.get(_FACTORS, []), start=1):
        factors = " | ".join(f"{k}:{v}" for k, v in (entry.get("Factors") or {}).items())
        more = entry.get("Additional sample data") or {}
        yield (
            number,
            _FACTORS,
            [
                str(entry.get("Subject ID", "")),
                str(entry.get("Sample ID", "")),
                factors,
                "; ".join(f"{k}={v}" for k, v in more.items()),
            ],
        )


def _pairs(text: str, separator: str) -> dict[str, str]:
    mark = ":" if separator == "|" else "="
    found = {}
    for part in text.split(separator):
        name, given, value = part.partition(mark)
        if given and name.strip():
            found[name.strip()] = value.strip()
    return found
