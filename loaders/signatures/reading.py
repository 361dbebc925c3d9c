"""Definitions to landing rows: directions, weights, types and doubles are checked here."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from loaders.landing_tables import REJECTED_ROWS, LandingTable, arrow_schema
from loaders.model import Counts, TablesHeader, Unreadable
from loaders.signatures import feature_types, words
from loaders.signatures.feature_types import TypeVote
from loaders.signatures.model import Definition, Definitions, Member
from loaders.signatures.tables import COMPONENTS, SETS

if TYPE_CHECKING:
    import pyarrow as pa

#: Rejects that repeat what landed: they do not count against the limit, for nothing was lost.
_REPEATED = "repeated_component"

#: The minus sign of typesetters, beside the hyphen of keyboards.
_MINUS = "\u2212"
_SIGNS = "+-" + _MINUS


@dataclass(frozen=True)
class _Component:
    name: str
    feature_type: str | None
    evidence: str
    direction: str
    weight: str


@dataclass(frozen=True)
class _Reject:
    row: int
    column: str
    raw: str
    code: str
    message: str


class SignaturesReading:
    """The signatures of one part of a file; all of them are in memory."""

    def __init__(self, found: Definitions, *, reject_limit: float) -> None:
        """Checks every component.

        Raises:
            Unreadable: If there is no signature, or more than the allowed share is rejected.
        """
        self._found = replace(found, definitions=join_pairs(found.definitions))
        self._sets: list[tuple[object, ...]] = []
        self._components: list[tuple[object, ...]] = []
        self._rejects: list[_Reject] = []
        usual = self._usual_type()
        for position, definition in enumerate(self._found.definitions, start=1):
            self._add(position, definition, usual)
        self._check(reject_limit)
        digest = hashlib.sha256(f"{found.format}\0{found.layout}".encode()).hexdigest()
        self.header = TablesHeader(
            part=found.part,
            kind="signatures",
            format=found.format,
            format_fingerprint=digest[:16],
            evidence={
                **found.evidence,
                "feature_type": usual.feature_type,
                "feature_type_share": usual.share,
            },
        )

    def batches(self) -> Iterator[tuple[str, pa.Table]]:
        """Yields the sets, then their components."""
        yield SETS.name, _table(SETS, self._sets)
        yield COMPONENTS.name, _table(COMPONENTS, self._components)

    def rejects(self) -> pa.Table:
        """Returns the components that did not land, with the reason and the fix."""
        return _table(
            REJECTED_ROWS, [(r.row, r.column, r.raw, r.code, r.message) for r in self._rejects]
        )

    def counts(self) -> Counts:
        """Returns what became of every component."""
        landed, rejected = len(self._components), len(self._rejects)
        skipped = dict(self._found.skipped)
        return Counts(landed + rejected + sum(skipped.values()), landed, rejected, skipped, 0, 0)

    def _usual_type(self) -> TypeVote:
        names = [m.name for d in self._found.definitions for m in d.members if not m.feature_type]
        return feature_types.vote(names)

    def _add(self, position: int, definition: Definition, usual: TypeVote) -> None:
        landed: dict[tuple[str, str | None], _Component] = {}
        for member in definition.members:
            component = self._understood(member, usual)
            if component is None:
                continue
            key = (component.name, component.feature_type)
            if key in landed:
                self._rejects.append(_doubled(definition.name, member, component, landed[key]))
                continue
            landed[key] = component
            self._components.append(
                (
                    *(member.row, definition.name, len(landed), component.name),
                    *(component.feature_type, component.evidence),
                    *(component.direction, component.weight),
                )
            )
        fields = dict(definition.fields) | {"n_members": len(definition.members)}
        written = json.dumps(fields, ensure_ascii=False, sort_keys=True)
        self._sets.append((definition.row, position, definition.name, written))

    def _understood(self, member: Member, usual: TypeVote) -> _Component | None:
        direction = words.direction_of(member.direction or "")
        if direction is None:
            self._reject(
                member, "direction", str(member.direction), "unknown_direction",
                "is no known direction; write up, down, or leave the cell empty",
            )  # fmt: skip
            return None
        weight = _number(member.weight)
        if weight is None:
            self._reject(
                member, "weight", str(member.weight), "weight_not_a_number",
                "is no number; write the weight with a decimal point",
            )  # fmt: skip
            return None
        if weight == 0:
            self._reject(
                member, "weight", str(member.weight), "weight_zero",
                "says that the component does not count; remove the row",
            )  # fmt: skip
            return None
        text = (member.weight or "1").strip() or "1"
        if weight < 0 and direction == "1":
            self._reject(
                member, "weight", text, "direction_contradicts_weight",
                "is negative, but the direction says up; correct one of them",
            )  # fmt: skip
            return None
        if direction == "0" and weight < 0:
            direction = "-1"
        elif direction == "0" and member.direction is None and member.weight:
            direction = "1"
        given = member.feature_type
        if given:
            feature_type = words.feature_type_of(given)
            if feature_type is None:
                self._reject(
                    member, "feature_type", given, "unknown_feature_type",
                    "is no known type; write gene, transcript, protein, metabolite or lipid",
                )  # fmt: skip
                return None
            evidence = f"given: {given}"
        else:
            feature_type, evidence = feature_types.infer(member.name, usual)
        return _Component(member.name, feature_type, evidence, direction, text.lstrip(_SIGNS))

    def _reject(self, member: Member, column: str, raw: str, code: str, message: str) -> None:
        said = f"{raw!r} in the column {column} of component {member.name!r} {message}."
        self._rejects.append(_Reject(member.row, column, raw, code, said))

    def _check(self, limit: float) -> None:
        found = self._found
        place = found.part or "content"
        total = len(self._components) + len(self._rejects)
        if not total:
            raise Unreadable(
                "no_components",
                place=place,
                seen=f"{len(found.definitions)} signatures without components",
                expected="at least one signature with a component",
                question="Was the export complete?",
            )
        wrong = [reject for reject in self._rejects if reject.code != _REPEATED]
        if len(wrong) > limit * total:
            first = wrong[0]
            raise Unreadable(
                "too_many_rejects",
                place=f"{found.part}: row {first.row}" if found.part else f"row {first.row}",
                seen=f"{len(wrong)} of {total} components rejected; the first: {first.message}",
                expected=f"at most {limit:.0%} of the components",
                question="Are the columns what they seem to be?",
                rows_read=total,
            )


def join_pairs(definitions: Iterable[Definition]) -> tuple[Definition, ...]:
    """Joins the sets ``NAME_UP`` and ``NAME_DN`` to one signature with directions.

    Only in files that consist of such halves, as CMap's do, and in which both are there: a
    collection may hold sets that merely end so and are published as sets of their own.
    """
    given = tuple(definitions)
    halves = [words.split_pair(d.name) for d in given]
    names = [half[0] for half in halves if half is not None]
    if len(given) < 2 or len(names) < len(given) or len(set(names)) == len(names):
        return given
    joined: dict[str, list[tuple[str, Definition]]] = {}
    for definition, half in zip(given, halves, strict=True):
        if half is not None:
            joined.setdefault(half[0], []).append((half[1], definition))
    found = []
    for name, parts in joined.items():
        if len({direction for direction, _ in parts}) < 2:
            found += [definition for _, definition in parts]
            continue
        members = [
            replace(m, direction=m.direction or direction) for direction, d in parts
            for m in d.members
        ]  # fmt: skip
        fields: dict[str, str] = {"joined_from": ", ".join(d.name for _, d in parts)}
        for _, definition in parts:
            fields = dict(definition.fields) | fields
        found.append(Definition(name, parts[0][1].row, tuple(members), fields))
    return tuple(found)


def _number(text: str | None) -> float | None:
    """Returns the weight, 1 where none is given, None where it is no finite number."""
    if text is None or not text.strip():
        return 1.0
    if "_" in text:
        return None
    try:
        value = float(text.replace(_MINUS, "-"))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _doubled(name: str, member: Member, component: _Component, first: _Component) -> _Reject:
    same = (component.direction, component.weight) == (first.direction, first.weight)
    if same:
        return _Reject(
            member.row, "feature", member.name, _REPEATED,
            f"{member.name!r} stands in {name!r} already, with the same direction and weight;"
            " it counts once.",
        )  # fmt: skip
    return _Reject(
        member.row, "feature", member.name, "duplicate_component",
        f"{member.name!r} stands in {name!r} already, with another direction or weight; the first"
        " counts. Remove one of them.",
    )  # fmt: skip


def _table(table: LandingTable, rows: list[tuple[Any, ...]]) -> pa.Table:
    """Puts rows into a landing table, without its ``file_id``."""
    import pyarrow as pa

    schema = arrow_schema(table).remove(0)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
