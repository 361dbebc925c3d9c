"""Reading many files on several processors, with bounded memory.

Each worker is joined by a socket pair. It sends rows once they outgrow its buffer and waits
while the receiver is behind, so the memory in use depends on the batches and not on the
number of files. A worker ends when its parent ends, also when the parent is killed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from loaders.worker import FileResult, ReadTask, read_one

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    import pyarrow as pa

#: A worker sends what it gathered from small files once it holds this many bytes.
SEND_BYTES = 4 * 1024 * 1024
#: Files handed to a worker at once: fewer messages than one by one, and still even shares.
FILES_PER_TASK = 16
BYTES_PER_TASK = 4 * 1024 * 1024
#: Below this many files or bytes, starting workers is taken to cost more than it saves.
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

    def add(self, name: str, rows: pa.Table, size: int) -> None:
        """Holds rows of table ``name``, ``size`` bytes; sends all once the limit is passed."""
        self._held.setdefault(name, []).append(rows)
        self._bytes += size
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
    if uses_workers(tasks, workers):
        yield from _read_in_workers(tasks, min(workers, len(tasks)))
    else:
        yield from _read_here(tasks)


def uses_workers(tasks: Sequence[ReadTask], workers: int) -> bool:
    """Tells whether reading these files is worth starting processes for."""
    if workers <= 1 or len(tasks) < 2:
        return False
    total = sum(task.size for task in tasks)
    return len(tasks) >= MIN_FILES_FOR_WORKERS or total >= MIN_BYTES_FOR_WORKERS


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
    from multiprocessing.connection import wait

    waiting = deque(_bundles(tasks))
    processes: dict[Connection, subprocess.Popen[bytes]] = {}
    try:
        for _ in range(min(workers, len(waiting))):
            connection, process = start_process("loaders.pool", "serve")
            processes[connection] = process
        outstanding = dict.fromkeys(processes, 0)
        # Two bundles each: the next one is there when the first is done.
        for _ in range(2):
            for connection in processes:
                if waiting:
                    connection.send(waiting.popleft())
                    outstanding[connection] += 1
        while any(outstanding.values()):
            for ready in wait([c for c, count in outstanding.items() if count]):
                connection = cast("Connection", ready)  # wait() is typed for sockets too
                try:
                    kind, value = connection.recv()
                except (EOFError, ConnectionResetError) as error:
                    code = processes[connection].wait()
                    raise RuntimeError(
                        f"a reading process ended with code {code}; "
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
        for connection, process in processes.items():
            connection.close()
            try:
                process.wait(0.5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def start_process(module: str, function: str) -> tuple[Connection, subprocess.Popen[bytes]]:
    """Starts a process that calls a function with its end of a socket pair.

    Not multiprocessing's own processes: those import the caller's main module again, which runs a
    script without a ``__main__`` guard a second time, and a fork would copy the database
    connection. Only the two of us hold the pair, so each end sees at once when the other has gone.

    Args:
        module: Module of ours that has the function.
        function: Name of a function that takes a file descriptor.
    """
    import socket
    from multiprocessing.connection import Connection

    here, there = socket.socketpair()
    with here, there:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own code
            [
                *(sys.executable, "-c", _WORKER),
                *(json.dumps(sys.path), module, function, str(there.fileno())),
            ],
            pass_fds=[there.fileno()],
            stdin=subprocess.DEVNULL,
        )
        return Connection(here.detach()), process


_WORKER = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[1])
from loaders.pool import without_pandas
without_pandas()
getattr(importlib.import_module(sys.argv[2]), sys.argv[3])(int(sys.argv[4]))
"""


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


def without_pandas() -> None:
    """Makes pandas look absent in this process.

    pyarrow imports it at the first list it is given, which costs each worker time and memory, and
    no reader uses it.
    """

    class Absent(MetaPathFinder):
        def find_spec(
            self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
        ) -> None:
            if name == "pandas":
                raise ModuleNotFoundError("pandas is not used by reading processes", name=name)

    sys.meta_path.insert(0, Absent())


def serve(descriptor: int) -> None:
    """Main loop of a worker process: reads bundles until the other end has gone."""
    import signal
    from multiprocessing.connection import Connection

    # Ctrl-C reaches the whole group; the process that was asked to stop closes our connection.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(descriptor)
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
