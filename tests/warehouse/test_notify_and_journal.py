"""Who is told, what stands in the log, and that neither stops a run or tells a secret."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from warehouse import exits
from warehouse.journal import Journal
from warehouse.notify import is_wanted, notify
from warehouse.settings import Settings


@pytest.fixture
def hook() -> Iterator[tuple[str, list[Any], list[int]]]:
    """A webhook on this machine: its address, what it was sent, and what it answers."""
    received: list[Any] = []
    answers = [200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            received.append(json.loads(self.rfile.read(length)))
            self.send_response(answers[-1])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/T0/hunter2", received, answers
    server.shutdown()
    server.server_close()
    thread.join()


def test_command_and_address_get_the_same_document(
    tmp_path: Path, hook: tuple[str, list[Any], list[int]]
) -> None:
    address, received, _ = hook
    settings = Settings(
        root=tmp_path,
        notify_command=SecretStr(f"cat > '{tmp_path}/told.json'"),
        notify_url=SecretStr(address),
    )
    message = {"text": "omics refresh failed", "exit_code": 1}
    assert notify(settings, message) == []
    assert received == [message]
    assert json.loads((tmp_path / "told.json").read_text()) == message


def test_what_cannot_be_told_is_reported_without_its_secret(
    tmp_path: Path, hook: tuple[str, list[Any], list[int]]
) -> None:
    address, _, answers = hook
    answers.append(500)
    refused = Settings(
        root=tmp_path,
        notify_command=SecretStr("echo hunter2; exit 3"),
        notify_url=SecretStr(address),
    )
    problems = notify(refused, {"text": "x"})
    assert [("3" in problems[0]), ("500" in problems[1])] == [True, True]
    gone = Settings(root=tmp_path, notify_url=SecretStr("http://127.0.0.1:9/hunter2"))
    problems += notify(gone, {"text": "x"})
    assert len(problems) == 3
    assert "hunter2" not in str(problems) + repr(refused) + repr(gone)


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="http://"):
        Settings(root=tmp_path, notify_url=SecretStr("file:///etc/passwd"))


@pytest.mark.parametrize(
    ("when", "told_of"),
    [
        ("failure", {exits.FAILED}),
        ("trouble", {exits.FAILED, exits.PARTIAL}),
        ("always", {exits.DONE, exits.PARTIAL, exits.FAILED, exits.LOCKED}),
    ],
)
def test_who_is_told_of_what(tmp_path: Path, when: Any, told_of: set[int]) -> None:
    settings = Settings(root=tmp_path, notify_on=when)
    codes = (exits.DONE, exits.PARTIAL, exits.FAILED, exits.LOCKED)
    assert {code for code in codes if is_wanted(settings, code)} == told_of


def test_steps_are_timed_and_failures_named(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "logs", "r1")
    with journal.step("load") as counted:
        counted["rows"] = 7
    with pytest.raises(ZeroDivisionError), journal.step("build"):
        raise ZeroDivisionError
    events = [json.loads(line) for line in journal.path.read_text().splitlines()]
    assert [(e["event"], e["step"]) for e in events] == [
        ("step_began", "load"), ("step_ended", "load"),
        ("step_began", "build"), ("step_ended", "build"),
    ]  # fmt: skip
    assert events[1]["rows"] == 7
    assert events[3]["error"] == "ZeroDivisionError"
    assert set(journal.durations) == {"load", "build"}


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    Journal(tmp_path / "logs", "r1").write("run_began")
