"""Loading: find files, plan, read, land, and account for every one of them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from loaders import mappings, states
from loaders.discovery import FoundFile, fetch, find_in_folder, normalise_place
from loaders.groups import find_named, grouped
from loaders.known import known_files, refused_files
from loaders.landing_tables import ensure_landing_tables
from loaders.model import OMICS_TYPES, ReadOptions, SourceFile, Unreadable
from loaders.plan import READING, LoadPlan, PlannedFile, make_plan, sha256_of, sha256_together
from loaders.programs.declared import Declaration, DeclaredTypes, declared_types
from loaders.sources import TABLE_SOURCES, Source, sources
from loaders.worker import FileResult, ReadTask
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import psycopg

    from loaders.lipids.step import LipidNamesReport
    from loaders.preview import Preview
    from loaders.shards import Shard, ShardTarget
    from warehouse.settings import Settings


@dataclass(frozen=True)
class LoadRequest:
    """What to load and how.

    Attributes:
        folder: Folder or URL to load completely, or None.
        files: Single files, when no folder is given.
        source: Source that the files belong to, or None to find out per file.
        prune: Remove the datasets of files that have gone from the folder.
        reread: Read files again that have not changed.
        wait_seconds: How long to wait for another load of the same source.
        mapping_file: Column roles that the user completed, for single files; they are read again.
    """

    folder: str | None = None
    files: tuple[str, ...] = ()
    source: str | None = None
    prune: bool = False
    reread: bool = False
    wait_seconds: float = 0.0
    mapping_file: str | None = None


@dataclass
class LoadReport:
    """What a load did; ``counts`` goes to the run ledger."""

    planned: dict[str, int] = field(default_factory=dict)
    loaded: list[FileResult] = field(default_factory=list)
    refused: list[tuple[str, Unreadable]] = field(default_factory=list)
    still_quarantined: int = 0
    removed_datasets: int = 0
    missing: list[str] = field(default_factory=list)
    load_ids: list[str] = field(default_factory=list)
    durations: dict[str, float] = field(default_factory=dict)
    lipid_names: LipidNamesReport | None = None
    mappings: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of this load, by what they count."""
        return {
            "files_new": self.planned.get("new", 0),
            "files_changed": self.planned.get("changed", 0),
            "files_moved": self.planned.get("moved", 0),
            "files_unchanged": self.planned.get("unchanged", 0),
            "files_missing": len(self.missing),
            "files_loaded": len(self.loaded),
            "files_quarantined": len(self.refused) + self.still_quarantined,
            "datasets_loaded": sum(result.datasets for result in self.loaded),
            "datasets_removed": self.removed_datasets,
            "rows_landed": sum(result.rows_landed for result in self.loaded),
            "rows_rejected": sum(result.rows_rejected for result in self.loaded),
            "values": sum(result.n_values for result in self.loaded),
            **(self.lipid_names.counts if self.lipid_names is not None else {}),
        }

    @property
    def is_complete(self) -> bool:
        """False when a file went to quarantine or a row was rejected."""
        return not (self.refused or self.still_quarantined or self.counts["rows_rejected"])


class Progress(Protocol):
    """Told how a load gets on."""

    def begin(self, files: int) -> None:
        """Reading of ``files`` files begins."""

    def advance(self, path: str) -> None:
        """One file has been read."""

    def stage(self, text: str) -> None:
        """A stage that is not counted in files begins."""


class SilentProgress:
    """Says nothing."""

    def begin(self, files: int) -> None:
        """Ignores the begin."""

    def advance(self, path: str) -> None:
        """Ignores the file."""

    def stage(self, text: str) -> None:
        """Ignores the stage."""


def prepare(conn: psycopg.Connection[Any]) -> None:
    """Makes the tables that loading needs; a no-op once they exist."""
    from loaders.lipids.tables import ensure_lipid_tables
    from loaders.notion.tables import SOURCE as NOTION
    from warehouse.ledger import ensure_ops

    ensure_ops(conn)
    landing = [*sources().values(), NOTION]
    ensure_landing_tables(conn, {source.schema: source.tables for source in landing})
    ensure_lipid_tables(conn)


