"""Whether a server runs, told by a lock that all its processes inherit.

A process number in a file would not do: after a power cut the number may be in use by another
program, and in another container it means nothing. The kernel drops the lock when the last process
of the server is gone, however it went.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.cluster import EMBEDDED_USER
from warehouse.errors import OmicsError
from warehouse.owner import server_owner
from warehouse.settings import EMBEDDED_PORT, Settings

POLL_SECONDS = 0.02

#: Longer than any start or stop may take.
_TURN_SECONDS = 120.0

# An instant: a command that only looks holds the lock no longer.
_LOOK_SECONDS = 5.0

# It takes milliseconds; a machine that swaps may need more.
_ANSWER_SECONDS = 5


@contextmanager
def exclusive(settings: Settings) -> Iterator[None]:
    """One command at a time starts or stops the server."""
    path = settings.warehouse_dir / "server.lock"
    deadline = time.monotonic() + _TURN_SECONDS
    with path.open("a") as handle:
        while not _try_lock(handle.fileno(), fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise OmicsError(
                    "another command has been starting or stopping the server for two minutes",
                    where=path,
                    expected="a start or a stop within a minute",
                    fix="look for it with `omics doctor`, end it, and try again",
                )
            time.sleep(POLL_SECONDS)
        yield


def is_alive(settings: Settings) -> bool:
    """Whether any process of this server exists, here or in another container."""
    try:
        descriptor = os.open(alive_file(settings), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except PermissionError:
        # Raises with the message for another user's checkout, if that is the reason.
        server_owner(settings)
        raise
    try:
        # Shared, so that two commands that look at once do not take each other for the server.
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


@contextmanager
def alive_lock(settings: Settings) -> Iterator[int]:
    """The lock for a server to inherit; ours ends here, the server's with its last process."""
    descriptor = os.open(alive_file(settings), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # A command that only looks may hold it for an instant.
        deadline = time.monotonic() + _LOOK_SECONDS
        while not _try_lock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise OmicsError(
                    "the server's lock is held, but there is no server",
                    where=alive_file(settings),
                    fix="run `omics doctor`",
                )
            time.sleep(POLL_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)


def pid_file(settings: Settings) -> list[str]:
    """Lines of postmaster.pid: number, data, start, port, socket folder, host, memory, state."""
    try:
        return (settings.data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def postmaster_pid(settings: Settings) -> int | None:
    """Number of the main process, as far as the server wrote it down."""
    lines = pid_file(settings)
    return int(lines[0]) if lines and lines[0].strip().isdigit() else None


def is_ready(settings: Settings) -> bool:
    """Whether the server said that it accepts connections, in the folder where we look."""
    lines = pid_file(settings)
    # A socket folder that was cleaned away, or that belongs to where the checkout was before it was
    # moved, means a server that nobody can reach.
    return (
        len(lines) >= 8
        and lines[4] == str(settings.socket_dir)
        and lines[7].strip() == "ready"
        and _socket_file(settings).is_socket()
        and _exists(int(lines[0]))
    )


def accepts(settings: Settings) -> bool | None:
    """Whether the server takes connections, as it answers now.

    `postmaster.pid` says "ready" all through the recovery after a killed connection, and what a
    killed server left in its folders may look as if it ran.

    Returns:
        True if it does, False if it is starting, recovering or stopping, none if nobody answers.
    """
    from psycopg import conninfo, pq

    address = conninfo.make_conninfo(
        host=str(settings.socket_dir),
        port=EMBEDDED_PORT,
        user=EMBEDDED_USER,
        dbname="postgres",
        connect_timeout=_ANSWER_SECONDS,
    )
    answer = pq.PGconn.ping(address.encode())
    if answer == pq.Ping.OK:
        return True
    return False if answer == pq.Ping.REJECT else None


def is_recovering(settings: Settings) -> bool:
    """Whether it writes its log into the data, after a crash or a power cut, for nobody yet."""
    lines = pid_file(settings)
    return len(lines) >= 8 and lines[7].strip() != "stopping" and accepts(settings) is False


def is_our_postmaster(settings: Settings, pid: int) -> bool:
    """Whether a process works on our data; a signal to a stranger would be unforgivable."""
    working_folder = Path(f"/proc/{pid}/cwd")
    try:
        return working_folder.samefile(settings.data_dir)
    except OSError:
        if Path("/proc/self/cwd").exists():
            return False
    ps = shutil.which("ps", path="/bin:/usr/bin")
    if ps is None:
        return False
    # A number and constants, no shell: systems without /proc, macOS above all.
    found = subprocess.run(  # noqa: S603 - see above
        [ps, "-o", "command=", "-p", str(pid)], check=False, capture_output=True, text=True
    )
    # The folder it was started with, which is another one where the checkout was moved since.
    return any(
        folder in found.stdout for folder in (str(settings.data_dir), *pid_file(settings)[1:2])
    )


def alive_file(settings: Settings) -> Path:
    """The file that the server's processes hold a lock on."""
    return settings.warehouse_dir / "server.alive"


def _socket_file(settings: Settings) -> Path:
    return settings.socket_dir / f".s.PGSQL.{EMBEDDED_PORT}"


def _exists(pid: int) -> bool:
    """Whether a process has this number; its other processes outlive a killed one by a moment."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
