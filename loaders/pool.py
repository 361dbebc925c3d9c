"""Reading many files on several processors, with bounded memory.

Each worker is joined by a socket pair, through which it is given files and tells what came of them.
It writes the rows to files of its own, so the memory in use depends on the pieces that it writes
and not on the number of files. A worker ends when its parent ends, also when the parent is killed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from loaders.shards import Gatherer, Rows, ShardTarget, ShardWriter
from loaders.worker import FileResult, ReadTask, read_one

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


#: Files handed to a worker at once: fewer messages than one by one, and still even shares.
FILES_PER_TASK = 16
BYTES_PER_TASK = 4 * 1024 * 1024
#: Below this many files or bytes, starting workers is taken to cost more than it saves.
MIN_FILES_FOR_WORKERS = 48
MIN_BYTES_FOR_WORKERS = 24 * 1024 * 1024


def look_at(tasks: Sequence[ReadTask], *, workers: int) -> Iterator[FileResult]:
    """Reads files only to find out to which sources they belong; yields what came of each.

    Args:
        tasks: Files to look at, without a source.
        workers: Largest number of processes; 1 reads in this process.
    """
    if uses_workers(tasks, workers):
        with started(min(workers, len(tasks))) as processes:
            yield from (value for kind, value in read_in(processes, tasks) if kind == "file")
    else:
        yield from (value for kind, value in read_here(tasks) if kind == "file")


def uses_workers(tasks: Sequence[ReadTask], workers: int) -> bool:
    """Tells whether reading these files is worth starting processes for."""
    if workers <= 1 or len(tasks) < 2:
        return False
    total = sum(task.size for task in tasks)
    return len(tasks) >= MIN_FILES_FOR_WORKERS or total >= MIN_BYTES_FOR_WORKERS


def read_here(tasks: Iterable[ReadTask]) -> Iterator[tuple[str, Any]]:
    """Reads in this process; a thread keeps rows flowing while one large file is read.

    Yields:
        ``("rows", (table, rows))`` and ``("file", FileResult)``.
    """
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


#: Reading processes by the connection to each.
Processes = dict["Connection", "subprocess.Popen[bytes]"]


@contextmanager
def started(count: int) -> Iterator[Processes]:
    """Starts reading processes, which wait for their files; ends them with the block."""
    processes: Processes = {}
    try:
        for _ in range(count):
            connection, process = start_process("loaders.pool", "serve")
            processes[connection] = process
        yield processes
    finally:
        for connection, process in processes.items():
            connection.close()
            try:
                process.wait(0.5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def read_in(
    processes: Processes, tasks: Sequence[ReadTask], target: ShardTarget | None = None
) -> Iterator[tuple[str, Any]]:
    """Has files read by processes; once for each set of processes.

    Args:
        processes: Who reads.
        tasks: Files to read.
        target: Where they write the rows; None where the tasks yield none.

    Yields:
        ``("file", FileResult)`` as each is read, then ``("shard", Shard)``.

    Raises:
        RuntimeError: A process ended before its time.
    """
    from multiprocessing.connection import wait

    waiting = deque(_bundles(tasks))
    # Two bundles each: the next one is there when the first is done. None is the end, said twice.
    for connection in processes:
        connection.send(target)
        for _ in range(2):
            connection.send(waiting.popleft() if waiting else None)
    reading = set(processes)
    while reading:
        for ready in wait(list(reading)):
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
                connection.send(waiting.popleft() if waiting else None)
                for outcome in value:
                    yield "file", outcome
            elif kind == "end":
                reading.discard(connection)
            else:
                yield kind, value


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
    """Main loop of a worker process: reads bundles until the other end has gone.

    It makes itself ready meanwhile: who started it has to start dlt before there is a file to read.
    """
    import signal
    from multiprocessing.connection import Connection

    from loaders.reading.read import warm_up

    # Ctrl-C reaches the whole group; the process that was asked to stop closes our connection.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(descriptor)
    warm_up()
    try:
        target: ShardTarget | None = connection.recv()
        writer = ShardWriter(target) if target is not None else None
        emit = writer.add if writer is not None else _no_rows
        while (bundle := connection.recv()) is not None:
            connection.send(("bundle", [read_one(task, emit) for task in bundle]))
        connection.recv()  # the second end: whoever leaves with unread words breaks the line
        for shard in writer.close() if writer is not None else ():
            connection.send(("shard", shard))
        connection.send(("end", None))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _no_rows(name: str, rows: Rows, size: int) -> None:
    raise RuntimeError(f"rows of {name} from a file that was only looked at")
