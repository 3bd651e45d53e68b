"""What a run tells whoever started it, in the order in which it happens: ``on_event`` gets each; views show them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from raysat.data.splits import Split
from raysat.execution.row import Row
from raysat.execution.run_state import RunState
from raysat.execution.store_news import StoreNews
from raysat.files import AnyPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What of a run was finished before; where that is all of it, nothing follows."""

    finished: int
    total: int | None  # None where that is not known
    noun: str  # what is counted: trial, candidate, generator


@dataclass(frozen=True, slots=True, kw_only=True)
class FromCache:
    """Finished work of other studies was taken from a cache; it is not trained."""

    cache: AnyPath
    trials: int
    total: int  # trials of the run
    generators: int
    others: tuple[str, ...]  # packages that made some of it, where this machine has another version: ``torch 2.5.1``


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFault:
    """The cache cannot be read or written; the run goes on without it."""

    cache: AnyPath
    error: str
    taking: bool  # else offering


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Another raysat holds the run; this one waits for it to end."""

    reason: str  # names the holder


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """Ray is at hand, and its dashboard if it has one."""

    dashboard: str | None  # URL
    token: Path | None = None  # file with what the dashboard asks for; None: the user's own, if any


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDashboard:
    """The dashboard of a Ray on this machine did not start; the run goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuShared:
    """How many trials share a GPU was chosen."""

    choice: str  # and why


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Jobs begin; ``state`` follows them from now on."""

    state: RunState
    slots: int  # jobs at a time, as the nodes are now
    most: int  # as nodes join
    workers: int  # of each job
    cpus: float  # of each worker
    gpus: float
    validation_split: Split | None  # whose scores the state holds; None where the store has none to be scored on


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A trial or generator goes on, or only time passes: then there is no row."""

    row: Row | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resized:
    """Nodes joined or left."""

    slots: int  # jobs at a time from now on


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLost:
    """A node was lost while jobs ran there, which go on elsewhere."""

    node: str  # its address
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUnfit:
    """A node gets no more jobs of this run: it has other versions than the driver, or a card with errors."""

    node: str  # address and name of the machine
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """The worker of a job ended by itself, which is tried again."""

    name: str  # of the trial or generator that comes next on the job
    seed: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """No job runs any more, whether all are done or not."""


Notice = (
    FromCache | CacheFault | Waiting | Connected | NoDashboard | GpuShared | Resized | NodeLost | NodeUnfit | Retrying
)
Event = Resumed | StoreNews | Started | Progress | Ended | Notice
OnEvent = Callable[[Event], None]


class Postbox:
    """Tells a listener what happens, and what other threads learn of when something else does: listeners have one."""

    def __init__(self, listener: OnEvent) -> None:
        self._listener = listener
        self._left: deque[Event] = deque()

    def __call__(self, event: Event) -> None:
        """Tell of an event, after those that were left."""
        while self._left:
            left = self._left.popleft()
            if not isinstance(event, Ended):  # too late to be of use
                self._listener(left)
        self._listener(event)

    def later(self, event: Event) -> None:
        """Leave an event, from any thread."""
        self._left.append(event)


def ignore(_: Event) -> None:
    """Show nothing."""


def to_all(*listeners: OnEvent) -> OnEvent:
    """Tell each of several, in this order."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell
