"""The embedded Postgres server: one for each checkout, started when needed, left running.

It listens on one Unix socket in a folder that only its owner can enter, and asks the kernel who is
calling (`peer`), so no other user of the machine can connect.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from warehouse import cluster, liveness
from warehouse.cluster import EMBEDDED_USER
from warehouse.errors import OmicsError
from warehouse.owner import (
    Owner,
    prepare_socket_dir,
    prepare_warehouse_dir,
    server_owner,
    verify_socket_dir,
)
from warehouse.settings import EMBEDDED_PORT, Settings

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0

# All its processes are told at once, and none has anything to write.
_BREAK_OFF_SECONDS = 10.0

# They notice within a second; a longer stay means that they have a main process somewhere.
_ORPHAN_SECONDS = 10.0

#: How much of the server's own words to show when it does not start.
_LOG_TAIL_LINES = 15


@dataclass(frozen=True)
class ServerState:
    """What is known about the embedded server.

    Attributes:
        running: Whether it accepts connections.
        pid: Its main process, none when it does not run.
        data_dir: Its data folder.
        socket_dir: Folder of its socket; the host to give to other tools.
        port: Number in the name of the socket.
        log_dir: Folder of its log files.
    """

    running: bool
    pid: int | None
    data_dir: Path
    socket_dir: Path
    port: int
    log_dir: Path


def state(settings: Settings) -> ServerState:
    """Look, without changing anything."""
    running = (
        liveness.is_alive(settings)
        and liveness.is_ready(settings)
        and liveness.accepts(settings) is True
    )
    return ServerState(
        running=running,
        pid=liveness.postmaster_pid(settings) if running else None,
        data_dir=settings.data_dir,
        socket_dir=settings.socket_dir,
        port=EMBEDDED_PORT,
        log_dir=cluster.log_dir(settings),
    )


def is_usable(settings: Settings) -> bool:
    """Whether the server runs, where it is looked for, as this version of the project wants it.

    Cheap enough for every connection: two small files and one lock.

    Raises:
        OmicsError: The socket folder belongs to somebody else.
    """
    if not settings.socket_dir.is_dir() or not liveness.is_alive(settings):
        return False
    verify_socket_dir(settings, server_owner(settings))
    return liveness.is_ready(settings) and cluster.written_digest(
        settings
    ) == cluster.wanted_digest(settings)


def start(settings: Settings) -> ServerState:
    """Start the server if it does not run, making its data folder at first use.

    Two commands at once start it once: the second waits for the first.

    Raises:
        OmicsError: It cannot run here; the message says why and what to do.
    """
    _require_embedded(settings)
    owner = server_owner(settings)
    prepare_warehouse_dir(settings, owner)
    with liveness.exclusive(settings):
        if liveness.is_alive(settings) and not _keep_running(settings):
            _stop(settings)
        prepare_socket_dir(settings, owner)
        if not liveness.is_alive(settings):
            cluster.prepare_data(settings, owner)
            _launch(settings, owner)
    return state(settings)


def stop(settings: Settings) -> bool:
    """Stop the server, if it runs; clients are disconnected, finished transactions are kept.

    One that recovers from a crash, or does not end within a minute, is broken off: the next start
    recovers it.

    Returns:
        Whether there was one to stop.

    Raises:
        OmicsError: It cannot be stopped by this user, or does not stop.
    """
    _require_embedded(settings)
    if not liveness.alive_file(settings).exists():
        return False
    server_owner(settings)
    with liveness.exclusive(settings):
        if not liveness.is_alive(settings):
            return False
        _stop(settings)
    return True


def log_tail(settings: Settings, *, lines: int = _LOG_TAIL_LINES) -> str:
    """The last lines that the server wrote, from the newest of its logs."""
    logs = [cluster.first_words(settings), *cluster.log_dir(settings).glob("postgres-*.log")]
    written = [path for path in logs if path.is_file() and path.stat().st_size]
    # The start-up messages and the log proper are two files; either may hold the reason.
    newest = sorted(written, key=lambda path: path.stat().st_mtime)[-2:]
    text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in newest)
    return "\n".join(text.splitlines()[-lines:])


def _require_embedded(settings: Settings) -> None:
    if not settings.is_embedded:
        raise OmicsError(
            "another Postgres server is set, so there is no embedded one to start or stop",
            where="DATABASE_URL or PG*",
            expected="neither of them set",
            fix="unset them to use the embedded server",
        )


def _keep_running(settings: Settings) -> bool:
    """Whether the live server will do; waits for one that is just starting or going down.

    Raises:
        OmicsError: It still recovers. Stopped now, it would begin anew at the next start, and a
            recovery that takes longer than our patience would never end.
    """
    deadline = time.monotonic() + _START_SECONDS
    while liveness.is_alive(settings):
        lines = liveness.pid_file(settings)
        if liveness.is_ready(settings) and liveness.accepts(settings):
            current = cluster.written_digest(settings) == cluster.wanted_digest(settings)
            # Settings of a newer version can wait; somebody's running load cannot be repeated.
            return current or _has_clients(settings)
        if len(lines) >= 8 and lines[7].strip() == "ready" and not liveness.is_ready(settings):
            return False
        if time.monotonic() > deadline:
            if not liveness.is_recovering(settings):
                return False
            raise OmicsError(
                f"the server has been recovering from a crash for {_START_SECONDS:.0f} s",
                where=settings.data_dir,
                expected="a server that accepts connections",
                fix="wait, and try again: nothing that was finished is lost",
            )
        time.sleep(liveness.POLL_SECONDS)
    return False


def _has_clients(settings: Settings) -> bool:
    import psycopg

    with psycopg.connect(
        host=str(settings.socket_dir), port=EMBEDDED_PORT, user=EMBEDDED_USER, dbname="postgres"
    ) as connection:
        found = connection.execute(
            "select count(*) from pg_stat_activity"
            " where backend_type = 'client backend' and pid <> pg_backend_pid()"
        ).fetchone()
    return bool(found and found[0])


def _stop(settings: Settings) -> None:
    if not liveness.is_alive(settings):
        return
    # Another folder than ours where the checkout was moved since.
    sockets = {str(settings.socket_dir), *liveness.pid_file(settings)[4:5]}
    pid = liveness.postmaster_pid(settings)
    if pid is None or not liveness.is_our_postmaster(settings, pid):
        # Where its main process was killed, the others are just going.
        if not _ends_within(settings, _ORPHAN_SECONDS):
            raise OmicsError(
                "the server's data are in use by processes that cannot be seen from here",
                where=settings.data_dir,
                expected=f"their end within {_ORPHAN_SECONDS:.0f} s",
                fix="stop it where it was started, perhaps in another container",
            )
    elif not _end(settings, pid):
        raise OmicsError(
            f"the server (process {pid}) does not stop",
            where=settings.data_dir,
            expected=f"its end within {_BREAK_OFF_SECONDS:.0f} s of being broken off",
            fix=f"look at its log in {cluster.log_dir(settings)}",
        )
    for folder in sockets:
        _remove_empty(Path(folder))


def _end(settings: Settings, pid: int) -> bool:
    # "Fast": clients are disconnected, then everything is written out. Not while it recovers after
    # a killed connection: Postgres 18 then waits for its checkpointer, which nobody tells to end
    # (18.4: four times of four).
    if not liveness.is_recovering(settings):
        os.kill(pid, signal.SIGINT)
        if _ends_within(settings, _STOP_SECONDS):
            return True
    # "Immediate": as after a power cut. What was finished is in the log that the next start reads.
    if liveness.is_our_postmaster(settings, pid):
        os.kill(pid, signal.SIGQUIT)
    return _ends_within(settings, _BREAK_OFF_SECONDS)


def _ends_within(settings: Settings, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while liveness.is_alive(settings):
        if time.monotonic() > deadline:
            return False
        time.sleep(liveness.POLL_SECONDS)
    return True


def _remove_empty(folder: Path) -> None:
    """Remove a socket folder; one that is not empty is looked at by the next start anyway."""
    with suppress(OSError):
        folder.rmdir()


def _launch(settings: Settings, owner: Owner) -> None:
    words = cluster.first_words(settings)
    words.unlink(missing_ok=True)
    with liveness.alive_lock(settings) as lock:
        result = cluster.run(
            settings,
            owner,
            ["postgres", "-D", str(settings.data_dir)],
            detach=True,
            inherit=[lock],
        )
    if result.returncode == 0:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if liveness.is_ready(settings):
                return
            if not liveness.is_alive(settings):
                break
            time.sleep(liveness.POLL_SECONDS)
    gone = not liveness.is_alive(settings)
    if gone:
        _remove_empty(settings.socket_dir)
    tail = "\n".join(part for part in (result.stderr.strip(), log_tail(settings)) if part)
    raise OmicsError(
        "the embedded server "
        + ("did not start" if gone else f"is not ready after {_START_SECONDS:.0f} s")
        + (f"; its last words:\n{tail}" if tail else ""),
        where=settings.data_dir,
        expected="a server that accepts connections",
        fix="see its words above, and `omics doctor`" if gone else "wait, and try again",
    )
