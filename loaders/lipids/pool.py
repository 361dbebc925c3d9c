"""Reading names on several processors. pygoslin keeps state, so each process has its own."""

from __future__ import annotations

import subprocess
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from loaders.lipids.model import LipidName
from loaders.lipids.normalise import normalise

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

#: Names handed to a process at once: a second or so of the slowest.
NAMES_PER_TASK = 200

#: Below this many names that take pygoslin, starting processes is slower than reading them here.
MIN_NAMES_FOR_WORKERS = 150

Name = tuple[str, str]


def read_names(names: Sequence[Name], *, workers: int) -> Iterator[list[LipidName]]:
    """Yields the names, read, in lists of at most ``NAMES_PER_TASK``.

    Args:
        names: Pairs of name and dialect.
        workers: Largest number of processes; 1 reads in this one.

    Raises:
        RuntimeError: A process ended before its time.
    """
    tasks = deque(
        names[start : start + NAMES_PER_TASK] for start in range(0, len(names), NAMES_PER_TASK)
    )
    if workers > 1 and len(names) >= MIN_NAMES_FOR_WORKERS:
        yield from _in_workers(tasks, workers)
    else:
        for task in tasks:
            yield [normalise(*name) for name in task]


def _in_workers(tasks: deque[Sequence[Name]], workers: int) -> Iterator[list[LipidName]]:
    from multiprocessing.connection import wait

    from loaders.pool import start_process

    processes: dict[Connection, subprocess.Popen[bytes]] = {}
    try:
        for _ in range(min(workers, len(tasks))):
            connection, process = start_process("loaders.lipids.pool", "serve")
            processes[connection] = process
        outstanding = dict.fromkeys(processes, 0)
        # Two tasks each: the next one is there when the first is done.
        for _ in range(2):
            for connection in processes:
                if tasks:
                    connection.send(tasks.popleft())
                    outstanding[connection] += 1
        while any(outstanding.values()):
            for ready in wait([c for c, count in outstanding.items() if count]):
                connection = cast("Connection", ready)  # wait() is typed for sockets too
                try:
                    done: list[LipidName] = connection.recv()
                except (EOFError, ConnectionResetError) as error:
                    code = processes[connection].wait()
                    raise RuntimeError(
                        f"a process that reads lipid names ended with code {code}; "
                        "out of memory is the usual reason: try OMICS_WORKERS=1"
                    ) from error
                outstanding[connection] -= 1
                if tasks:
                    connection.send(tasks.popleft())
                    outstanding[connection] += 1
                yield done
    finally:
        for connection, process in processes.items():
            connection.close()
            try:
                process.wait(0.5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def serve(descriptor: int) -> None:
    """Main loop of a process: reads names until the other end has gone."""
    import signal
    from multiprocessing.connection import Connection

    # Ctrl-C reaches the whole group; the process that was asked to stop closes our connection.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(descriptor)
    try:
        while True:
            task: Sequence[Name] = connection.recv()
            connection.send([normalise(*name) for name in task])
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
