"""Who runs the embedded server, and the folders it needs.

An ordinary user runs it as themselves. Postgres refuses to run as root, so root runs it as a system
user of its own, and no folder of the checkout changes its rights for that.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import OmicsError
from warehouse.launcher import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
from warehouse.settings import Settings

#: The system user that root runs the server as, made at first use.
SERVER_USER = "omics-pg"

#: Used where no user can be made (a read-only /etc). Both are system users without a login.
_FALLBACK_USERS = ("postgres", "nobody")

#: What root needs to make the folders, give them away, look after them and stop the server; numbers
#: from <linux/capability.h>. The root of a Docker container has all of them.
_ROOT_CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": CAP_DAC_OVERRIDE,
    "CAP_FOWNER": 3,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
}


@dataclass(frozen=True)
class Owner:
    """The user that owns the server's processes and data.

    Attributes:
        uid: Its number.
        gid: Its group's number.
        name: Its name, none where the system has no entry for it.
        is_other: Whether it is another user than ours, because we are root.
    """

    uid: int
    gid: int
    name: str | None
    is_other: bool


def user_name(uid: int) -> str | None:
    """Name of a user; none in a container that runs under a number only."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def describe(uid: int) -> str:
    """A user as text for a message."""
    return user_name(uid) or f"user {uid}"


def server_owner(settings: Settings) -> Owner:
    """The user that runs the server of this project.

    Raises:
        OmicsError: The data belong to somebody else, or root can become nobody.
    """
    data = settings.data_dir
    if os.geteuid() != 0:
        _refuse_foreign(settings.warehouse_dir, {os.geteuid()})
        _refuse_foreign(data, {os.geteuid()})
        return Owner(os.geteuid(), os.getegid(), user_name(os.geteuid()), is_other=False)
    _refuse_foreign(settings.warehouse_dir, {0})
    _refuse_a_powerless_root()
    candidates = _server_users()
    # Data made under a fallback user stay with it, whatever has become possible since.
    owned_by = data.stat().st_uid if data.exists() else 0
    for entry in candidates:
        if owned_by in (0, entry.pw_uid):
            return Owner(entry.pw_uid, entry.pw_gid, entry.pw_name, is_other=True)
    _refuse_foreign(data, {entry.pw_uid for entry in candidates})
    raise OmicsError(
        "Postgres refuses to run as root, and no other user could be made to run it",
        where=SERVER_USER,
        expected="a system user that owns the embedded server",
        fix=f"make one (useradd --system {SERVER_USER}), run as an ordinary user, "
        "or set DATABASE_URL",
    )


def _refuse_foreign(folder: Path, allowed: set[int]) -> None:
    try:
        uid = folder.lstat().st_uid
    except FileNotFoundError:
        return
    except PermissionError:
        # The parent is closed to us; its own check has the better message.
        return
    if uid in allowed:
        return
    other, us = describe(uid), describe(os.geteuid())
    raise OmicsError(
        f"the embedded server of this checkout belongs to {other}, this command runs as {us}",
        where=folder,
        expected="one user for all commands of a checkout",
        fix=f"run it as {other if uid >= 1000 else 'root, as before,'}, or begin anew: stop the "
        f"server as that user and remove {folder}, then load again",
    )


def _refuse_a_powerless_root() -> None:
    """Some containers call a user root who may not do what root does."""
    if sys.platform != "linux":
        return
    have = _effective_capabilities()
    missing = [name for name, number in _ROOT_CAPABILITIES.items() if not have >> number & 1]
    if missing:
        raise OmicsError(
            "Postgres refuses to run as root, and this root may not run it as another user",
            where=f"missing capabilities: {', '.join(missing)}",
            expected="an ordinary user, or a root with the capabilities that containers have",
            fix="run as an ordinary user, grant them, or set DATABASE_URL",
        )


def _server_users() -> list[pwd.struct_passwd]:
    if not _known(SERVER_USER):
        _make_user()
    return [pwd.getpwnam(name) for name in (SERVER_USER, *_FALLBACK_USERS) if _known(name)]


