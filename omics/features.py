"""The commands about reference releases: which are used, which are held, what a new one changes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omics import output
from warehouse import exits
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    from loaders.discovery import FoundFile
    from loaders.features.changes import Comparison
    from loaders.features.releases import Release
    from loaders.load import LoadRequest
    from loaders.model import TablesReading, Unreadable
    from warehouse.settings import Settings

#: Rows shown of each kind of change; --json gives all of them.
_SHOWN = 12

_COLUMNS = (
    "reference, content, taxon, version, released_on, is_dated_by_content, modified_at, "
    "source_path || case when part <> '' then '#' || part else '' end, sha256, file_id, load_id, "
    "n_entities, is_current, is_pinned, is_used, reason"
)


@dataclass(frozen=True)
class Step:
    """One table of a reference that would be used at another release.

    Attributes:
        before: Release in use, or None where there is none.
        after: Release that takes its place.
        is_used: False where the release would only be landed.
        reason: Why.
    """

    before: Release | None
    after: Release
    is_used: bool
    reason: str


@dataclass
class FeaturesPlan:
    """What the next build would change, by the releases that it would use."""

    steps: list[Step] = field(default_factory=list)
    comparison: Comparison | None = None
    refused: list[tuple[str, Unreadable]] = field(default_factory=list)


def list_command(*, as_json: bool) -> int:
    """Prints the releases that are landed, which one of each is used, and why."""
    from loaders.features.pins import pins_without_release
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    settings = get_settings()
    with connect(settings) as conn:
        found = landed_releases(conn, settings)
        built = applied_files(conn)
        idle = pins_without_release(conn, found)
    in_marts = {r.file_id: built is not None and (r.file_id, r.load_id) in built for r in found}
    if as_json:
        output.print_json(
            {
                "releases": [
                    _release_document(r) | {"is_in_marts": in_marts[r.file_id]} for r in found
                ],
                "pins_without_release": idle,
            }
        )
        return exits.DONE
    if found:
        output.print_table(
            "Releases of references",
            (
                "reference",
                "table",
                "species",
                "release",
                "molecules",
                "used",
                "in marts",
                "why",
                "file",
            ),
            [
                (
                    r.reference,
                    r.content,
                    r.taxon.removeprefix("NCBITaxon:"),
                    r.label,
                    r.n_entities,
                    r.is_used,
                    in_marts[r.file_id],
                    r.reason,
                    r.path,
                )
                for r in found
            ],
        )
        if any(r.is_used != in_marts[r.file_id] for r in found):
            output.say("'used' and 'in marts' differ until the next build: omics plan features")
    else:
        output.say("no reference is landed: omics load features --file FILE")
    for entry in idle:
        output.say(
            f"pinned, but not landed: {entry['reference']} {entry['content']} {entry['version']}; "
            "load it, or: omics features unpin " + str(entry["reference"])
        )
    return exits.DONE


def pin_command(reference: str, wanted: str, *, as_json: bool) -> int:
    """Holds a reference at a release."""
    from loaders.features.pins import pin
    from loaders.features.releases import find
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    settings = get_settings()
    with connect(settings) as conn:
        chosen = find(landed_releases(conn, settings), reference, wanted)
        with conn.transaction():
            for release in chosen:
                pin(conn, release)
    if as_json:
        output.print_json([_release_document(release) for release in chosen])
        return exits.DONE
    for release in chosen:
        output.say(f"pinned: {_named(release)} at {release.label} ({release.path})")
    output.say("next: omics build")
    return exits.DONE


def unpin_command(reference: str, *, as_json: bool) -> int:
    """Lets the newest release of a reference be used again."""
    from loaders.features.pins import unpin
    from omics.preparing import prepare
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    name, _, content = reference.partition("/")
    with connect(get_settings()) as conn:
        prepare(conn)
        freed = unpin(conn, reference) or unpin(conn, name, content or None)
    if not freed:
        raise OmicsError(
            f"'{reference}' is not pinned",
            expected="a reference that is pinned",
            fix="see: omics features list",
        )
    if as_json:
        output.print_json(freed)
        return exits.DONE
    for entry in freed:
        output.say(f"no longer pinned: {entry}")
    output.say("next: omics build")
    return exits.DONE


def plan_command(request: LoadRequest | None, *, as_json: bool) -> int:
    """Prints what new releases would change before they are landed or built."""
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    settings = get_settings()
    with connect(settings) as conn:
        planned = plan_features(conn, settings, request)
    if as_json:
        output.print_json(_plan_document(planned))
    else:
        _print_plan(planned)
    return exits.PARTIAL if planned.refused else exits.DONE


def landed_releases(conn: Any, settings: Settings) -> list[Release]:
    """Returns all releases that are landed, as the marts' own rule ranks them now.

    The rule is a view of the dbt project; it is made here where no build has made it yet.
    """
    from loaders.features.releases import Release
    from omics.dbt import run_dbt
    from omics.preparing import prepare
    from warehouse.connection import pg_environment

    prepare(conn)
    view = "intermediate.int_reference_releases_ranked"
    if conn.execute("select to_regclass(%s)", (view,)).fetchone() == (None,):
        built = run_dbt(
            settings,
            ["run", "--select", "+int_reference_releases_ranked"],
            # A view only: no build of the marts that could be undone.
            environment={
                **pg_environment(settings, database=conn.info.dbname),
                "OMICS_BUILD": "views",
            },
            quiet=True,
        )
        if built.exit_code != exits.DONE:
            raise OmicsError(
                "dbt could not make the view that ranks releases",
                where=view,
                expected=built.output.strip()[-500:] or None,
                fix="omics build",
            )
    rows = conn.execute(
        f"select {_COLUMNS} from {view} order by reference, content, taxon, use_rank"  # noqa: S608 - constants
    ).fetchall()
    return [Release(*row) for row in rows]


def applied_files(conn: Any) -> set[tuple[int, str]] | None:
    """Returns the releases that the marts were built with; None before the first build."""
    table = "intermediate.int_reference_releases"
    if conn.execute("select to_regclass(%s)", (table,)).fetchone() == (None,):
        return None
    rows = conn.execute(f"select file_id, load_id from {table} where is_used").fetchall()  # noqa: S608 - a constant
    return set(rows)


def plan_features(conn: Any, settings: Settings, request: LoadRequest | None) -> FeaturesPlan:
    """Compares the releases that the marts are built with and those that the next build would use.

    Args:
        conn: Connection in autocommit mode; only temporary tables are written.
        settings: Settings of the warehouse.
        request: Files that would be loaded first, or None for what is landed already.
    """
    from loaders.features.changes import Comparing
    from loaders.features.releases import verdict

    landed = landed_releases(conn, settings)
    built = applied_files(conn)
    plan = FeaturesPlan()
    before = {r.scope: r for r in landed if _is_before(r, built)}
    with tempfile.TemporaryDirectory(prefix="omics-plan-") as spool, conn.transaction():
        both = Comparing(conn)
        taken: dict[tuple[str, str, str], Step] = {}
        for release in landed:
            old = before.get(release.scope)
            if release.is_used and (old is None or old.file_id != release.file_id):
                taken[release.scope] = Step(old, release, True, release.reason)
        readings: dict[tuple[str, str, str], tuple[str, Path, FoundFile]] = {}
        for file, local in _new_files(conn, settings, request, Path(spool)):
            for release in _read_releases(file, local, settings, plan):
                used, reason = verdict(release, landed)
                known = taken.get(release.scope)
                if known is not None and known.after.file_id is None and not _wins(release, known):
                    continue
                taken[release.scope] = Step(before.get(release.scope), release, used, reason)
                readings[release.scope] = (release.path, local, file)
        plan.steps = [taken[scope] for scope in sorted(taken)]
        changed = {scope[0] for scope in taken}
        both.add_landed("before", [r for r in before.values() if r.reference in changed])
        kept = [r for r in before.values() if r.reference in changed and r.scope not in taken]
        fresh = [step.after for step in plan.steps if step.after.file_id is not None]
        both.add_landed("after", [*kept, *fresh])
        for scope, (path, local, file) in readings.items():
            for reading in _readings(file, local, settings):
                if _path(file, reading) == path:
                    both.add_read("after", scope[0], reading)
        if taken:
            plan.comparison = both.compare()
    return plan


def _is_before(release: Release, built: set[tuple[int, str]] | None) -> bool:
    if built is None:
        return release.is_used
    return (release.file_id, release.load_id) in built


def _wins(release: Release, other: Step) -> bool:
    """Whether one of two new files of the same table is the newer one."""
    key = (release.is_dated_by_content, release.released_on, release.modified_at)
    after = other.after
    return key > (after.is_dated_by_content, after.released_on, after.modified_at)


def _new_files(
    conn: Any, settings: Settings, request: LoadRequest | None, spool: Path
) -> Iterator[tuple[FoundFile, Path]]:
    from loaders.discovery import fetch
    from loaders.load import plan_load

    if request is None:
        return
    for planned in plan_load(settings, conn, request).of("new", "changed", "moved"):
        if planned.file is not None:
            yield planned.file, fetch(planned.file, spool)


def _readings(file: FoundFile, local: Path, settings: Settings) -> list[TablesReading]:
    from loaders.features.read import read_file
    from loaders.model import ReadOptions, SourceFile

    options = ReadOptions(
        reject_limit=settings.reject_limit, max_unpacked_bytes=settings.max_unpacked_bytes
    )
    return read_file(SourceFile(file.path, local, file.size, file.modified_at), options=options)


def _read_releases(
    file: FoundFile, local: Path, settings: Settings, plan: FeaturesPlan
) -> list[Release]:
    """Reads a file to its end and returns what releases it holds; a refusal goes to the plan."""
    import json
    from datetime import date

    from loaders.features.releases import Release
    from loaders.model import Unreadable
    from loaders.plan import sha256_of

    found = []
    try:
        for reading in _readings(file, local, settings):
            (row,) = next(t for name, t in reading.batches() if name == "releases").to_pylist()
            found.append(
                Release(
                    reference=row["reference"],
                    content=row["content"],
                    taxon=row["taxon"] or "",
                    version=row["version"],
                    released_on=date.fromisoformat(row["released_on"]),
                    is_dated_by_content=json.loads(row["evidence"])["is_dated_by_content"],
                    modified_at=file.modified_at,
                    path=_path(file, reading),
                    sha256=sha256_of(str(local)),
                    file_id=None,
                    load_id=None,
                    n_entities=row["n_entities"],
                )
            )
    except Unreadable as refusal:
        plan.refused.append((file.path, refusal))
    return found


def _path(file: FoundFile, reading: TablesReading) -> str:
    part = reading.header.part
    return f"{file.path}#{part}" if part else file.path


def _named(release: Release) -> str:
    return " ".join(filter(None, (release.reference, release.content, release.taxon)))


def _release_document(release: Release) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(release)


def _plan_document(plan: FeaturesPlan) -> dict[str, Any]:
    compared = plan.comparison
    return {
        "releases": [
            {
                "before": _release_document(step.before) if step.before else None,
                "after": _release_document(step.after),
                "is_used": step.is_used,
                "reason": step.reason,
                "counts": compared.counts(step.after.reference) if compared else {},
            }
            for step in plan.steps
        ],
        "changes": list(compared.changes) if compared else [],
        "reported_names": list(compared.reported) if compared else [],
        "refused": [
            {"path": path, "reason_code": r.reason_code, "place": r.place, "seen": r.seen}
            for path, r in plan.refused
        ],
    }


def _print_plan(plan: FeaturesPlan) -> None:
    for step in plan.steps:
        old = step.before.label if step.before else "nothing"
        when = "used at the next build" if step.is_used else "landed beside it, not used"
        output.say(f"{_named(step.after)}: {old} → {step.after.label}: {when} ({step.reason})")
    for path, refusal in plan.refused:
        output.say(f"not readable: {path}: {refusal}")
    compared = plan.comparison
    if compared is None:
        if not plan.refused:
            output.say("no other release would be used: the marts stay as they are")
        return
    if not all(step.is_used for step in plan.steps):
        output.say("What follows holds for all of them, as if they were used.")
    for reference in sorted({step.after.reference for step in plan.steps}):
        _print_changes(reference, compared)
    _print_reported(compared)


def _print_changes(reference: str, compared: Comparison) -> None:
    counts = compared.counts(reference)
    said = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
    output.say(f"{reference}: {said or 'nothing changes'}")
    for kind in counts:
        if kind == "added":
            continue
        rows = [
            (c.canonical_id, c.name_before, c.name, ", ".join(c.others))
            for c in compared.changes
            if c.reference == reference and c.change == kind
        ]
        _print_some(f"{reference}: {kind}", ("molecule", "before", "after", "others"), rows)


def _print_reported(compared: Comparison) -> None:
    if not compared.has_ledger:
        output.say("No marts yet: which reported names are concerned is known after a build.")
        return
    differing = [name for name in compared.reported if name.resolves_differently]
    rest = len(compared.reported) - len(differing)
    _print_some(
        "Reported names that would resolve differently",
        ("type", "name", "before", "after"),
        [(n.feature_type, n.reported_name, _meant(n.before), _meant(n.after)) for n in differing],
    )
    output.say(
        f"{len(differing):,} reported names would resolve differently; of {rest:,} more only a "
        "display name or another description changes"
    )


def _meant(meanings: Sequence[str]) -> str:
    if not meanings:
        return "unknown"
    return meanings[0] if len(meanings) == 1 else f"ambiguous: {', '.join(meanings)}"


def _print_some(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    if not rows:
        return
    output.print_table(title, columns, rows[:_SHOWN])
    if len(rows) > _SHOWN:
        output.say(f"… and {len(rows) - _SHOWN:,} more; --json prints all")