def plan_load(settings: Settings, conn: psycopg.Connection[Any], request: LoadRequest) -> LoadPlan:
    """Returns what a load would do, and changes nothing but empty tables that it may have to make.

    Raises:
        OmicsError: A place does not exist.
    """
    with tempfile.TemporaryDirectory(prefix="omics-plan-") as spool:
        return _plan(conn, request, _Fetcher(Path(spool)))


def preview_load(
    settings: Settings, conn: psycopg.Connection[Any], request: LoadRequest
) -> list[Preview]:
    """Returns what a load would change in each dataset; reads the files and writes nothing.

    Raises:
        OmicsError: A place does not exist.
    """
    from loaders.preview import preview_plan

    with tempfile.TemporaryDirectory(prefix="omics-preview-") as spool:
        fetcher = _Fetcher(Path(spool))
        options = ReadOptions(
            reject_limit=settings.reject_limit,
            max_unpacked_bytes=settings.max_unpacked_bytes,
            star_strand=settings.star_strand,
            mapping=_mapping(request.mapping_file),
            remembered=mappings.remembered(conn),
        )
        return preview_plan(
            conn,
            _plan(conn, request, fetcher),
            fetcher.local,
            options,
            tolerance=settings.diff_tolerance,
            prune=request.prune,
        )


def load(
    settings: Settings,
    conn: psycopg.Connection[Any],
    request: LoadRequest,
    *,
    run_id: str,
    progress: Progress | None = None,
) -> LoadReport:
    """Loads files into their landing schemas.

    Args:
        settings: Settings of the warehouse.
        conn: Autocommit connection that stays open for the whole load: it holds the locks.
        request: What to load.
        run_id: Run that this load is part of.
        progress: Told how it gets on.

    Returns:
        What was done, file by file.

    Raises:
        LockHeld: Another load of the same source is running.
        OmicsError: A place does not exist, or the database refused.
    """
    from loaders.lipids.step import normalise_new_names
    from warehouse.lock import advisory_lock

    watch = progress or SilentProgress()
    report = LoadReport()
    clock = _Clock(report.durations)
    given = request.source
    names = [given] if given is not None and given in sources() else list(sources())
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(
                advisory_lock(conn, f"load:{name}", wait_seconds=request.wait_seconds)
            )
        work_folder = _work_folder(settings, conn)
        work_folder.mkdir(parents=True, exist_ok=True)
        with clock.measure("sweep"):
            _make_good(conn, work_folder, names, run_id)
        # Below the work folder of a source, so that what a killed load fetched is swept with it.
        spool = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix=f"{names[0]}-fetched-", dir=work_folder)
            )
        )
        fetcher = _Fetcher(spool)
        with clock.measure("plan"):
            plan = _plan(conn, request, fetcher)
        report.planned = plan.counts()
        report.still_quarantined = len(plan.of("quarantined"))
        started = _now(conn)
        options = ReadOptions(
            reject_limit=settings.reject_limit,
            max_unpacked_bytes=settings.max_unpacked_bytes,
            star_strand=settings.star_strand,
            mapping=_mapping(request.mapping_file),
            remembered=mappings.remembered(conn),
        )

        def task_of(planned: PlannedFile) -> ReadTask:
            return _task(planned, fetcher, options, run_id, started)

        tasks = [task_of(planned) for planned in plan.files if planned.action in READING]
        watch.begin(len(tasks))
        with clock.measure("read_and_land"):
            refused = _read_and_land(
                settings, conn, plan, tasks, task_of, work_folder, report, watch
            )
        with clock.measure("account"):
            _account(conn, plan, request, report, refused, run_id)
        with clock.measure("lipid_names"):
            report.lipid_names = normalise_new_names(conn, settings, watch)
    return report


class _Clock:
    """Adds up seconds per step."""

    def __init__(self, durations: dict[str, float]) -> None:
        self._durations = durations

    def measure(self, step: str) -> Any:
        from contextlib import contextmanager

        @contextmanager
        def running() -> Iterator[None]:
            began = time.monotonic()
            try:
                yield
            finally:
                spent = time.monotonic() - began
                self._durations[step] = round(self._durations.get(step, 0.0) + spent, 3)

        return running()


