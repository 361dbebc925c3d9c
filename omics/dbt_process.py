"""The process that runs dbt: ``python -m omics.dbt_process RESULTS ARGUMENT...``.

dbt's own command writes its manifest twice and its run results once, 2 s of a build in which one
file changed. This one writes the few fields that are read afterwards, to the file RESULTS.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any


def main(arguments: list[str]) -> int:
    """Runs dbt and returns its exit code: 0 fine, 1 a node failed, 2 dbt itself failed."""
    from dbt.cli.main import dbtRunner

    _end_with_parent()
    skip_unheard_events()
    results_file, *rest = arguments
    outcome = dbtRunner().invoke(rest)
    Path(results_file).write_text(json.dumps(_results(outcome.result), default=str), "utf-8")
    if outcome.success:
        return 0
    return 1 if outcome.exception is None else 2


def skip_unheard_events() -> None:
    """Keeps dbt from making messages of events that no log takes.

    It makes one of every event, some twenty for each node, before it asks the logs for the level
    that they keep: two of the sixteen seconds of a build with nothing new.
    """
    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager
    from dbt_common.events.event_manager_client import ctx_set_event_manager

    fine = (EventLevel.DEBUG, EventLevel.TEST)

    class HeardEvents(EventManager):
        def fire_event(
            self,
            e: BaseEvent,
            level: EventLevel | None = None,
            node: Any = None,
            force_warn_or_error_handling: bool = False,
        ) -> None:
            unheard = (level or e.level_tag()) in fine and not any(
                logger.level in fine for logger in self.loggers
            )
            if force_warn_or_error_handling or not unheard:
                super().fire_event(e, level, node, force_warn_or_error_handling)

    ctx_set_event_manager(HeardEvents())


def _end_with_parent() -> None:
    """Ends this process when the command that started it is gone, however it went.

    It would build on without the lock that the command held.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _results(result: Any) -> list[dict[str, Any]]:
    return [
        {
            "unique_id": entry.node.unique_id,
            # An exposure has none.
            "schema": getattr(entry.node, "schema", None),
            "status": str(entry.status),
            "execution_time": entry.execution_time,
            "adapter_response": entry.adapter_response,
            "failures": entry.failures,
            "message": entry.message,
        }
        for entry in getattr(result, "results", None) or []
        if getattr(entry, "node", None) is not None
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
