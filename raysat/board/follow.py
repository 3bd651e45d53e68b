"""Follows one run: reads what changed in its storage, and says what that changes on the page."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from threading import RLock
from typing import Final

from raysat.board.curves import Curves
from raysat.board.feed import Feed
from raysat.board.happened import Happened
from raysat.board.models import (
    DONE,
    FAILED,
    MISSING,
    RUNNING,
    CurveView,
    Delta,
    EventView,
    Failures,
    FailureView,
    Head,
    Leaders,
    SearchView,
    Snapshot,
    TabView,
)
from raysat.board.plan_view import PlanView
from raysat.board.running import Running
from raysat.board.searches import Searches
from raysat.board.trials import Trials
from raysat.errors import RaysatError
from raysat.files import AnyPath, file_exists, file_stamp
from raysat.formatting import elide_line
from raysat.search.log import FILE as SEARCH
from raysat.search.log import Log, read_log
from raysat.storage.event_log import LoggedEvent
from raysat.storage.ledger import Ledger
from raysat.storage.outcome import Outcomes
from raysat.storage.plan_file import PlanFile
from raysat.storage.progress import LastSeen, last_seen

MOST_ARMS: Final = 12  # whose curves are asked for at once
_LONGEST: Final = 500  # characters of a reason
_EMPTY: Final = PlanView(arms=(), seeds=(), trials=(), cells={}, saved=None)


class Follower:
    """What is known of a run; one thread looks, any may ask."""

    def __init__(self, run: AnyPath) -> None:
        """Look nowhere yet; ``run`` is its folder or URL."""
        self.run = run
        self.feed = Feed()
        self.trials = Trials(run)
        self.curves = Curves(self.trials.ledger)
        self._happened = Happened(run)
        self._running = Running()
        self._searches = Searches(self.trials.ledger)
        self._lock = RLock()
        self._plan: PlanFile | None = None
        self._view = _EMPTY
        self._stamps: dict[str, str | None] = {}
        self._cells: list[str] = []
        self._head = Head(study=run.name, place=str(run), is_there=False)
        self._search: SearchView | None = None
        self._log: Log | None = None
        self.leaders: Leaders | None = None
        self.version = 0  # of what has finished

    def look(self) -> None:
        """Read what changed, and add a message where anything did. What cannot be read is said in the head."""
        fault, ended, events, seen = None, False, [], None
        try:
            self._look_at_plan()
            ended = self._plan is not None and self.trials.look(self._plan.trial_ids)
            events = self._happened.look()
            seen = last_seen(self.trials.ledger)
            self._look_at_search()
        except RaysatError as error:
            fault = error.message
            self._stamps.clear()  # what could not be read is read again
        with self._lock:
            self.version += ended
            self._say(events, seen, fault)

    def snapshot(self) -> Snapshot:
        """All that is known but what is asked for by itself."""
        with self._lock:
            return Snapshot(
                revision=self.feed.revision,
                at=time.time(),
                kind="search" if self._log is not None else "run",
                head=self._head,
                reported=self._plan.reported if self._plan else "",
                classes=self._plan.classes if self._plan else (),
                arms=self._view.arms,
                seeds=self._view.seeds,
                cells="".join(self._cells),
                running=self._running.views,
                events=tuple(map(_event, self._happened.last)),
                leaders=self.leaders.version if self.leaders else 0,
                search=self._search.version if self._search else 0,
            )

    def tab(self) -> TabView:
        """How far it is, in short."""
        head = self._head
        return TabView(study=head.study, place=head.place, done=head.done, total=head.total, is_alive=head.is_alive)

    def search(self) -> SearchView | None:
        """The log of a search; None where the run is none."""
        return self._search

    def curves_of(self, arms: Sequence[int]) -> list[CurveView]:
        """Learning curves of some arms over their finished seeds; those that the plan does not have are left out."""
        with self._lock:
            width, trials, finished = len(self._view.seeds), self._view.trials, set(self.trials.finished)
            known = [arm for arm in dict.fromkeys(arms) if arm < len(self._view.arms)][:MOST_ARMS]
        of = {arm: [each for each in trials[arm * width : (arm + 1) * width] if each in finished] for arm in known}
        return [self.curves.of_arm(arm, [each for each in ids if each]) for arm, ids in of.items()]

    def failures(self, first: int, number: int) -> Failures:
        """Return a page of failures.

        Args:
            first: place of the first of them.
            number: how many at most.
        """
        with self._lock:
            cells = [cell for cell, state in enumerate(self._cells) if state == FAILED]
            shown = [(cell, self.trials.why(self._view.trials[cell] or "")) for cell in cells[first : first + number]]
        views = [
            FailureView(cell=cell, error=why.error, hint=why.hint, time=why.time, lines=why.lines)
            for cell, why in shown
            if why is not None
        ]
        return Failures(total=len(cells), failures=tuple(views))

    def outcomes(self) -> Outcomes | None:
        """What became of the trials of the plan; None where there is no plan."""
        with self._lock:
            if self._plan is None:
                return None
            ids = self._plan.trial_ids
            why = {trial: found.error for trial in ids if (found := self.trials.why(trial)) is not None}
            finished = self.trials.finished
            return Outcomes(finished={each: finished[each] for each in ids if each in finished}, unusable=why)

    def publish(self, leaders: Leaders) -> None:
        """Show a leaderboard from now on."""
        with self._lock:
            self.leaders = leaders
            self.feed.add(lambda revision: Delta(revision=revision, at=time.time(), leaders=leaders.version))

    def _look_at_plan(self) -> None:
        if not self._is_new("plan.json"):
            return
        plan = self.trials.ledger.read_plan() if file_exists(self.run / "plan.json") else None
        view = _EMPTY if plan is None else PlanView.of(plan)
        with self._lock:
            is_other = (view.arms, view.seeds, view.trials) != (self._view.arms, self._view.seeds, self._view.trials)
            self._plan, self._view = plan, view
            if is_other:
                self._cells = []
                self.feed.begin_anew()

    def _look_at_search(self) -> None:
        if not self._is_new(SEARCH):
            return
        log = read_log(self.run)
        if log is None:
            return
        with self._lock:
            is_first, self._log = self._log is None, log
            version = 1 if self._search is None else self._search.version + 1
            self._search = self._searches.view(log, version)
            if is_first:
                self.feed.begin_anew()
            self.feed.add(lambda revision: Delta(revision=revision, at=time.time(), search=version))

    def _is_new(self, name: str) -> bool:
        """Whether a file of the run is another than at the last look, or may be."""
        stamp = file_stamp(self.run / name)
        text = None if stamp is None else stamp.text
        if text == self._stamps.get(name):
            return False
        self._stamps[name] = text if stamp is None or stamp.settled(time.time()) else ""
        return True

    def _say(self, events: Sequence[LoggedEvent], seen: LastSeen | None, fault: str | None) -> None:
        """Add a message of what is another than before."""
        running = seen.running if seen is not None else ()
        before = self._running.views
        latest = self._running.look(running, self._view.cells, self._happened.hosts)
        cells = self._letters([job.job for job in running])
        is_first = not self._cells
        changed = [(place, new) for place, (old, new) in enumerate(zip(self._cells, cells, strict=False)) if old != new]
        self._cells = cells
        head = self._head_of(Counter(cells), seen, fault)
        is_moved = before != self._running.views
        if head == self._head and not changed and not is_moved and not events:
            return
        new_head, self._head = head if head != self._head else None, head
        self.feed.add(
            lambda revision: Delta(
                revision=revision,
                at=time.time(),
                head=new_head,
                cells=tuple(changed),
                running=latest if is_moved else None,
                events=tuple(map(_event, events)),
            )
        )
        if is_first and cells:
            self.feed.begin_anew()  # all cells at once are a snapshot

    def _letters(self, running: Sequence[str]) -> list[str]:
        """The state of each cell."""
        cells, now = self._view.empty, set(running)
        finished, why = self.trials.finished, self.trials.why
        for trial, places in self._view.cells.items():
            letter = DONE if trial in finished else RUNNING if trial in now else FAILED if why(trial) else MISSING
            for place in places:
                cells[place] = letter
        return cells

    def _head_of(self, states: Counter[str], seen: LastSeen | None, fault: str | None) -> Head:
        log, plan, status = self._log, self._plan, seen.status if seen else None
        counts = {"done": states[DONE], "running": states[RUNNING], "failed": states[FAILED]}
        if log is not None:
            states = Counter(candidate.state for candidate in log.candidates)
            counts = {"done": states["finished"] + states["stopped"], "failed": states["failed"]}
            counts["running"] = states["running"] if seen and seen.is_alive else 0
            total = len(log.candidates)
        else:
            total = len(self._cells) - states["-"]
        is_alive = seen is not None and seen.is_alive
        holder = None if seen is None else seen.holder or (f"pid {status.pid} on {status.host}" if status else None)
        happened = self._happened
        hosts = Counter(host for view in self._running.views if (host := view.host) is not None)
        return Head(
            study=log.study if log else plan.study if plan else self.run.name,
            place=str(self.run),
            is_there=plan is not None or log is not None,
            **counts,
            missing=total - sum(counts.values()),
            total=total,
            is_alive=is_alive,
            filled_by=holder,
            seen=None if status is None else status.time,
            began=happened.began,
            eta_seconds=status.eta_seconds if status and is_alive else None,
            per_hour=happened.per_hour(status.time) if status and is_alive else None,
            waiting=status.waiting if status and is_alive else 0,
            slots=happened.slots if is_alive else None,
            gpus=happened.gpus if is_alive else None,
            hosts=tuple(sorted(hosts.items())),
            saved=self._view.saved,
            fault=fault,
        )


def _event(event: LoggedEvent) -> EventView:
    return EventView(
        time=event.time,
        event=event.event,
        name=None if event.name is None else elide_line(event.name, _LONGEST),
        seed=event.seed,
        epoch=event.epoch or None,
        host=event.host,
        reason=None if event.reason is None else elide_line(event.reason, _LONGEST),
    )


def check_run(run: AnyPath) -> None:
    """Raise StorageError where a folder holds neither a run nor a search."""
    if not file_exists(run / SEARCH):
        Ledger.open(run)
