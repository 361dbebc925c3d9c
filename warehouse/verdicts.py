"""What an error of a service means for the thing that was sent. No retry is hidden elsewhere."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

#: Longest wait between two attempts, in seconds.
LONGEST_BACKOFF = 300.0


class Stopped(Exception):
    """Nothing more can be done for a whole target; nothing of it is marked as dead."""


@dataclass(frozen=True)
class Verdict:
    """One error, understood.

    Attributes:
        kind: `throttled` (wait, and it was not an attempt), `stopped` (key or rights), `rejected`
            (this row will never do), `missing` (404), `collided` (409: at once again), `lost` (it
            may have arrived), `unsent` (it surely did not).
        code: Code of the service, or the name of the error.
        message: What it said, without secrets.
        wait: Seconds that the service asked for.
        request_id: Id that the service gave the call.
    """

    kind: str
    code: str
    message: str
    wait: float | None = None
    request_id: str | None = None


class CallFailed(Exception):
    """A call that failed, with what it means."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


def redact(text: str, secrets: Collection[str]) -> str:
    """The text without any of the secrets, cut to a length that fits a table.

    Examples:
        >>> redact("no access with key abc-123", ["abc-123"])
        'no access with key ***'
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text[:1000]


def backoff(attempts: int) -> float:
    """Seconds before the next attempt: 1, 2, 4 … up to five minutes.

    Examples:
        >>> [backoff(n) for n in (0, 1, 4, 20)]
        [1.0, 2.0, 16.0, 300.0]
    """
    return min(LONGEST_BACKOFF, float(2 ** min(attempts, 16)))


def of_status(
    status: int, code: str, message: str, *, wait: float | None, request_id: str | None
) -> Verdict:
    """What an HTTP status means.

    502, 503 and 504 may come after the work was done: Notion answers so when it took longer than
    60 seconds.
    """
    kinds = {
        400: "rejected",
        401: "stopped",
        402: "stopped",
        403: "stopped",
        404: "missing",
        409: "collided",
        412: "rejected",
        413: "rejected",
        422: "rejected",
        429: "throttled",
        529: "throttled",
    }
    return Verdict(kinds.get(status, "lost"), code, message, wait, request_id)


def of_notion(error: Exception, secrets: Collection[str]) -> Verdict:
    """What an error of notion-client, or of httpx below it, means."""
    import httpx
    from notion_client.errors import HTTPResponseError, RequestTimeoutError

    message = redact(str(error) or type(error).__name__, secrets)
    if isinstance(error, HTTPResponseError):
        body = _json_object(error.body)
        code = str(body.get("code") or getattr(error.code, "value", error.code))
        reason = (body.get("additional_data") or {}).get("rate_limit_reason")
        if reason:
            message = f"{message} ({redact(str(reason), secrets)})"
        request_id = body.get("request_id")
        return of_status(
            error.status,
            code,
            message,
            wait=_seconds(error.headers.get("retry-after")),
            request_id=str(request_id) if request_id else None,
        )
    if isinstance(error, RequestTimeoutError):
        return Verdict("lost", "timeout", message)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return Verdict("unsent", type(error).__name__, message)
    return Verdict("lost", type(error).__name__, message)


def of_pinecone(error: Exception, secrets: Collection[str]) -> Verdict:
    """What an error of the pinecone package means."""
    from pinecone.errors.exceptions import (
        ApiError,
        PineconeConnectionError,
        PineconeTimeoutError,
        PineconeTypeError,
        PineconeValueError,
    )

    message = redact(str(error) or type(error).__name__, secrets)
    if isinstance(error, ApiError):
        wait = getattr(error, "retry_after", None)
        return of_status(
            int(error.status_code),
            f"http_{error.status_code}",
            message,
            wait=float(wait) if isinstance(wait, int | float) else None,
            request_id=getattr(error, "request_id", None),
        )
    if isinstance(error, PineconeValueError | PineconeTypeError):
        return Verdict("rejected", type(error).__name__, message)
    if isinstance(error, PineconeConnectionError | PineconeTimeoutError):
        return Verdict("lost", type(error).__name__, message)
    return Verdict("lost", type(error).__name__, message)


def _json_object(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _seconds(header: str | None) -> float | None:
    """Seconds of a Retry-After header; a date, which neither service documents, is not read."""
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:
        return None
