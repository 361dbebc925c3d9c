"""What is tried again, and what is not."""

from __future__ import annotations

import pytest

from omics.building import combined, is_complete, retry_arguments
from omics.dbt import DbtRun, NodeResult


def node(name: str, status: str, message: str = "") -> NodeResult:
    kind = "test" if name.startswith("assert") else "model"
    return NodeResult(f"{kind}.omics.{name}", kind, status, 0.1, None, None, message)


@pytest.mark.parametrize(
    "message",
    [
        "server closed the connection unexpectedly",
        'connection to server at "db", port 5432 failed: Connection refused',
        "terminating connection due to administrator command",
        "deadlock detected\nDETAIL: Process 1 waits for ShareLock",
        "could not serialize access due to concurrent update",
        "FATAL: sorry, too many clients already",
        "the database system is starting up",
    ],
)
def test_what_passes_by_itself_is_tried_again_with_what_waited_for_it(message: str) -> None:
    done = DbtRun(
        1,
        (
            node("datasets", "error", f"Database Error in model datasets\n{message}"),
            node("documents", "skipped"),
            node("features", "success"),
        ),
    )
    arguments = retry_arguments(done, ["--full-refresh"])
    assert arguments is not None
    selected = arguments[arguments.index("--select") + 1 : arguments.index("documents") + 1]
    assert selected == ["datasets", "documents"]
    assert "--full-refresh" in arguments


@pytest.mark.parametrize(
    "results",
    [
        (node("assert_x", "fail", "Got 3 results, configured to fail if != 0"),),
        (node("datasets", "error", "division by zero"),),
        (node("a", "error", "deadlock detected"), node("b", "error", "column x does not exist")),
    ],
)
def test_what_fails_again_is_not_tried_again(results: tuple[NodeResult, ...]) -> None:
    assert retry_arguments(DbtRun(1, results), []) is None


def test_dbt_that_could_not_connect_is_started_again_and_one_that_cannot_parse_is_not() -> None:
    lost = DbtRun(2, (), output="could not connect to server")
    arguments = retry_arguments(lost, ["--select", "datasets"])
    assert arguments is not None
    assert arguments[:3] == ["build", "--select", "datasets"]
    assert retry_arguments(DbtRun(2, (), output="Compilation Error"), []) is None
    assert retry_arguments(DbtRun(0), []) is None


def test_results_of_the_retry_stand_in_the_place_of_the_first() -> None:
    first = DbtRun(1, (node("a", "success"), node("b", "error"), node("c", "skipped")))
    second = DbtRun(0, (node("b", "success"), node("c", "success")))
    both = combined(first, second)
    assert both.return_code == 0
    assert [(r.name, r.status) for r in both.results] == [
        ("a", "success"), ("b", "success"), ("c", "success"),
    ]  # fmt: skip


def test_only_a_build_of_everything_can_make_the_marts_up_to_date() -> None:
    assert is_complete(["--full-refresh"])
    assert not is_complete(["--select", "datasets+"])
    assert not is_complete(["--exclude=datasets"])
