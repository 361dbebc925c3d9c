"""One apply in a process of its own, to be killed: python worker.py DATABASE_URL OPTIONS_JSON."""

from __future__ import annotations

import json
import sys

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
    return 0 if report.status == "done" else 2


if __name__ == "__main__":
    sys.exit(main())
