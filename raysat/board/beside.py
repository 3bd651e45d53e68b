"""A board beside a training: a process of its own, with less of the processor, that ends with the one that began it.

    python -m raysat.board.beside   # reads one line of JSON: the listening socket, the token, the runs

The token goes through a pipe, since others see command lines. The pipe stays open: where its other end is gone, however
that process ended, the board ends, too.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from socket import socket
from threading import Thread
from typing import Final

from pydantic import BaseModel, ConfigDict

from raysat.board.serve import bind, require_board, serve, url_of
from raysat.board.token import new_token
from raysat.files import AnyPath, as_path
from raysat.interrupts import removed_at_end

_NICER: Final = 10  # of 19: what trains goes first
_LOOK_S: Final = 1.0  # at whether the other process is there still
_PATIENCE_S: Final = 3.0


class _Task(BaseModel):
    """What a board beside a training is told."""

    model_config = ConfigDict(frozen=True)

    listener: int  # file descriptor
    token: str
    runs: tuple[str, ...]


@contextmanager
def board_beside(runs: Sequence[AnyPath]) -> Iterator[str]:
    """Serve a board of some runs, which need not be there yet, while this lasts; yields its address.

    Raises InstallationError where the extra ``board`` is not installed.
    """
    require_board()
    token = new_token()
    with bind(None) as listener:
        url = url_of(listener, token)
        task = _Task(listener=listener.fileno(), token=token, runs=tuple(map(str, runs)))
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "raysat.board.beside"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(listener.fileno(),),
            start_new_session=True,  # Ctrl-C is for the training; the board ends after it
        )
    with removed_at_end(lambda: _end(process)):
        with suppress(BrokenPipeError):
            process.stdin.write(task.model_dump_json().encode() + b"\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        yield url


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let go of the board, and wait until it is gone."""
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> None:
    """Be the board of another process, until that is gone."""
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICER)
    task = _Task.model_validate_json(sys.stdin.buffer.readline())

    def began(stop: Callable[[], None]) -> None:
        Thread(target=_until_gone, args=(parent, stop), daemon=True).start()

    with socket(fileno=task.listener) as listener:
        serve([as_path(run) for run in task.runs], listener, task.token, began)
    os._exit(0)  # whatever threads still read


def _until_gone(parent: int, stop: Callable[[], None]) -> None:
    """Stop the board once the pipe has no other end, or the process that made it is not there."""
    while os.getppid() == parent:
        ready, _, _ = select.select([sys.stdin.buffer], [], [], _LOOK_S)
        if ready and not os.read(sys.stdin.fileno(), 1):
            break
    stop()


if __name__ == "__main__":
    main()
