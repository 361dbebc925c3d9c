"""Dagster: the steps of a refresh as assets, with lineage, schedules and retries. Optional.

Each step calls what the command line calls, so locks, the ledger and the undo of a failed build are
the same whoever starts it. ``dagster dev -m omics.orchestration.definitions`` shows it.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

from warehouse.errors import OmicsError

#: What to type where Dagster is missing. It has pins of its own: see docs/scheduling.md.
INSTALL = "pip install -e '.[dagster]' -c constraints-dagster.txt"

_NEEDED = ("dagster", "dagster_dbt", "dagster_dlt")


def require_dagster() -> None:
    """Makes sure that the packages of the extra are there.

    Raises:
        OmicsError: One of them is not installed.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise OmicsError(
            f"not installed: {', '.join(name.replace('_', '-') for name in missing)}",
            where=sys.executable,
            expected="the optional extra `dagster`",
            fix=INSTALL,
        )


# Every module of this package begins with `import dagster`; this is read before any of them.
require_dagster()
