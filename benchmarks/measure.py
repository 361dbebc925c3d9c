"""Times and memory of whole commands, children included."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Command:
    """A finished command: wall seconds, peak memory of its processes in MiB, exit code, output."""

    seconds: float
    peak_mib: float
    exit_code: int
    output: str


def omics(*arguments: str, environment: Mapping[str, str], watch_memory: bool = False) -> Command:
    """Runs ``omics`` as users do, in a process of its own.

    Memory, where it is watched, is the largest sum over the process tree of the proportional set
    size, so that shared pages count once; 0 where /proc has no such figure.
    Watching takes processor time from what is watched, so times are taken without.
    """
    # Users' machines keep byte-code; without it every start compiles all imports.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "omics.cli", *arguments],
        cwd=REPOSITORY,
        env={**own, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    peak = [0.0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            peak[0] = max(peak[0], _tree_mib(process.pid))

    watcher = threading.Thread(target=watch, daemon=True)
    if watch_memory:
        watcher.start()
    output, _ = process.communicate()
    seconds = time.monotonic() - began
    done.set()
    if watch_memory:
        watcher.join()
    return Command(seconds, peak[0], process.returncode, output)


def must(command: Command, *, allowed: tuple[int, ...] = (0,)) -> Command:
    """Returns the command, or stops the benchmark with what it printed."""
    if command.exit_code not in allowed:
        raise SystemExit(f"exit code {command.exit_code}\n{command.output}")
    return command


def _tree_mib(pid: int) -> float:
    return sum(_pss_mib(each) for each in [pid, *_descendants(pid)])


def _pss_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    for line in lines:
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _descendants(pid: int) -> list[int]:
    found = []
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    for task in tasks:
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            found += [child, *_descendants(child)]
    return found
