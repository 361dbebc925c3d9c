"""What both stand-ins share: a server, a log of the calls, and faults to order."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """One call as the stand-in saw it.

    Attributes:
        method: GET, POST, PATCH, DELETE.
        path: Path without the query.
        query: Query parameters, each with all its values.
        headers: Header names in lower case.
        raw: The body as bytes.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    raw: bytes

    def json(self) -> Any:
        """The body as JSON; an empty body is an empty object."""
        return json.loads(self.raw) if self.raw else {}


@dataclass(frozen=True)
class Answer:
    """What goes back: JSON, or text when `body` is a string."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """Ends the handling of a call with an error answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer.body))
        self.answer = answer


@dataclass
class Fault:
    """Something that goes wrong with matching calls.

    Attributes:
        method: Method that matches; every one when empty.
        path: Pattern that the path must hold.
        times: How many calls it hits.
        skip: How many matching calls go through first.
        answer: Sent instead of doing the work.
        drop: `before` the work or `after` it, the connection is closed without an answer.
        delay: Seconds to wait before the answer is sent, after the work; or, where the work is not
            done, before the connection is closed.
    """

    method: str = ""
    path: str = ""
    times: int = 1
    skip: int = 0
    answer: Answer | None = None
    drop: str = ""
    delay: float = 0.0

    def hits(self, request: Request) -> bool:
        """Whether this call is hit; counts it."""
        if self.method and self.method != request.method:
            return False
        if not re.search(self.path, request.path) or self.times <= 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class StandIn:
    """A server on 127.0.0.0/8 in a thread of its own; use it as a context manager.

    Args:
        address: Where to listen. Pinecone's client keeps a budget of retries per host name, so
            each test that breaks things takes another 127.0.0.x.
        port: 0 takes a free one.
    """

    def __init__(self, *, address: str = "127.0.0.1", port: int = 0) -> None:
        self.lock = threading.RLock()
        self.calls: list[Request] = []
        self.faults: list[Fault] = []
        self.crashes: list[str] = []
        self.clock = time.time
        self._server = _Server((address, port), _handler_for(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.daemon = True

    @property
    def url(self) -> str:
        """Address of the server."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def __enter__(self) -> Any:
        """Begins to answer."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops and lets go of the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
        if self.crashes and error is None:
            raise AssertionError("the stand-in crashed:\n" + self.crashes[0])

    def answer(self, request: Request) -> Answer:
        """Does what a call asks for."""
        raise NotImplementedError

    def count(self, method: str = "", path: str = "") -> int:
        """How many calls matched."""
        with self.lock:
            return sum(
                1
                for call in self.calls
                if (not method or call.method == method) and re.search(path, call.path)
            )

    def forget_calls(self) -> None:
        """Empties the log of calls."""
        with self.lock:
            self.calls.clear()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news here."""


def _handler_for(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            parts = urlsplit(self.path)
            request = Request(
                method=self.command,
                path=parts.path,
                query=parse_qs(parts.query, keep_blank_values=True),
                headers={name.lower(): value for name, value in self.headers.items()},
                raw=self.rfile.read(length),
            )
            with stand_in.lock:
                stand_in.calls.append(request)
                fault = next((f for f in stand_in.faults if f.hits(request)), None)
                answer: Answer | None = None
                if fault is not None and fault.drop == "before":
                    pass
                elif fault is not None and fault.answer is not None:
                    answer = fault.answer
                else:
                    try:
                        answer = stand_in.answer(request)
                    except Refusal as refusal:
                        answer = refusal.answer
                    except Exception:
                        # A mistake of the stand-in must not look like a fault of the network.
                        stand_in.crashes.append(traceback.format_exc())
                        answer = Answer(501, stand_in.crashes[-1])
            if fault is not None and fault.delay:
                time.sleep(fault.delay)
            if answer is None or (fault is not None and fault.drop == "after"):
                self._hang_up()
                return
            self._send(answer)

        def _hang_up(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def _send(self, answer: Answer) -> None:
            is_text = isinstance(answer.body, str)
            payload = answer.body.encode() if is_text else json.dumps(answer.body).encode()
            kind = "text/plain" if is_text else "application/json"
            self.send_response(answer.status)
            headers = {"content-type": kind, **answer.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _serve

    return Handler
