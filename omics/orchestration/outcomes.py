"""How a step ends in Dagster, and what of it is tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg

from warehouse.errors import OmicsError
from warehouse.lock import LockHeld

#: How long a step waits for a lock before it ends; the line for cron waits as long.
WAIT_SECONDS = 60.0

#: After 1, 3 and 7 minutes: long enough for another run to end, or a server to start.
RETRIES = dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL)


@contextmanager
def told(context: Any) -> Iterator[None]:
    """Turns what a user can put right into a failed step that says how.

    All of it is tried again by the policy of the step: a lock that is held (exit code 75), a server
    or a folder that cannot be reached. A build that failed is not, see `marts`.
    """
    try:
        yield
    except LockHeld as held:
        context.log.warning(str(held))
        raise
    except OmicsError as error:
        raise dg.Failure(str(error), metadata={"exit_code": 1}) from error


def complete_check(asset: dg.AssetKey, question: str) -> dg.AssetCheckSpec:
    """Declares the check for exit code 2: done, and something is left for a person to look at."""
    return dg.AssetCheckSpec("complete", asset=asset, description=question)


def completeness(
    asset: dg.AssetKey, *, is_complete: bool, metadata: Mapping[str, Any]
) -> dg.AssetCheckResult:
    """Returns the result of that check; it warns and stops nothing, as code 2 does."""
    return dg.AssetCheckResult(
        check_name="complete",
        asset_key=asset,
        passed=is_complete,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=dict(metadata),
    )


def step(body: Callable[[Any], Iterator[Any]]) -> Callable[[Any], Iterator[Any]]:
    """Returns the body of a step with its errors told; Dagster takes its name and context."""

    def run(context: Any) -> Iterator[Any]:
        with told(context):
            yield from body(context)

    # Dagster reads annotations and knows no `Any` there.
    run.__annotations__ = {}
    return run