class _Fetcher:
    """Gives local copies of files; each remote file is fetched once."""

    def __init__(self, spool: Path) -> None:
        self._spool = spool
        self._local: dict[str, Path] = {}

    def local(self, file: FoundFile) -> Path:
        if file.path not in self._local:
            self._local[file.path] = fetch(file, self._spool)
        return self._local[file.path]

    def sha256(self, file: FoundFile) -> str:
        if file.members:
            return sha256_together([(m.path, str(self.local(m))) for m in file.members], file.path)
        return sha256_of(str(self.local(file)))

    def members(self, file: FoundFile) -> tuple[SourceFile, ...]:
        return tuple(SourceFile(m.path, self.local(m), m.size, m.modified_at) for m in file.members)


def _work_folder(settings: Settings, conn: psycopg.Connection[Any]) -> Path:
    # One folder per database: leftovers found there belong to loads into this very database.
    return settings.warehouse_dir / "dlt" / conn.info.dbname


def _make_good(
    conn: psycopg.Connection[Any], work_folder: Path, names: Sequence[str], run_id: str
) -> None:
    """Clears what a killed load left behind; its files are simply read again."""
    from loaders.landing import clear_leftovers
    from warehouse.ledger import mark_dead_runs

    dead = mark_dead_runs(conn)
    for name in names:
        if clear_leftovers(work_folder, name) or dead:
            states.sweep_unfinished(conn, sources()[name])
    states.retire_replaced_parts(conn, run_id=run_id)


def _plan(conn: psycopg.Connection[Any], request: LoadRequest, fetcher: _Fetcher) -> LoadPlan:
    from loaders.reading.read import READER_VERSION

    known = known_files(conn)
    if request.folder is not None:
        found = grouped(
            find_in_folder(request.folder),
            groups_known=[path for path in known if path.endswith("]")],
            settled={path for path, held in known.items() if not held.is_one_of_many},
        )
        root: str | None = normalise_place(request.folder)
    else:
        found = find_named(request.files)
        root = None
    declared = declared_types(conn)
    return make_plan(
        [_with_sheet(file, declared) for file in found] if declared else found,
        known,
        refused_files(conn),
        scanned_root=root,
        source=request.source,
        reader_version=READER_VERSION,
        hash_file=fetcher.sha256,
        reread=request.reread or request.mapping_file is not None,
    )


def _with_sheet(file: FoundFile, declared: DeclaredTypes) -> FoundFile:
    """Gives a file that no folder decides the omics type that a sheet declares for it."""
    said = declared.of(file.path) if file.source is None else None
    if said is None:
        return file
    return replace(file, source=said.omics_type, source_evidence=said.evidence())


def _now(conn: psycopg.Connection[Any]) -> datetime:
    # The server's clock: machines that load into one warehouse may disagree about the time.
    row = conn.execute("select clock_timestamp()").fetchone()
    if row is None:
        raise OmicsError("the server did not tell the time", where="select clock_timestamp()")
    value: datetime = row[0]
    return value


def _task(
    planned: PlannedFile, fetcher: _Fetcher, options: ReadOptions, run_id: str, started: datetime
) -> ReadTask:
    file = planned.file
    if file is None:
        raise ValueError(f"{planned.path} has gone and cannot be read")
    return ReadTask(
        path=file.path,
        local="" if file.members else str(fetcher.local(file)) if file.is_remote else file.path,
        root=file.root,
        size=file.size,
        modified_at=file.modified_at,
        signature=file.signature,
        key_base=planned.key_base,
        declared_source=planned.source,
        declared_evidence=_declared_evidence(planned, file),
        only_source=planned.source or "",
        options=options,
        run_id=run_id,
        loaded_at=started,
        sha256=planned.sha256,
        members=fetcher.members(file),
    )


def _mapping(path: str | None) -> Mapping[str, object] | None:
    """Reads column roles that a user completed."""
    if path is None:
        return None
    import yaml

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise OmicsError(
            f"the mapping cannot be read: {error}",
            where=path,
            expected="the YAML that 'omics quarantine show ID --write-mapping FILE' writes",
            fix="write it anew and edit only the roles",
        ) from error
    if not isinstance(content, Mapping):
        raise OmicsError(
            f"the mapping holds a {type(content).__name__}",
            where=path,
            expected="YAML with orientation and columns at its top",
            fix="write it anew with: omics quarantine show ID --write-mapping FILE",
        )
    return content


