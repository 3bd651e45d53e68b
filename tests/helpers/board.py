"""A board that is served for a test, and plain requests to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

from raysat.board.serve import bind, serve, url_of
from raysat.files import AnyPath
from tests.helpers.patience import PATIENCE_S

TOKEN = "a-token-of-a-test"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Served:
    """A board that answers."""

    url: str
    port: int

    def ask(self, path: str, method: str = "GET", token: str = TOKEN, **headers: str) -> Answer:
        """Send a request as it is written; names of headers have underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(
            method, f"/{token}/{path}" if token else path, skip_host="host" in named, skip_accept_encoding=True
        )
        for name, value in named.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        found = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        connection.close()
        return found

    @contextmanager
    def stream(self, path: str, **headers: str) -> Iterator[Callable[[], dict[str, str]]]:
        """Open a stream; yields what reads the next message of it, comments and the retry passed over."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", f"/{TOKEN}/{path}", headers=named)
        answer = connection.getresponse()
        assert answer.headers["content-type"].startswith("text/event-stream")

        def next_message() -> dict[str, str]:
            found: dict[str, str] = {}
            while True:
                line = answer.readline().decode().rstrip("\n")
                if not line and "data" in found:
                    return found
                name, colon, value = line.partition(": ")
                if colon and name not in {"", "retry"}:
                    found[name] = value

        try:
            yield next_message
        finally:
            answer.close()
            connection.close()


@contextmanager
def served(*runs: AnyPath) -> Iterator[Served]:
    """Serve a board of runs from a thread, until the end of this."""
    stops: list[Callable[[], None]] = []
    is_on = Event()

    def began(stop: Callable[[], None]) -> None:
        stops.append(stop)
        is_on.set()

    with bind(0) as listener:
        thread = Thread(target=serve, args=(runs, listener, TOKEN, began), daemon=True)
        thread.start()
        assert is_on.wait(PATIENCE_S)
        yield Served(url_of(listener, TOKEN), listener.getsockname()[1])
        stops[0]()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
