"""What a refresh did, step by step, as JSON lines for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any


@dataclass
class Journal:
    """Appends one line of JSON for each event to the file of the month.

    One file for each month, so that a schedule fills neither a folder nor one endless file.

    Attributes:
        folder: Where the files are.
        run_id: Stands on every line.
        durations: Seconds of the steps that ended.
    """

    folder: Path
    run_id: str
    durations: dict[str, float] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file of this month."""
        return self.folder / f"refresh-{datetime.now(UTC):%Y-%m}.jsonl"

    def write(self, event: str, **fields: Any) -> None:
        """Append one event; a full disk or a missing right does not stop the run.

        Args:
            event: What happened, for example ``step_ended``.
            fields: What else to say; no secrets.
        """
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "run_id": self.run_id,
            "event": event,
            **fields,
        }
        line = json.dumps(entry, default=str, ensure_ascii=False) + "\n"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError:
            # The run itself, and its row in ops.runs, are worth more than its log.
            return

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, Any]]:
        """Time a step; the block may put what it counted into the dictionary it is given."""
        self.write("step_began", step=name)
        began = monotonic()
        counted: dict[str, Any] = {}
        failure: str | None = None
        try:
            yield counted
        except BaseException as error:
            failure = type(error).__name__
            raise
        finally:
            seconds = round(monotonic() - began, 3)
            self.durations[name] = seconds
            ended = {"error": failure} if failure else {}
            self.write("step_ended", step=name, seconds=seconds, **ended, **counted)