def _declared_evidence(planned: PlannedFile, file: FoundFile) -> dict[str, str]:
    if planned.source is None:
        return {}
    if planned.source == file.source:
        return dict(file.source_evidence)
    return {"rule": "given on the command line", "source": planned.source}


def _read_and_land(
    settings: Settings,
    conn: psycopg.Connection[Any],
    plan: LoadPlan,
    tasks: list[ReadTask],
    task_of: Callable[[PlannedFile], ReadTask],
    work_folder: Path,
    report: LoadReport,
    watch: Progress,
) -> list[FileResult]:
    from loaders.pool import look_at

    refused: list[FileResult] = []
    waiting: dict[str, list[ReadTask]] = {name: [] for name in sources()}
    undecided: dict[str, ReadTask] = {}
    for task in tasks:
        if task.only_source:
            waiting[task.only_source].append(task)
        else:
            undecided[task.path] = task
    # Content decides the source of these: look first, then read each with the others of its source.
    looked: list[FileResult] = []
    for result in look_at(list(undecided.values()), workers=settings.workers):
        if result.refusal is None and set(result.sources) & set(TABLE_SOURCES):
            _assign(undecided[result.path], result, waiting)
        else:
            looked.append(result)

    def land_waiting(names: Iterable[str]) -> None:
        # A file that its folder took for a result and that its content makes a sheet comes back.
        while any(waiting[name] for name in names):
            for name in names:
                group, waiting[name] = waiting[name], []
                if not group:
                    continue
                strayed = _land_source(
                    settings, conn, sources()[name], group, work_folder, report, refused, watch
                )
                by_path = {task.path: task for task in group}
                for result in strayed:
                    _assign(by_path[result.path], result, waiting)

    # Sheets of this very load may answer what a file without a telling folder is.
    land_waiting(["programs"])
    asleep = {p.path: p for p in plan.of("quarantined") if p.source is None and p.file is not None}
    declared = declared_types(conn) if looked or asleep else DeclaredTypes(())
    for result in looked:
        said = declared.of(result.path)
        if said is not None:
            waiting[said.omics_type].append(_declared(undecided[result.path], said))
        elif result.refusal is not None:
            refused.append(result)
            watch.advance(result.path)
        else:
            _assign(undecided[result.path], result, waiting)
    for path, planned in asleep.items():
        said = declared.of(path)
        if said is not None:
            report.still_quarantined -= 1
            waiting[said.omics_type].append(_declared(task_of(planned), said))
    land_waiting(list(sources()))
    return refused


def _declared(task: ReadTask, said: Declaration) -> ReadTask:
    return replace(
        task,
        only_source=said.omics_type,
        declared_source=said.omics_type,
        declared_evidence=said.evidence(),
    )


def _assign(task: ReadTask, result: FileResult, waiting: dict[str, list[ReadTask]]) -> None:
    """Puts a file among those of the sources that its content named."""
    for name in result.sources:
        waiting[name].append(
            replace(
                task,
                only_source=name,
                # Results that lay among sheets are read as the type that their content named.
                declared_source=name
                if task.declared_source in TABLE_SOURCES and name in OMICS_TYPES
                else task.declared_source,
                sha256=result.sha256,
                declared_evidence=result.content_evidence or task.declared_evidence,
            )
        )


def _land_source(
    settings: Settings,
    conn: psycopg.Connection[Any],
    source: Source,
    tasks: list[ReadTask],
    work_folder: Path,
    report: LoadReport,
    refused: list[FileResult],
    watch: Progress,
) -> list[FileResult]:
    """Lands files of one source; returns those whose content says that they are of another."""
    from loaders import landing, pool, shards
    from warehouse.connection import database_url

    results: list[FileResult] = []
    strayed: list[FileResult] = []

    def without_files(read: Iterable[tuple[str, Any]]) -> Generator[Any, None, None]:
        for kind, value in read:
            if kind != "file":
                yield value
            elif value.refusal is None and source.name not in value.sources:
                strayed.append(value)
            else:
                results.append(value)
                watch.advance(value.path)

    def land(write: Callable[[ShardTarget], Iterable[Shard]]) -> None:
        try:
            landed = landing.land(
                write,
                source=source,
                url=database_url(settings, database=conn.info.dbname),
                work_folder=work_folder,
                on_stage=lambda stage: watch.stage(f"{source.name}: {_STAGES[stage]}"),
            )
        except BaseException:
            states.sweep_unfinished(conn, source)
            raise
        states.discard(
            conn,
            source,
            [identity for result in results for identity in result.discarded_file_ids],
            landed.load_ids,
        )
        states.refresh_statistics(conn, source)
        report.load_ids.extend(landed.load_ids)

    if pool.uses_workers(tasks, settings.workers):
        with pool.started(min(settings.workers, len(tasks))) as processes:
            land(lambda target: without_files(pool.read_in(processes, tasks, target)))
    else:
        # When every file is refused there is no row and hence nothing for dlt to do; the reading
        # has to happen all the same, so look for the first row before dlt is started (2 s).
        rows = without_files(pool.read_here(tasks))
        with closing(rows):
            first = next(rows, None)
            if first is not None:
                land(lambda target: shards.write_shards(chain([first], rows), target))
    refused.extend(result for result in results if result.refusal is not None)
    report.loaded.extend(result for result in results if result.refusal is None)
    return strayed


