"""An S3 server with faults: moto's, behind a proxy that delays, fails, cuts or repeats requests while it is told to.

    python -m benchmarks.faulting.s3_server SEED [PID]

It serves on loopback, and on the switch of the hosts in whose network a process is. Prints "ready" and the URLs; each
line of its input is the name of a fault that begins (``Kind``), or "none"; it ends with its input. Each request is
disturbed by a chance that follows from the seed and the requests before it.
"""

from __future__ import annotations

import ctypes
import http.client
import logging
import os
import random
import sys
import threading
import time
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from benchmarks.faulting.schedule import Kind
from tests.helpers.object_store import s3_server

_SHARES: Final = {Kind.SLOW: 0.7, Kind.FAIL: 0.4, Kind.CUT: 0.3, Kind.REPEAT: 0.5, Kind.CLOCK: 1.0}  # of the requests
_SLOWEST: Final = 2.0  # seconds
SWITCH: Final = "10.77.0.254"  # where hosts find it
_MOVED: Final = timedelta(hours=-7)  # of the server's clock
_HOP: Final = frozenset({"connection", "transfer-encoding", "date", "server", "content-length"})
_ERROR: Final = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


class Faults:
    """What befalls requests."""

    def __init__(self, seed: int) -> None:
        self.fault: Kind | None = None
        self._rng, self._lock = random.Random(seed), threading.Lock()

    def draw(self) -> tuple[Kind | None, float]:
        """The fault of a request, and a share of how bad it is."""
        with self._lock:
            chance, badness = self._rng.random(), self._rng.random()
        fault = self.fault
        return (fault if fault is not None and chance < _SHARES[fault] else None), badness


class FaultyServer(ThreadingHTTPServer):
    """Hands requests on to a server on this machine."""

    daemon_threads = True

    def __init__(self, address: str, faults: Faults) -> None:
        super().__init__((address, 0), _Handler)
        self.behind, self.faults = "", faults
        self.url = f"http://{address}:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a connection that its client left."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def serve(self, behind: str) -> None:
        """Serve in a thread; ``behind`` is the URL of the server that does the work."""
        self.behind = behind.removeprefix("http://")
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    """Answers a request."""

    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault, badness = self.server.faults.draw()
        if fault is Kind.SLOW:
            time.sleep(badness * _SLOWEST)
        if fault is Kind.FAIL:
            self._send(503 if badness < 0.5 else 500, [("Content-Type", "application/xml")], _ERROR)
            return
        if fault is Kind.CUT and badness < 0.5:  # before anything was done
            self.close_connection = True
            return
        status, headers, content = self._ask(body)
        if fault is Kind.REPEAT and self.command in ("PUT", "DELETE"):
            self._ask(body)  # who asked hears of the first time
        if fault is Kind.CUT:
            self.close_connection = True
            return
        moved = timedelta(0) if fault is not Kind.CLOCK else _MOVED
        headers = [
            (name, _moved(value, moved) if name.lower() == "last-modified" else value) for name, value in headers
        ]
        self._send(status, [*headers, ("Date", format_datetime(datetime.now().astimezone() + moved))], content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer  # noqa: N815  (as http.server calls them)

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Hand the request on."""
        connection = http.client.HTTPConnection(self.server.behind, timeout=30)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        length = next((value for name, value in headers if name.lower() == "content-length"), str(len(content)))
        for name, value in headers:
            if name.lower() not in _HOP or name == "Date":
                self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  (as http.server calls it)
        """Say nothing."""


def _moved(date: str, by: timedelta) -> str:
    return format_datetime(parsedate_to_datetime(date) + by, usegmt=True)


def _enter_network(pid: int) -> None:
    """Go on in the network of another process; sockets that are open stay where they are."""
    libc = ctypes.CDLL(None, use_errno=True)
    handles = [os.open(f"/proc/{pid}/ns/{space}", os.O_RDONLY) for space in ("user", "net")]
    for handle in handles:
        if libc.setns(handle, 0):
            raise OSError(ctypes.get_errno(), "the network of the hosts cannot be entered")


def main() -> None:
    """Serve until the input ends."""
    seed, *switch = map(int, sys.argv[1:])
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    faults = Faults(seed)
    servers = [FaultyServer("127.0.0.1", faults)]
    for pid in switch:
        _enter_network(pid)
        servers.append(FaultyServer(SWITCH, faults))
    with s3_server() as behind:
        for server in servers:
            server.serve(behind)
        print("ready", *(server.url for server in servers), flush=True)
        for line in sys.stdin:
            faults.fault = None if line.strip() == "none" else Kind(line.strip())


if __name__ == "__main__":
    main()
