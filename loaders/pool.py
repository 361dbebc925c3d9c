"""Reading many files on several processors, with bounded memory.

Each worker is joined by a pipe of its own. It sends rows as soon as they outgrow its buffer and
waits while the receiver is behind, so the memory in use depends on the batches and not on the
number of files. A worker ends when its parent ends, also when the parent is killed.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from loaders.worker import FileResult, ReadTask, read_one

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    import pyarrow as pa

#: A worker sends what it gathered from small files once it holds this many bytes.
SEND_BYTES = 4 * 1024 * 1024
#: Files handed to a worker at once: fewer messages than one by one, and still even shares.
FILES_PER_TASK = 16
BYTES_PER_TASK = 4 * 1024 * 1024
#: Below this many files or bytes, starting workers (0.7 s) costs more than it saves.
MIN_FILES_FOR_WORKERS = 48
MIN_BYTES_FOR_WORKERS = 24 * 1024 * 1024

Message = tuple[str, Any, Any]


class Gatherer:
    """Joins small tables of one kind to larger ones before they travel on."""

    def __init__(self, send: Callable[[str, pa.Table], None], limit: int = SEND_BYTES) -> None:
        """Hands joined tables to ``send`` whenever ``limit`` bytes are held."""
        self._send = send
        self._limit = limit
        self._held: dict[str, list[pa.Table]] = {}
        self._bytes = 0

    def add(self, name: str, rows: pa.Table) -> None:
        """Holds rows of table ``name``; sends everything once the limit is passed."""
        self._held.setdefault(name, []).append(rows)
        self._bytes += rows.nbytes
        if self._bytes >= self._limit:
            self.flush()

    def flush(self) -> None:
        """Sends all that is held; ``files`` rows go last, behind the rows they make visible."""
        import pyarrow as pa

        for name in sorted(self._held, key=lambda table: table == "files"):
            self._send(name, pa.concat_tables(self._held[name]).combine_chunks())
        self._held = {}
        self._bytes = 0


def read_all(tasks: Sequence[ReadTask], *, workers: int) -> Iterator[tuple[str, Any]]:
    """Reads files and yields ``("rows", (table, rows))`` and ``("file", FileResult)``.

    Args:
        tasks: Files to read.
        workers: Largest number of processes; 1 reads in this process.
    """
    total = sum(task.size for task in tasks)
    small = len(tasks) < MIN_FILES_FOR_WORKERS and total < MIN_BYTES_FOR_WORKERS
    if workers <= 1 or len(tasks) < 2 or small:
        yield from _read_here(tasks)
    else:
        yield from _read_in_workers(tasks, min(workers, len(tasks)))


def _read_here(tasks: Iterable[ReadTask]) -> Iterator[tuple[str, Any]]:
    """Reads in this process; a thread keeps rows flowing while one large file is read."""
    from queue import Queue

    channel: Queue[tuple[str, Any] | BaseException | None] = Queue(maxsize=4)
    stopped = threading.Event()

    def send(kind: str, value: Any) -> None:
        if stopped.is_set():
            raise _StoppedError
        channel.put((kind, value))

    def work() -> None:
        gatherer = Gatherer(lambda name, rows: send("rows", (name, rows)))
        try:
            for task in tasks:
                outcome = read_one(task, gatherer.add)
                send("file", outcome)
            gatherer.flush()
            channel.put(None)
        except _StoppedError:
            return
        except BaseException as error:
            channel.put(error)

    thread = threading.Thread(target=work, name="read files", daemon=True)
    thread.start()
    try:
        while (item := channel.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        while thread.is_alive():
            while not channel.empty():
                channel.get_nowait()
            thread.join(0.05)


class _StoppedError(Exception):
    """The receiver has gone; reading on would be for nobody."""


def _read_in_workers(tasks: Sequence[ReadTask], workers: int) -> Iterator[tuple[str, Any]]:
    import multiprocessing
    from multiprocessing.connection import wait

    methods = multiprocessing.get_all_start_methods()
    # Never "fork": this process holds a database connection and, later, threads.
    context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        # pandas, because pyarrow imports it at the first list that it is given.
        context.set_forkserver_preload(["loaders.reading", "pyarrow.csv", "pandas"])
    waiting = deque(_bundles(tasks))
    connections: dict[Connection, Any] = {}
    try:
        for _ in range(workers):
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(there,), daemon=True)
            process.start()
            there.close()
            connections[here] = process
        outstanding = dict.fromkeys(connections, 0)
        # Two bundles each: the next one is there when the first is done.
        for _ in range(2):
            for connection in connections:
                if waiting:
                    connection.send(waiting.popleft())
                    outstanding[connection] += 1
        while any(outstanding.values()):
            for ready in wait([c for c, count in outstanding.items() if count]):
                connection = ready  # type: ignore[assignment]  # wait() is typed for sockets too
                try:
                    kind, value = connection.recv()
                except EOFError as error:
                    process = connections[connection]
                    process.join(5)
                    raise RuntimeError(
                        f"a reading process ended with code {process.exitcode}; "
                        "out of memory is the usual reason: try OMICS_WORKERS=1"
                    ) from error
                if kind == "bundle":
                    outstanding[connection] -= 1
                    if waiting:
                        connection.send(waiting.popleft())
                        outstanding[connection] += 1
                    continue
                yield kind, value
    finally:
        for connection, process in connections.items():
            connection.close()
            process.join(0.2)
            if process.is_alive():
                process.terminate()


def _bundles(tasks: Sequence[ReadTask]) -> Iterator[list[ReadTask]]:
    """Groups small files; the largest files go first so that no worker ends up with one alone."""
    bundle: list[ReadTask] = []
    size = 0
    for task in sorted(tasks, key=lambda task: (-(task.size // BYTES_PER_TASK), task.path)):
        if bundle and (len(bundle) >= FILES_PER_TASK or size + task.size > BYTES_PER_TASK):
            yield bundle
            bundle, size = [], 0
        bundle.append(task)
        size += task.size
    if bundle:
        yield bundle


def _work(connection: Connection) -> None:
    """Main loop of a worker process."""
    _end_with_parent()
    gatherer = Gatherer(lambda name, rows: connection.send(("rows", (name, rows))))
    try:
        while True:
            bundle: list[ReadTask] = connection.recv()
            outcomes: list[FileResult] = [read_one(task, gatherer.add) for task in bundle]
            gatherer.flush()
            for outcome in outcomes:
                connection.send(("file", outcome))
            connection.send(("bundle", len(bundle)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _end_with_parent() -> None:
    import multiprocessing
    import os

    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="watch parent", daemon=True).start()