_STAGES = {"extract": "reading", "normalize": "preparing", "load": "copying to Postgres"}


def _account(
    conn: psycopg.Connection[Any],
    plan: LoadPlan,
    request: LoadRequest,
    report: LoadReport,
    refused: list[FileResult],
    run_id: str,
) -> None:
    """Writes what the load means for files that were refused, that came back or that have gone."""
    from loaders import quarantine
    from loaders.reading.read import READER_VERSION

    by_path = {planned.path: planned for planned in plan.files}
    stored: list[tuple[FoundFile, str | None, str, Unreadable]] = []
    for result in refused:
        planned = by_path[result.path]
        if planned.file is not None and result.refusal is not None:
            stored.append((planned.file, planned.source, result.sha256, result.refusal))
            report.refused.append((result.path, result.refusal))
    for planned in plan.of("unsupported"):
        if planned.file is not None:
            refusal = _unsupported(planned.source or "")
            stored.append((planned.file, planned.source, planned.sha256 or "", refusal))
            report.refused.append((planned.path, refusal))
    quarantine.store(conn, stored, reader_version=READER_VERSION, run_id=run_id)
    fitted = [(given, result.path) for result in report.loaded for given in result.mappings]
    if fitted:
        mappings.remember(conn, fitted, run_id=run_id)
        report.mappings = sorted({given.mapping_id for given, _ in fitted})
    gone = [planned.path for planned in plan.of("removed")]
    refused_paths = {path for path, _ in report.refused}
    readable = [result.path for result in report.loaded]
    if report.still_quarantined or refused_files(conn):
        # An edit that was refused and then taken back leaves the version that is loaded.
        readable += [planned.path for planned in plan.of("unchanged")]
    quarantine.resolve(conn, [path for path in readable if path not in refused_paths])
    _resolve_vanished(conn, request, set(by_path))
    report.missing = gone
    states.mark_missing(
        conn, gone, [p.path for p in plan.files if p.action != "removed"], run_id=run_id
    )
    report.removed_datasets += states.retire_replaced_parts(conn, run_id=run_id)
    if request.prune:
        report.removed_datasets += states.prune(conn, gone, run_id=run_id)
    # Files that were datasets of their own until others of their run came.
    joined = [
        member.path
        for result in report.loaded
        if (file := by_path[result.path].file) is not None
        for member in file.members
    ]
    report.removed_datasets += states.prune(conn, joined, run_id=run_id)


def _resolve_vanished(
    conn: psycopg.Connection[Any], request: LoadRequest, present: set[str]
) -> None:
    """A refused file that has gone from a folder that was listed asks no question any more."""
    from loaders import quarantine
    from loaders.plan import is_below

    if request.folder is None:
        return
    root = normalise_place(request.folder)
    vanished = [
        path for path in refused_files(conn) if path not in present and is_below(path, root)
    ]
    if vanished:
        quarantine.resolve(conn, vanished)


def _unsupported(source: str) -> Unreadable:
    return Unreadable(
        "source_not_supported",
        place="folder",
        seen=f"a file of source '{source}'",
        expected=f"one of {', '.join(name for name, s in sources().items() if s.is_readable)}",
        question="Nothing to answer: Notion is read from its API: omics load notion."
        if source == "notion"
        else f"Nothing to answer: this version has no loader for '{source}' yet.",
    )
