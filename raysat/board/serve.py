"""Serves a board on this machine alone, until it is stopped."""

from __future__ import annotations

import errno
import socket
import tempfile
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Thread
from typing import Final

from raysat.board.follow import Follower
from raysat.board.server import make_app
from raysat.errors import UsageError
from raysat.files import AnyPath
from raysat.installation import extra_module
from raysat.interrupts import stops_in_order

HOST: Final = "127.0.0.1"  # nobody else's: over ssh, a tunnel leads here
PORT: Final = 8765  # unless another is asked for, or something has it
_BACKLOG: Final = 64
_GRACE_S: Final = 1  # for streams, which never end by themselves


def bind(port: int | None) -> socket.socket:
    """Take a port of this machine's own address: the given one; by default the board's, or any that is free.

    Raises UsageError where the given one is taken, or is not to be had.
    """
    for wanted in (PORT, 0) if port is None else (port,):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, wanted))
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            if wanted != port:
                continue
            why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
            hint = "choose another with {--port}, or let one be chosen: --port 0"
            raise UsageError(f"port {wanted} of {HOST} {why}", hint=hint) from None
        return listener
    raise UsageError(f"no port of {HOST} is free", hint="end what holds them")


def url_of(listener: socket.socket, token: str) -> str:
    """The address of a board."""
    return f"http://{HOST}:{listener.getsockname()[1]}/{token}/"


def require_board() -> None:
    """Raise InstallationError where the extra ``board`` is not installed."""
    extra_module("starlette", extra="board")
    extra_module("uvicorn", extra="board")


def serve(
    runs: Sequence[AnyPath],
    listener: socket.socket,
    token: str,
    began: Callable[[Callable[[], None]], None] | None = None,
) -> None:
    """Serve a board until it is stopped: in order by an interrupt, or by whoever has the way to.

    Args:
        runs: their folders and URLs.
        listener: where it is asked.
        token: that is to be in each address.
        began: called at the start with what stops the board, from any thread.

    Raises:
        InstallationError: the extra ``board`` is not installed.
    """
    uvicorn = extra_module("uvicorn", extra="board")
    config = uvicorn.Config(
        make_app([Follower(run) for run in runs], token),
        access_log=False,  # addresses hold the token
        date_header=False,
        http="h11",
        log_level="critical",
        loop="asyncio",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        ws="none",
    )
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # what they mean to a command, raysat knows

    def stop() -> None:
        server.should_exit = True

    if began is not None:
        began(stop)
    with stops_in_order(stop):
        server.run(sockets=[listener])


@contextmanager
def opened(url: str) -> Iterator[None]:
    """Open a page in this user's browser, by way of a file that nobody else reads: other users see command lines."""
    with tempfile.TemporaryDirectory(prefix="raysat-board-") as folder:
        file = Path(folder) / "board.html"
        file.write_text(f'<meta http-equiv="refresh" content="0; url={url}"><a href="{url}">raysat board</a>\n')
        Thread(target=webbrowser.open, args=(file.as_uri(),), daemon=True).start()
        yield