def _known(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _make_user() -> None:
    """Make the system user, with whichever of the usual two programs is there."""
    orders = (
        ("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
         "--shell", "/usr/sbin/nologin", SERVER_USER),
        # busybox, so Alpine
        ("adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", "/sbin/nologin", SERVER_USER),
    )  # fmt: skip
    for program, *arguments in orders:
        path = shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin")
        if path is None:
            continue
        # A list of constants, no shell. It may fail (read-only /etc, two commands at once): what
        # counts is whether the user is there afterwards.
        subprocess.run([path, *arguments], check=False, capture_output=True)  # noqa: S603 - see above
        if _known(SERVER_USER):
            return


def prepare_warehouse_dir(settings: Settings, owner: Owner) -> Path:
    """Make `.warehouse`, closed to other users.

    Where root runs the server as another user, that user's group may pass through but not look.
    """
    folder = settings.warehouse_dir
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise OmicsError(
            f"the folder cannot be made: {error.strerror}",
            where=folder,
            expected="a checkout that this user may write to",
            fix="run from a checkout of your own, or set OMICS_HOME to a folder of your own",
        ) from error
    if owner.is_other:
        os.chown(folder, -1, owner.gid)
        folder.chmod(0o710)
    else:
        folder.chmod(0o700)
    return folder


def prepare_socket_dir(settings: Settings, owner: Owner) -> Path:
    """Make the socket folder, or make sure that the one there is the server's own."""
    folder = settings.socket_dir
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        verify_socket_dir(settings, owner)
        return folder
    if owner.is_other:
        os.chown(folder, owner.uid, owner.gid)
    verify_socket_dir(settings, owner)
    return folder


def verify_socket_dir(settings: Settings, owner: Owner) -> None:
    """Refuse a socket folder that somebody else made: whoever owns it can pose as the server.

    Raises:
        OmicsError: It is not a folder of the server's owner.
    """
    folder = settings.socket_dir
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner.uid:
        kind = "folder" if stat.S_ISDIR(found.st_mode) else "something that is no folder"
        raise OmicsError(
            f"the socket folder is {kind} of {describe(found.st_uid)}; it is not used",
            where=folder,
            expected=f"a folder of {owner.name or owner.uid} that nobody else can enter",
            fix=f"find out who made it, remove it (as root: rm -r {folder}), and run this again",
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


def needed_capabilities(owner: Owner, paths: Iterable[Path]) -> list[int]:
    """The capabilities the server's user needs to reach `paths`; none where file rights suffice.

    A checkout below /root, whose mode is 0700, is the usual case. Opening that folder to a second
    user would be wrong; letting one process pass through it is not.

    Raises:
        OmicsError: It needs one and there is none to give.
    """
    if not owner.is_other:
        return []
    blocked = [path for path in paths if not _reachable(path, owner)]
    if not blocked:
        return []
    if sys.platform == "linux":
        have = _effective_capabilities()
        # The second is all that a container usually has.
        for number in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
            if have >> number & 1:
                return [number]
    raise OmicsError(
        f"the embedded server runs as {owner.name}, which cannot reach its files",
        where=blocked[0],
        expected="a folder that other users may pass through, "
        "or the capability CAP_DAC_READ_SEARCH",
        fix="put the checkout and its .venv where other users can read them (for example /opt), "
        "or run as an ordinary user",
    )


def _reachable(path: Path, owner: Owner) -> bool:
    real = path.resolve()
    own_bit = stat.S_IXOTH if real.is_dir() else stat.S_IROTH
    return _allows(real, owner, own_bit) and all(
        _allows(folder, owner, stat.S_IXOTH) for folder in real.parents
    )


def _allows(path: Path, owner: Owner, bit: int) -> bool:
    found = path.stat()
    if found.st_uid == owner.uid:
        bit <<= 6
    elif found.st_gid == owner.gid:
        bit <<= 3
    return bool(found.st_mode & bit)


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0
