"""The embedded server: where it may lie, who reaches it, and what it survives."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from warehouse import cluster, connection, liveness, owner, server
from warehouse.errors import OmicsError
from warehouse.settings import EMBEDDED_PORT, Settings

REPOSITORY = Path(__file__).resolve().parents[2]

NewRoot = Callable[[str], Settings]
Kill = Callable[[Settings], None]
Hold = Callable[[Settings], int]

NOBODY = 65534

root_only = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can act as another user of the machine"
)


@pytest.fixture
def embedded(server_settings: Settings) -> Settings:
    if not server_settings.is_embedded:
        pytest.skip("the run uses another server, set by OMICS_TEST_DATABASE_URL")
    return server_settings


def test_a_deep_root_with_spaces_and_quotes_works(new_root: NewRoot) -> None:
    settings = new_root("/".join(["a folder $HOME 'quoted' \"twice\"", *(["deep" * 8] * 5)]))
    assert len(str(settings.root)) > 150
    with connection.connect(settings) as conn:
        assert conn.info.server_version >= 180000
        assert conn.execute("show search_path").fetchone() == ("marts, public",)
        assert conn.execute("show listen_addresses").fetchone() == ("",)
        assert conn.execute("show fsync").fetchone() == ("on",)


def test_two_roots_do_not_meet(new_root: NewRoot) -> None:
    first, second = new_root("one"), new_root("two")
    assert first.socket_dir != second.socket_dir
    with connection.connect(first) as conn:
        conn.execute("create table only_here ()")
    with connection.connect(second) as conn:
        assert conn.execute("select to_regclass('only_here')").fetchone() == (None,)
    assert server.state(first).pid != server.state(second).pid


def test_it_survives_the_command_and_starts_once_for_two(new_root: NewRoot) -> None:
    settings = new_root("shared")
    code = (
        "import sys; from pathlib import Path; from warehouse import server;"
        "from warehouse.settings import Settings;"
        "print(server.start(Settings(root=Path(sys.argv[1]))).pid)"
    )
    commands = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(settings.root)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    pids = {command.communicate(timeout=90)[0].strip() for command in commands}
    assert [command.returncode for command in commands] == [0, 0]
    assert pids == {str(server.state(settings).pid)}
    assert server.is_usable(settings)


def test_it_comes_back_after_its_main_process_was_killed(new_root: NewRoot) -> None:
    settings = new_root("killed")
    with connection.connect(settings) as conn:
        conn.execute("create table kept as select 1 as one")
    pid = server.state(settings).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with connection.connect(settings) as conn:
        assert conn.execute("table kept").fetchone() == (1,)
    assert server.state(settings).pid != pid


@pytest.fixture
def hold_the_recovery(kill_a_connection: Kill) -> Hold:
    def hold(settings: Settings) -> int:
        return _hold_the_recovery(settings, kill_a_connection)

    return hold


def _hold_the_recovery(settings: Settings, kill_a_connection: Kill) -> int:
    """Stop the process that recovers the data as soon as it is there; returns its number."""
    main = server.state(settings).pid
    children = Path(f"/proc/{main}/task/{main}/children")
    if not children.exists():
        pytest.skip(f"{children} is not there: this system does not tell a process's children")
    # It is there for a tenth of a second: on a busy machine it may be missed, so more than once.
    for _ in range(20):
        kill_a_connection(settings)
        while not liveness.accepts(settings):
            for pid in map(int, children.read_text().split()):
                with suppress(OSError):
                    if "startup" in Path(f"/proc/{pid}/cmdline").read_text():
                        os.kill(pid, signal.SIGSTOP)
                        return pid
    raise AssertionError("no recovery was seen in twenty tries")


def test_a_killed_connection_is_waited_for(new_root: NewRoot, kill_a_connection: Kill) -> None:
    settings = new_root("recovering")
    with connection.connect(settings) as conn:
        conn.execute("create table kept as select 1 as one")
    pid = server.state(settings).pid
    for _ in range(3):
        kill_a_connection(settings)
        with connection.connect(settings) as conn:
            assert conn.execute("table kept").fetchone() == (1,)
    assert server.state(settings).pid == pid


def test_it_is_stopped_while_it_recovers(new_root: NewRoot, hold_the_recovery: Hold) -> None:
    settings = new_root("recovering")
    with connection.connect(settings) as conn:
        conn.execute("create table kept as select 1 as one")
    held = hold_the_recovery(settings)
    assert not server.state(settings).running
    began = time.monotonic()
    assert server.stop(settings)
    # It would end after a minute as one that does not stop.
    assert time.monotonic() - began < server._STOP_SECONDS
    assert not liveness.is_alive(settings)
    assert not Path(f"/proc/{held}").exists()
    with connection.connect(settings) as conn:
        assert conn.execute("table kept").fetchone() == (1,)


def test_one_that_does_not_end_is_broken_off(
    new_root: NewRoot, hold_the_recovery: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = new_root("hanging")
    with connection.connect(settings) as conn:
        conn.execute("create table kept as select 1 as one")
    hold_the_recovery(settings)
    # As if the connection had been killed between the look and the signal.
    monkeypatch.setattr(liveness, "is_recovering", lambda _: False)
    monkeypatch.setattr(server, "_STOP_SECONDS", 1.0)
    assert server.stop(settings)
    assert not liveness.is_alive(settings)
    with connection.connect(settings) as conn:
        assert conn.execute("table kept").fetchone() == (1,)


def test_a_long_recovery_is_not_begun_anew(
    new_root: NewRoot, hold_the_recovery: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = new_root("patient")
    server.start(settings)
    pid = server.state(settings).pid
    held = hold_the_recovery(settings)
    monkeypatch.setattr(server, "_START_SECONDS", 0.3)
    try:
        with pytest.raises(OmicsError, match="has been recovering from a crash") as raised:
            connection.connect(settings)
        assert "try again" in str(raised.value)
    finally:
        os.kill(held, signal.SIGCONT)
    monkeypatch.setattr(server, "_START_SECONDS", 60.0)
    with connection.connect(settings) as conn:
        assert conn.execute("select 1").fetchone() == (1,)
    assert server.state(settings).pid == pid


def test_a_number_left_by_a_power_cut_and_in_use_again_does_not_stop_it(new_root: NewRoot) -> None:
    settings = new_root("power cut")
    server.start(settings)
    left_behind = (settings.data_dir / "postmaster.pid").read_text()
    server.stop(settings)
    # Our own process has the number now; it must neither be believed nor be signalled.
    lines = [str(os.getpid()), *left_behind.splitlines()[1:]]
    (settings.data_dir / "postmaster.pid").write_text("\n".join(lines) + "\n")
    assert not server.state(settings).running
    assert not server.stop(settings)
    assert server.start(settings).running


def test_a_moved_checkout_keeps_its_data(new_root: NewRoot) -> None:
    before = new_root("before")
    with connection.connect(before) as conn:
        conn.execute("create table kept as select 1 as one")
    old_pid = server.state(before).pid
    after = Settings(root=before.root.rename(before.root.with_name("after")))
    try:
        with connection.connect(after) as conn:
            assert conn.execute("table kept").fetchone() == (1,)
        assert server.state(after).pid != old_pid
        assert not before.socket_dir.exists()
    finally:
        server.stop(after)


def test_a_new_configuration_waits_for_those_who_are_connected(new_root: NewRoot) -> None:
    settings = new_root("upgraded")
    with connection.connect(settings):
        pid = server.state(settings).pid
        path = settings.data_dir / "postgresql.conf"
        path.write_text(path.read_text().replace("# omics ", "# omics 0", 1))
        assert not server.is_usable(settings)
        assert server.start(settings).pid == pid
    deadline = time.monotonic() + 10
    while server.start(settings).pid == pid:
        assert time.monotonic() < deadline, "nobody is connected any more"
        time.sleep(0.05)
    assert server.is_usable(settings)


def test_a_failed_start_shows_the_servers_own_words(new_root: NewRoot) -> None:
    settings = new_root("broken")
    server.start(settings)
    server.stop(settings)
    with (settings.data_dir / "postgresql.auto.conf").open("a") as handle:
        handle.write("no_such_setting = on\n")
    with pytest.raises(OmicsError, match="no_such_setting") as caught:
        server.start(settings)
    assert caught.value.fix


def test_stopping_twice_and_what_never_ran(new_root: NewRoot) -> None:
    settings = new_root("quiet")
    assert not server.stop(settings)
    assert not server.state(settings).running
    assert not settings.warehouse_dir.exists(), "looking must not leave anything behind"
    server.start(settings)
    assert server.stop(settings)
    assert not server.stop(settings)
    assert not settings.socket_dir.exists()


def test_the_folders_are_closed_to_others(embedded: Settings) -> None:
    for folder in (embedded.socket_dir, embedded.data_dir, server.state(embedded).log_dir):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(embedded.warehouse_dir.stat().st_mode) in (0o700, 0o710)


def _as_another_user(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Imports come first: the other user may not be able to read the interpreter's own files.
    program = (
        f"import os, socket, sys, psycopg; os.setgroups([]); os.setgid({NOBODY});"
        f"os.setuid({NOBODY})\n{code}"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )


@root_only
def test_another_user_cannot_reach_the_socket(embedded: Settings) -> None:
    path = embedded.socket_dir / f".s.PGSQL.{EMBEDDED_PORT}"
    with socket.socket(socket.AF_UNIX) as ours:
        ours.connect(str(path))
    tried = _as_another_user("socket.socket(socket.AF_UNIX).connect(sys.argv[1])", str(path))
    assert tried.returncode == 1
    assert "PermissionError" in tried.stderr


@root_only
@pytest.mark.parametrize("role", ["omics", "postgres", "nobody"])
def test_another_user_who_reaches_the_socket_is_not_let_in(embedded: Settings, role: str) -> None:
    path = embedded.socket_dir / f".s.PGSQL.{EMBEDDED_PORT}"
    try:
        embedded.socket_dir.chmod(0o755)
        path.chmod(0o777)
        tried = _as_another_user(
            "psycopg.connect(host=sys.argv[1], user=sys.argv[2], dbname='postgres')",
            str(embedded.socket_dir),
            role,
        )
    finally:
        path.chmod(0o700)
        embedded.socket_dir.chmod(0o700)
    assert tried.returncode == 1
    assert "Peer authentication failed" in tried.stderr


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_socket_folder_that_is_none_is_refused(new_root: NewRoot, kind: str) -> None:
    settings = new_root("trap")
    if kind == "file":
        settings.socket_dir.touch()
    else:
        settings.socket_dir.symlink_to(settings.root)
    try:
        with pytest.raises(OmicsError, match="no folder") as caught:
            server.start(settings)
    finally:
        settings.socket_dir.unlink()
    assert str(settings.socket_dir) in str(caught.value)


@root_only
def test_a_socket_folder_of_somebody_else_is_refused(new_root: NewRoot) -> None:
    settings = new_root("trap")
    settings.socket_dir.mkdir()
    os.chown(settings.socket_dir, NOBODY, NOBODY)
    try:
        with pytest.raises(OmicsError, match="it is not used"):
            server.start(settings)
    finally:
        settings.socket_dir.rmdir()


def test_a_checkout_of_another_user_is_refused(
    new_root: NewRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = new_root("theirs")
    settings.warehouse_dir.mkdir()
    monkeypatch.setattr("warehouse.owner.os.geteuid", lambda: 54321)
    with pytest.raises(OmicsError, match="one user for all commands"):
        server.start(settings)
    monkeypatch.undo()


def test_a_closed_folder_needs_a_capability_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    other = owner.Owner(uid=NOBODY, gid=NOBODY, name="nobody", is_other=True)
    monkeypatch.setattr(owner.sys, "platform", "linux")
    monkeypatch.setattr(owner, "_effective_capabilities", lambda: 1 << 2)
    assert owner.needed_capabilities(other, [closed]) == [2]
    # What a container's root usually has.
    monkeypatch.setattr(owner, "_effective_capabilities", lambda: 1 << 1)
    assert owner.needed_capabilities(other, [closed]) == [1]
    monkeypatch.setattr(owner, "_effective_capabilities", lambda: 0)
    with pytest.raises(OmicsError, match="cannot reach its files"):
        owner.needed_capabilities(other, [closed])
    # Nothing is needed for oneself, nor where everybody may read.
    ourselves = owner.Owner(uid=os.geteuid(), gid=os.getegid(), name=None, is_other=False)
    assert owner.needed_capabilities(ourselves, [closed]) == []
    assert owner.needed_capabilities(other, [Path("/usr")]) == []


def test_a_root_without_roots_rights_is_told(
    new_root: NewRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = new_root("container")
    monkeypatch.setattr("warehouse.owner.os.geteuid", lambda: 0)
    monkeypatch.setattr(owner.sys, "platform", "linux")
    monkeypatch.setattr(owner, "_effective_capabilities", lambda: 1 << owner.CAP_DAC_OVERRIDE)
    with pytest.raises(OmicsError, match="CAP_SETUID"):
        server.start(settings)
    assert not settings.warehouse_dir.exists()
    monkeypatch.undo()


@root_only
def test_root_runs_it_as_somebody_else(embedded: Settings) -> None:
    pid = server.state(embedded).pid
    assert pid is not None
    assert Path(f"/proc/{pid}").stat().st_uid != 0
    assert embedded.data_dir.stat().st_uid == Path(f"/proc/{pid}").stat().st_uid


def test_only_its_own_process_is_taken_for_the_server(embedded: Settings) -> None:
    pid = server.state(embedded).pid
    assert pid is not None
    assert liveness.is_our_postmaster(embedded, pid)
    assert not liveness.is_our_postmaster(embedded, os.getpid())
    assert not liveness.is_our_postmaster(embedded, 2**22 + 1)


def test_the_configuration_is_the_one_of_this_version(embedded: Settings) -> None:
    assert cluster.written_digest(embedded) == cluster.wanted_digest(embedded)


def test_with_another_server_there_is_nothing_to_start(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, pghost="db.example.org")
    with pytest.raises(OmicsError, match="another Postgres server is set"):
        server.start(settings)
