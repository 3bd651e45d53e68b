"""The process that tracks a run: ``python -m raysat.tracking.process REQUEST``. It ends with the one that started it.

By stdin comes the line ``end`` when the run is over; where stdin closes without it, whoever started this is gone. By
stdout goes a line of JSON (``Sent``) for each change. It is nice to whatever trains on the same machine.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from raysat.config.plugins.source import read_source
from raysat.config.plugins.use import use_plugin
from raysat.errors import RaysatError, with_options
from raysat.files import as_path
from raysat.tracking.follow import Follower
from raysat.tracking.models import Request, Sent
from raysat.tracking.source import Look, Source
from raysat.tracking.tracker import open_tracker

END: Final = b"end\n"
_NICENESS: Final = 15
# Trackers tell their makers of their use, and MLflow tries for minutes to reach a server that is gone; what the user
# has set stays.
_ENVIRONMENT: Final = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_SILENT": "true",
}


def main() -> int:
    """Do what is asked by the first argument; returns the exit code, 0 where all was sent."""
    request = Request.model_validate_json(sys.argv[1])
    told = _own_stdout()
    with suppress(OSError):
        os.nice(_NICENESS)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # whoever started this decides, by stdin
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    over = threading.Event()
    threading.Thread(target=_watch, args=(over,), daemon=True).start()
    state = Sent(kind=request.kind)

    def tell(sent: Sent) -> None:
        nonlocal state
        state = sent
        told(sent)

    try:
        _track(request, over, tell)
    except RaysatError as error:
        hint = with_options(error.hint_template) if error.hint_template else None
        tell(state.model_copy(update={"error": with_options(error.template), "hint": hint}))
        return 1
    return 0


def _track(request: Request, over: threading.Event, tell: Callable[[Sent], None]) -> None:
    for file in request.plugins:
        use_plugin(read_source(file))
    tracker = open_tracker(request.kind, Path(request.folder))
    sent = Sent(kind=request.kind, place=tracker.place)
    tell(sent)
    follower = Follower(Source(as_path(request.run)), tracker, sent, tell)
    if not (request.until_told or request.watch):
        follower.finish(over.wait)
        return
    was_alive = False

    def is_over(look: Look | None) -> bool:
        nonlocal was_alive
        ended = request.watch and look is not None and (look.is_complete or (was_alive and not look.is_alive))
        was_alive = was_alive or (look is not None and look.is_alive)
        return ended or over.is_set()

    follower.follow(is_over, over.wait)


def _watch(over: threading.Event) -> None:
    """Note the end of the run; end at once where whoever started this is gone."""
    while told := os.read(0, len(END)):  # not by sys.stdin, whose lock Python would miss when it ends
        if told == END:
            over.set()
            return
    os._exit(1)


def _own_stdout() -> Callable[[Sent], None]:
    """Keep stdout for what is told: what a tracker's package prints goes nowhere."""
    own = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def tell(sent: Sent) -> None:
        with suppress(OSError):  # nobody listens any more
            own.write(sent.model_dump_json().encode() + b"\n")

    return tell


if __name__ == "__main__":
    sys.exit(main())
