"""The commands ``omics why`` and ``omics impact``.

What tables know comes from `warehouse.lineage`, what a file holds from `loaders.reading.place`;
here both are put together and printed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omics import output
from warehouse import exits
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    from loaders.reading.place import Found
    from warehouse.lineage.find import Within
    from warehouse.lineage.model import Explanation, Impact, Origin

#: Longest text of one field in the tree; --json gives all of it.
_CUT = 160

#: Columns of a mart row that say where it comes from, and so stand elsewhere in the tree.
_ELSEWHERE = {"source_file_id", "load_id", "build_key"}

#: Columns of the ledger that explain a decision, in the order of reading.
_DECISION = (
    "status",
    "method",
    "context",
    "identifier",
    "identifier_type",
    "candidates",
    "warning",
    "reference_release",
    "rules_version",
)

#: What a file in the tree says of itself.
_READING = (
    "shape",
    "feature_type",
    "quantity",
    "unit",
    "value_scale",
    "scale_evidence",
    "role_evidence",
)

_NOT_FOUND = {
    "changed": "the file has other content by now",
    "gone": "the file is not there any more",
    "remote": "the file is elsewhere and was not opened",
    "not_shown": "the number leads to no text that holds the row",
}


def why_command(
    target: str,
    *,
    kind: str | None,
    within: Within,
    keys: Sequence[str],
    open_files: bool,
    as_json: bool,
) -> int:
    """Prints where one mart row comes from."""
    from warehouse.connection import connect
    from warehouse.lineage.explain import explain
    from warehouse.lineage.find import find
    from warehouse.settings import get_settings

    settings = get_settings()
    with connect(settings) as conn:
        if keys:
            mart, key = target, dict[str, Any](_key(keys))
        else:
            found = find(conn, target, places=_places(target), kind=kind, within=within)
            mart, key = found.mart, dict(found.key)
        explanation = explain(conn, mart, key)
    texts = [
        _text_of(origin, settings.max_unpacked_bytes) if open_files else None
        for origin in explanation.origins
    ]
    if as_json:
        document = asdict(explanation)
        for origin, text in zip(document["origins"], texts, strict=True):
            origin["file_text"] = asdict(text) if text is not None else None
        output.print_json(document)
    else:
        _print_explanation(explanation, texts)
    return exits.DONE


def impact_command(target: str, *, as_json: bool) -> int:
    """Prints what rests on a file."""
    from warehouse.connection import connect
    from warehouse.lineage.impact import impact_of
    from warehouse.settings import get_settings

    with connect(get_settings()) as conn:
        impact = impact_of(conn, target, places=_places(target))
    if as_json:
        output.print_json(impact)
    else:
        _print_impact(impact)
    return exits.DONE


def _places(target: str) -> tuple[str, ...]:
    """How the loaders would have remembered the target, if it is a path."""
    if "://" in target:
        return (target,)
    path = Path(target).expanduser()
    return (target, str(path.absolute()), str(path.resolve()))


def _key(keys: Sequence[str]) -> dict[str, str | None]:
    pairs = [key.partition("=") for key in keys]
    if not all(equals for _, equals, _ in pairs):
        raise OmicsError(
            "a key has no value",
            where="--key " + " --key ".join(keys),
            expected="--key COLUMN=VALUE for each key column; nothing after = means null",
            fix="omics why dataset_quality --key dataset_id=ID --key check_name=missing_overall",
        )
    # Nothing behind the sign asks for the row where the column is null.
    return {name: value or None for name, _, value in pairs}


def _text_of(origin: Origin, max_unpacked_bytes: int) -> Found | None:
    from loaders.reading.place import text_at

    if origin.place is None or origin.file["sha256"] is None:
        return None
    evidence = origin.reading.get("role_evidence")
    return text_at(
        origin.file["path"],
        origin.file["sha256"],
        part=origin.file["part"] or "",
        number=origin.place.row_number,
        unit=origin.place.unit,
        evidence=evidence if isinstance(evidence, Mapping) else {},
        wanted=origin.place.wanted,
        max_unpacked_bytes=max_unpacked_bytes,
    )


# -- the tree --------------------------------------------------------------------------------------


def _print_explanation(explanation: Explanation, texts: Sequence[Found | None]) -> None:
    from warehouse.lineage.routes import routes

    subject = explanation.subject
    output.say(f"{routes()[subject.mart].called}: {subject.title}")
    value = explanation.value
    if value is not None:
        shown = "missing" if value.abundance is None else f"{value.abundance!r}"
        written = "an empty cell or a missing value" if value.landed is None else value.landed
        header = value.source_column or value.assay
        output.say(f"  {shown}  (in the file: {written}; column {header!r})")
    for note in explanation.notes:
        output.say(f"  note: {note}")
    _branch("marts." + subject.mart, _shown(explanation.row))
    for decision in explanation.decisions:
        title = f"name {decision['reported_name']!r} was taken for {decision['feature_id']}"
        _branch(title, {name: decision.get(name) for name in _DECISION})
    for origin, text in zip(explanation.origins, texts, strict=True):
        _print_origin(origin, text)
    for related in explanation.related:
        key = " ".join(str(part) for part in related.key.values())
        output.say(f"see also {routes()[related.mart].called}: {related.title}  ({key})")


def _print_origin(origin: Origin, text: Found | None) -> None:
    file = origin.file
    part = f"#{file['part']}" if file["part"] else ""
    fields: dict[str, Any] = {"way": " -> ".join(origin.models)}
    if origin.load is not None:
        fields["load"] = f"{file['load_id']}, finished {_moment(origin.load['finished_at'])}"
    if file["run_id"]:
        command = f"omics {origin.run['command']}" if origin.run else "unknown"
        fields["run"] = f"{file['run_id']} ({command})"
    fields |= {
        "sha256": file["sha256"],
        "state": file["status"],
        "read as": file["format"],
        "reader": f"version {file['reader_version']}, format fingerprint {file['fingerprint']}",
        "type": file["omics_type_evidence"],
    }
    fields |= {name: origin.reading.get(name) for name in _READING}
    for raw in origin.raw:
        fields[raw.table] = {
            name: value
            for name, value in raw.columns.items()
            if value not in (None, False, "") and name not in ("file_id", "_dlt_load_id")
        }
    if origin.place is not None:
        fields[origin.place.unit] = f"{origin.place.row_number} ({origin.place.means})"
        if text is not None and text.state == "found":
            fields["text"] = text.text
        elif text is not None:
            fields["text"] = f"not shown: {_NOT_FOUND[text.state]}"
    _branch(f"{file['path']}{part} {origin.role}", fields)


def _branch(title: str, fields: Mapping[str, Any]) -> None:
    output.say(title)
    shown = [(name, value) for name, value in fields.items() if value not in (None, "", [], {})]
    for at, (name, value) in enumerate(shown, start=1):
        edge = "└─" if at == len(shown) else "├─"
        output.say(f"  {edge} {name}: {_plain(value)}")


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _ELSEWHERE}


def _plain(value: Any) -> str:
    if isinstance(value, Mapping | list):
        text = json.dumps(value, default=str, ensure_ascii=False)
    else:
        text = _moment(value) if hasattr(value, "strftime") else str(value)
    text = text.replace("\n", "\\n").replace("\t", "  ")
    return text if len(text) <= _CUT else text[:_CUT] + " …"


def _moment(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}"


def _print_impact(impact: Impact) -> None:
    output.say(impact.path)
    output.say(f"  {impact.verdict}")
    output.print_table(
        "Versions",
        ("part", "state", "file id", "sha256", "loaded"),
        [
            (
                version["part"],
                version["status"],
                str(version["source_file_id"] or version["quarantine_id"]),
                (version["sha256"] or "")[:12],
                version["loaded_at"],
            )
            for version in impact.versions
        ],
    )
    output.print_table(
        "Rows that rest on it",
        ("mart", "rows", "for example"),
        [
            (
                one.mart,
                one.count,
                "\n".join(
                    ", ".join(f"{name}={value}" for name, value in example.items())
                    for example in one.examples
                ),
            )
            for one in impact.resting
        ],
    )
    for name in impact.datasets:
        output.say(f"dataset: {name}")
