"""Trackers: send a run to MLflow, TensorBoard or W&B, after it was trained or while it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from raysat.api.runs import Run
from raysat.api.tracked import Tracked
from raysat.config.arguments import checked
from raysat.config.plugins.use import named_plugins
from raysat.errors import TrackerError, UsageError
from raysat.execution.cluster.python_path import raysat_path
from raysat.execution.events import Event, Progress
from raysat.files import AnyPath, absolute, as_path
from raysat.formatting import plural
from raysat.search.log import read_log
from raysat.storage.ledger import Ledger
from raysat.tracking.beside import DEADLINE_S, Beside, tracked_beside
from raysat.tracking.models import Request, Sent, TrackerKind
from raysat.tracking.tracker import check_installed, folder_of

_NO_ROOM: Final = "this machine has no room for its process"


@checked
def track(
    run: Run | AnyPath | Path | str,
    *,
    to: TrackerKind = "tensorboard",
    out: Path | str | None = None,
    watch: bool = False,
    on_change: Callable[[int, int], None] | None = None,
) -> Tracked:
    """Send a run, or a search, to a tracker: each trial as a run of its own. What was sent before is not sent again.

    Args:
        run: finished or not, trained here or elsewhere; a folder or a URL.
        to: the tracker. MLflow's server is ``MLFLOW_TRACKING_URI``, W&B's key ``WANDB_API_KEY`` or that of its login.
        out: where a tracker without a server keeps its files; by default in the run's folder, ``tracking``, and in
            ``runs/tracking`` for a run in an object store.
        watch: go on until the run ends, and send the curves of what trains meanwhile.
        on_change: is told from a thread how many trials are sent, and of how many.

    Returns:
        What was sent.

    Raises:
        StorageError: there is no run, or its plan is damaged.
        InstallationError: the tracker's package is missing.
        TrackerError: its server cannot be reached, or takes not all; what was sent stays.
    """
    path = run.path if isinstance(run, Run) else as_path(run)
    if read_log(path) is None:
        Ledger.open(path).read_plan()
    request = _request(path, to, None if out is None else Path(out)).model_copy(update={"watch": watch})
    told = on_change or (lambda _sent, _total: None)
    with tracked_beside(request, raysat_path(), lambda sent: told(sent.sent, sent.total)) as beside:
        sent = beside.wait()
    if sent.error is not None:
        done = f" after {sent.sent} of {plural(sent.total, 'trial')}" if sent.sent else ""
        raise TrackerError(f"{sent.error}{done}", hint=sent.hint or "the same command sends the rest")
    return Tracked.of(path, sent)


@dataclass(slots=True)
class Trackers:
    """The trackers of a run that trains; give it the run's events. They start when its first job has."""

    run: AnyPath
    requests: tuple[Request, ...]  # one a tracker
    _stack: ExitStack = field(default_factory=ExitStack)
    _processes: list[Beside] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        """Start them with the first job; that they cannot is no reason to stop it."""
        if not self._processes and isinstance(event, Progress) and event.row is not None and event.row.epoch:
            with suppress(OSError):
                self.start()

    def start(self) -> None:
        """Start their processes. Raises OSError where the machine has no room for them."""
        path = raysat_path()
        for request in self.requests[len(self._processes) :]:
            self._processes.append(self._stack.enter_context(tracked_beside(request, path)))

    def end(self, *, interrupted: bool = False) -> tuple[Tracked, ...]:
        """Let them send what is left, for 20 s at most; after an interrupt they end at once."""
        if not interrupted:
            with suppress(OSError):
                self.start()
        deadline = time.monotonic() + (0.0 if interrupted else DEADLINE_S)
        for process in self._processes:
            process.say_end()
        sent = [process.ended(max(0.0, deadline - time.monotonic())) for process in self._processes]
        sent += [Sent(kind=each.kind, error=_NO_ROOM) for each in self.requests[len(sent) :]]
        self.close()
        return tuple(Tracked.of(self.run, each) for each in sent)

    def close(self) -> None:
        """End their processes at once."""
        self._stack.close()
        self._processes.clear()


@contextmanager
def trackers(run: AnyPath, kinds: Sequence[TrackerKind]) -> Iterator[Trackers]:
    """Track a run while it is trained here; nothing of that outlives this.

    Args:
        run: its folder, which need not be there yet.
        kinds: of trackers.

    Yields:
        What is to be told of its events, and asked to ``end``.

    Raises:
        UsageError: a tracker is named twice.
        InstallationError: a tracker's package is missing.
        StorageError: the folder for its files is a link.
    """
    if len(set(kinds)) < len(kinds):
        raise UsageError("{--track} names a tracker twice", hint="name each once")
    requests = tuple(_request(run, kind, None).model_copy(update={"until_told": True}) for kind in kinds)
    tracking = Trackers(run, requests)
    try:
        yield tracking
    finally:
        tracking.close()


def _request(run: AnyPath, kind: TrackerKind, out: Path | None) -> Request:
    check_installed(kind)
    folder, plugins = folder_of(run, kind, given=out), tuple(source.place for source in named_plugins())
    return Request(run=str(absolute(run)), kind=kind, folder=str(folder), plugins=plugins)
