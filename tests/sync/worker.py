"""One apply in a process of its own, to be killed or weighed.

    python worker.py DATABASE_URL OPTIONS_JSON

The last line of its output is what it cost: seconds of CPU, and its largest resident memory.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import psycopg

from sync import publish
from sync.options import Options


def main() -> int:
    """Applies and prints what became of each target."""
    address, text = sys.argv[1:]
    given = json.loads(text)
    services = given.pop("services")
    given["probe_waits"] = tuple(given.get("probe_waits", (0.05, 0.1)))
    with psycopg.connect(address, autocommit=True, application_name="omics worker") as conn:
        report = publish.apply(conn, Options(**given), services=services)
    for target in report.targets:
        sys.stdout.write(f"{target}\n")
    used = resource.getrusage(resource.RUSAGE_SELF)
    cost = {"cpu_seconds": used.ru_utime + used.ru_stime, "peak_kb": peak_memory()}
    sys.stdout.write(json.dumps(cost) + "\n")
    return 0 if report.status == "done" else 2


def peak_memory() -> int:
    """Largest resident memory of this process in kB.

    Not `ru_maxrss`: that of a process which was forked begins at the memory of its parent, and exec
    does not set it back. The kernel's own mark belongs to the program that runs.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    sys.exit(main())
