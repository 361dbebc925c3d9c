"""The data folder of the embedded server: made, configured, and its programs run on it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from string import Template

from warehouse import binaries, launcher
from warehouse.errors import OmicsError
from warehouse.owner import Owner, needed_capabilities, user_name
from warehouse.settings import EMBEDDED_PORT, Settings

#: Role that owns the embedded database. There is no password: the socket folder is the door.
EMBEDDED_USER = "omics"

_SMALL_SHARED_MEMORY = 1024**3


def prepare_data(settings: Settings, owner: Owner) -> None:
    """Make the data folder ready for a start: there, owned, configured, without leftovers.

    To be called only while no process of the server exists.

    Raises:
        OmicsError: It cannot be made, or was written by another Postgres.
    """
    data = settings.data_dir
    if not (data / "PG_VERSION").is_file():
        _initialise(settings, owner)
    found = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != str(binaries.MAJOR_VERSION):
        raise OmicsError(
            f"the data were written by Postgres {found}",
            where=data,
            expected=f"Postgres {binaries.MAJOR_VERSION}, which is the one installed",
            fix=f"move {data} away and load again; what was loaded comes from your files",
        )
    if owner.is_other and data.stat().st_uid == 0:
        # A copy or an archive unpacked by root. Nobody but root could have made it.
        for path in (data, *data.rglob("*")):
            os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
    data.chmod(0o700)
    log = log_dir(settings)
    log.mkdir(mode=0o700, exist_ok=True)
    if owner.is_other:
        os.chown(log, owner.uid, owner.gid)
    # No process holds the server's lock, so these can only be leftovers. Postgres itself would keep
    # to them where the number in them is in use again, after a power cut or in a container.
    socket = settings.socket_dir / f".s.PGSQL.{EMBEDDED_PORT}"
    for leftover in (data / "postmaster.pid", socket, socket.with_name(f"{socket.name}.lock")):
        leftover.unlink(missing_ok=True)
    if written_digest(settings) != wanted_digest(settings):
        _write_configuration(settings, owner)


def run(
    settings: Settings,
    owner: Owner,
    order: Sequence[str],
    *,
    detach: bool = False,
    inherit: Sequence[int] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a program of the embedded Postgres as the server's user, through the launcher."""
    installation = binaries.installation()
    reached = (
        installation / "bin" / order[0],
        installation / "share" / "postgresql" / "postgres.bki",
        settings.warehouse_dir,
    )
    job = {
        "argv": [str(binaries.binary(order[0])), *order[1:]],
        # Nothing of the caller's environment: PGPORT, PGDATA or LC_ALL would change the server.
        "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        "uid": owner.uid if owner.is_other else None,
        "gid": owner.gid,
        "capabilities": needed_capabilities(owner, _existing(reached)),
        "detach": detach,
        "log": str(first_words(settings)) if detach else None,
    }
    # Our own script with our own interpreter, as a list.
    return subprocess.run(  # noqa: S603 - see above
        [sys.executable, "-I", "-S", str(Path(launcher.__file__)), json.dumps(job)],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        pass_fds=tuple(inherit),
    )


def wanted_digest(settings: Settings) -> str:
    """What the first line of the configuration says if this version of the project wrote it."""
    text = json.dumps([_render(settings), str(binaries.installation())])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def written_digest(settings: Settings) -> str | None:
    """What the first line of the configuration says; none if it is not ours or not there."""
    try:
        with (settings.data_dir / "postgresql.conf").open(encoding="utf-8") as handle:
            first = handle.readline()
    except FileNotFoundError:
        return None
    mark, _, digest = first.strip().rpartition(" ")
    return digest if mark == "# omics" else None


def log_dir(settings: Settings) -> Path:
    """Folder of the server's log files."""
    return settings.warehouse_dir / "log"


def first_words(settings: Settings) -> Path:
    """What the server says before its log collector runs."""
    return settings.warehouse_dir / "server-start.log"


def _initialise(settings: Settings, owner: Owner) -> None:
    data = settings.data_dir
    # Made beside and moved into place, so a broken-off attempt is never taken for data.
    fresh = data.with_name("pgdata.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if owner.is_other:
        os.chown(fresh, owner.uid, owner.gid)
    order = [
        "initdb",
        f"--pgdata={fresh}",
        f"--username={EMBEDDED_USER}",
        "--auth=peer",
        "--encoding=UTF8",
        # Sorted by code point everywhere: the same order whatever the machine's language is.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    ]
    result = run(settings, owner, order)
    if result.returncode != 0:
        raise OmicsError(
            "the data folder of the embedded server could not be made: "
            + (result.stderr.strip() or result.stdout.strip() or f"code {result.returncode}"),
            where=data,
            expected="initdb to finish",
            fix="see above; free disk space and the rights of that folder are the usual reasons",
        )
    if data.exists():
        # Without PG_VERSION it is nothing that Postgres could use; rmdir refuses if it holds files.
        data.rmdir()
    fresh.rename(data)


def _write_configuration(settings: Settings, owner: Owner) -> None:
    texts = _render(settings)
    if binaries.supports_lz4():
        texts["postgresql.conf"] += "\nwal_compression = lz4\ndefault_toast_compression = lz4\n"
    texts["postgresql.conf"] = f"# omics {wanted_digest(settings)}\n{texts['postgresql.conf']}"
    # The file with the digest comes last: it says that the others are written.
    for name in ("pg_hba.conf", "pg_ident.conf", "postgresql.conf"):
        path = settings.data_dir / name
        fresh = path.with_name(f"{name}.new")
        fresh.write_text(texts[name], encoding="utf-8")
        fresh.chmod(0o600)
        if owner.is_other:
            os.chown(fresh, owner.uid, owner.gid)
        fresh.replace(path)


def _render(settings: Settings) -> dict[str, str]:
    """The three configuration files, as this version of the project wants them."""
    template = Path(__file__).with_name("postgresql.conf.template")
    configuration = Template(template.read_text(encoding="utf-8")).substitute(
        port=EMBEDDED_PORT,
        socket_dir=settings.socket_dir,
        shared_memory="mmap" if _shared_memory_is_small() else "posix",
    )
    caller = user_name(os.geteuid())
    if caller is None:
        # The kernel knows the caller by number only, and Postgres wants a name: the folder alone
        # keeps others out.
        access, names = "local all all trust\n", ""
    else:
        # Every role, so that the owner can also try what the role of an analyst may do.
        access = "local all all peer map=owner\n"
        names = f'owner "{caller}" all\n'
    return {"postgresql.conf": configuration, "pg_hba.conf": access, "pg_ident.conf": names}


def _shared_memory_is_small() -> bool:
    if sys.platform != "linux":
        return False
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size only
    except OSError:
        return True
    return found.f_blocks * found.f_frsize < _SMALL_SHARED_MEMORY


def _existing(paths: Sequence[Path]) -> list[Path]:
    return [path for path in paths if path.exists()]
