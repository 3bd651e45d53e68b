"""All that the board's page is sent, as typed models: the one schema between what reads a run and what draws it.

Arms and seeds are told by their place in the snapshot; trials are the cells of arms x seeds, row by row. Times are
seconds since 1970 by this machine's clock, and each message says what that clock was.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

DONE, RUNNING, FAILED, MISSING, NONE = "drfm-"  # of a cell; NONE where the study does not ask for it


class Sent(BaseModel):
    """Base of what is sent."""

    model_config = ConfigDict(frozen=True)


class ArmView(Sent):
    """An arm, and where it leaves the arm that it shares the most epochs with."""

    name: str  # short where it has a short one
    settings: str  # those that not all arms have, or its long name
    epochs: int | None  # None where its plan does not say
    parent: int | None = None  # place of an arm before it
    fork: int = 0  # epochs that they have in common


class RunningView(Sent):
    """A trial or a generator that trains now."""

    cell: int | None  # None for a generator, a candidate and what the plan does not have
    name: str
    seed: int | None
    epoch: int
    epochs: int
    host: str | None = None  # as the events say
    trail: tuple[tuple[int, float, float], ...] = ()  # epoch, balanced accuracy and ICV, as far as this board saw them


class Head(Sent):
    """How far a run is, who fills it, and where."""

    study: str
    place: str  # its folder or URL
    is_there: bool = True  # False: nothing of it is written yet
    done: int = 0
    running: int = 0
    failed: int = 0
    missing: int = 0
    total: int = 0
    is_alive: bool = False
    filled_by: str | None = None
    seen: float | None = None  # when it last wrote how far it is
    began: float | None = None
    eta_seconds: float | None = None  # that it expected to need when it was seen
    per_hour: float | None = None  # trials that end
    waiting: int = 0  # jobs without a slot
    slots: str | None = None  # in words, as the last event of it says
    gpus: str | None = None  # the same: how many trials share one
    hosts: tuple[tuple[str, int], ...] = ()  # and how many jobs each works on
    saved: float | None = None  # share of the images that need no training, as epochs are shared
    fault: str | None = None  # why what is shown is not what there is


class EventView(Sent):
    """Something that happened."""

    time: float
    event: str
    name: str | None
    seed: int | None
    epoch: int | None
    host: str
    reason: str | None


class FailureView(Sent):
    """Why a trial failed, or why its record cannot be used."""

    cell: int
    error: str
    hint: str | None = None
    time: float | None = None
    lines: tuple[str, ...] = ()  # the last of its traceback


class Failures(Sent):
    """A page of failures, in the order of the cells."""

    total: int
    failures: tuple[FailureView, ...]


class Snapshot(Sent):
    """All of a run but its curves, its leaderboard and its failures, which are asked for."""

    revision: int
    at: float
    kind: Literal["run", "search"]
    head: Head
    reported: str = ""  # split
    classes: tuple[str, ...] = ()
    arms: tuple[ArmView, ...] = ()
    seeds: tuple[int, ...] = ()
    cells: str = ""  # a letter each
    running: tuple[RunningView, ...] = ()
    events: tuple[EventView, ...] = ()  # the last ones, the latest last
    leaders: int = 0  # version of the leaderboard
    search: int = 0  # version of the search's log


class Delta(Sent):
    """What changed since the revision before; None and empty for what did not."""

    revision: int
    at: float
    head: Head | None = None
    cells: tuple[tuple[int, str], ...] = ()
    running: tuple[RunningView, ...] | None = None  # with the last point of each trail alone
    events: tuple[EventView, ...] = ()
    leaders: int | None = None
    search: int | None = None


class Band(Sent):
    """One metric of an arm after each epoch over its seeds; None where there is no number."""

    mean: tuple[float | None, ...]
    low: tuple[float | None, ...]  # the lowest seed
    high: tuple[float | None, ...]
    half: tuple[float | None, ...]  # half of the 95 % interval of the mean, by Student's t; None for one seed


class CurveView(Sent):
    """An arm's learning curves over its finished seeds."""

    arm: int
    n: int
    epochs: tuple[int, ...]
    balanced_accuracy: Band  # on the val split
    icv: Band
    loss: Band  # in training
    fault: str | None = None  # why seeds are left out


class MetricView(Sent):
    """A mean over seeds and its 95 % interval, as numbers and as a report writes them."""

    value: float | None
    low: float | None = None
    high: float | None = None
    text: str
    below: str


class LeaderView(Sent):
    """A row of the leaderboard."""

    arm: int
    rank: str
    n: str
    is_tied: bool  # with the best: the interval of the difference includes zero
    metrics: tuple[MetricView, ...]  # in the order of ``Leaders.metrics``
    to_best: MetricView | None = None


class Leaders(Sent):
    """The leaderboard of what has finished."""

    version: int
    at: float  # when what it rests on was read
    finished: int  # trials that it rests on
    intervals: int  # arms that have theirs already
    arms: int  # that have a finished trial
    patches: int | None
    metrics: tuple[tuple[str, str], ...]  # name and label
    total: int = 0  # rows in all
    low: float | None = None  # lowest and highest end of any interval of the first metric, and the best mean
    high: float | None = None
    best: float | None = None
    rows: tuple[LeaderView, ...]  # best first; where a page is asked for, those of it
    fault: str | None = None

    def page(self, first: int, number: int) -> Leaders:
        """So many rows from a place on."""
        return self.model_copy(update={"rows": self.rows[first : first + number]})


class CandidateView(Sent):
    """One configuration that a search tried."""

    number: int
    name: str
    state: str
    epoch: int  # that it has reached
    val: float | None  # balanced accuracy
    icv: float | None
    test: float | None
    best: float | None  # on val, of all up to it
    settings: str
    error: str | None = None  # why it failed


class SearchView(Sent):
    """The log of a search."""

    version: int
    seconds: float
    patches: tuple[tuple[str, int], ...]
    candidates: tuple[CandidateView, ...]


class TabView(Sent):
    """One of the runs of a board."""

    study: str
    place: str
    done: int
    total: int
    is_alive: bool
