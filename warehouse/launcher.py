"""Starts one program as another user, outliving the command that asked. A script, not a library.

Run as `python -I -S launcher.py '<json>'`, so it imports nothing but the standard library. Giving
up root's rights happens here, in a process of its own: a mistake can never leave the command itself
with half of its rights, and there is no code between fork and exec in a threaded program.

The JSON holds `argv`, `env`, and if wanted `uid` and `gid` to become, `capabilities` to keep while
doing so, `detach` to leave the program running, and `log`, a file for what the program prints.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2

# <linux/prctl.h> and <linux/capability.h>
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522

#: Exit code that says: the program was never started, the reason is on standard error.
NOT_STARTED = 71


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _check(result: int, call: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}")


def become(uid: int, gid: int, capabilities: Sequence[int]) -> None:
    """Give up root for `uid`, for good, keeping only `capabilities` (numbers below 32).

    They become ambient, or else the program that is started next would lose them again.
    """
    if capabilities:
        libc = ctypes.CDLL(None, use_errno=True)
        _check(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl(PR_SET_KEEPCAPS)")
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if capabilities:
        mask = sum(1 << number for number in capabilities)
        header = _Header(_CAPABILITY_VERSION_3, 0)
        # Version 3 takes two records: capabilities 0-31 and 32-63.
        data = (_Data * 2)(_Data(mask, mask, mask), _Data(0, 0, 0))
        _check(libc.capset(ctypes.byref(header), data), "capset")
        for number in capabilities:
            call = libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, number, 0, 0)
            _check(call, "prctl(PR_CAP_AMBIENT_RAISE)")


def _redirect(log: str | None) -> None:
    """Let go of the caller's input and output, or a pipe to it stays open as long as we run."""
    null = os.open(os.devnull, os.O_RDWR)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if log else null
    os.dup2(null, 0)
    os.dup2(target, 1)
    os.dup2(target, 2)


def main(order: dict[str, Any]) -> None:
    """Carry out `order`; does not return, the program takes this process over."""
    if order.get("detach"):
        if os.fork():
            os._exit(0)
        os.setsid()
        # The log is opened before the rights are given up: it lies in a folder of the caller.
        _redirect(order.get("log"))
    os.umask(0o077)
    if order.get("uid") is not None:
        become(order["uid"], order["gid"], order.get("capabilities") or ())
    os.chdir("/")
    # An argument list and no shell; the caller is our own server module.
    os.execve(order["argv"][0], order["argv"], order["env"])  # noqa: S606 - see above


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except OSError as problem:
        sys.stderr.write(f"{problem}\n")
        os._exit(NOT_STARTED)
