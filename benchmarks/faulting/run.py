"""One disturbed run: started, struck, started again until it ends by itself, and compared with the undisturbed one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from benchmarks.faulting.judge import Seal, problems, seal
from benchmarks.faulting.machine import SLOTS, Machine
from benchmarks.faulting.schedule import Fault, Kind, Schedule
from benchmarks.faulting.study import Work
from tests.helpers.processes import command

_LONGEST_S: Final = 600.0  # of a command, by far and on a busy machine too: else it hangs
_LOOK_S: Final = 0.05
_EPOCHS_LOST: Final = 2  # by a worker that ends: the one in training, and the one that is being saved meanwhile
_ALLOWED: Final = (0, 1, 3, 130, 143, -9, -15)  # exit codes of a command that was disturbed
_NAME: Final = 120  # characters shown of a process
_SHOWN: Final = 4000  # characters of what a command printed


@dataclass(slots=True, kw_only=True)
class Result:
    """What became of a schedule."""

    schedule: Schedule
    needed: int  # images
    trained: int = 0
    lost: int = 0  # images that the faults could lose
    struck: list[Fault] = field(default_factory=list)  # those that found something to befall
    commands: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    printed: str = ""

    def __str__(self) -> str:
        state = "equal" if not self.problems else "FAILED"
        return (
            f"{self.schedule}\n    {state}: {len(self.struck)} of {len(self.schedule.faults)} struck, "
            f"{self.commands} commands, {self.trained:,} images of {self.needed:,}, {self.seconds:.0f} s"
            + "".join(f"\n    {problem}" for problem in self.problems)
        )


class _Run:
    """A run in progress."""

    def __init__(self, schedule: Schedule, place: Machine, work: Work) -> None:
        self.result = Result(schedule=schedule, needed=work.needed)
        self._place, self._work = place, work
        self._waiting = list(schedule.faults)
        self._due: tuple[Fault, float] | None = None  # the next one whose count of epochs is reached, and its moment
        self._lasting: list[tuple[Fault, float, int]] = []  # when they end, and the epochs begun when they began
        self._seals: dict[str, Seal] = {}

    def finish(self) -> None:
        """Start the command until it ends by itself."""
        for _ in range(len(self._waiting) + 2):
            code, struck = self._command()
            self._note_finished()
            if left := self._place.await_end():
                names = ", ".join(sorted({command(pid).strip()[:_NAME] for pid in left}))
                self._problem(f"command {self.result.commands} ended and left {len(left)} processes: {names}")
            if "Traceback" in self._place.printed():
                self._problem("a traceback was printed")
            if code == 0:
                self._mend(time.monotonic(), wait=True)
                return
            if code not in _ALLOWED or not (struck or self._may_miss_a_node):
                self._problem(f"exit code {code} after {len(struck)} faults")
                return
            self._mend(time.monotonic(), wait=True)
        self._problem("the command did not end well when all faults were over")

    @property
    def _may_miss_a_node(self) -> bool:
        """Whether the cluster may have given up a machine that was cut off, and on which a command then cannot run."""
        return any(fault.kind is Kind.CUT and fault.target in ("machine", "link") for fault in self.result.struck)

    def _command(self) -> tuple[int, list[Fault]]:
        """Run the command once; its exit code, and what struck it."""
        began, driver, before = time.monotonic(), self._place.start(), len(self.result.struck)
        struck_before = [fault for fault, *_ in self._lasting]
        self.result.commands += 1
        while (code := driver.poll()) is None:
            now = time.monotonic()
            if now - began > _LONGEST_S:
                self._problem(f"the command has not ended after {_LONGEST_S:.0f} s")
                self._place.end()
            self._mend(now)
            self._strike(now, began)
            time.sleep(_LOOK_S)
        return code, struck_before + self.result.struck[before:]

    def _strike(self, now: float, began: float) -> None:
        """Have the next fault happen where it is time."""
        if self._due is None and self._waiting:
            first = self._waiting[0]
            if not first.epochs:
                self._due = (first, began + first.delay)
            elif len(self._place.begun()) >= first.epochs:
                self._due = (first, now + first.delay)
        if self._due is None or now < self._due[1]:
            return
        fault = self._due[0]
        self._note_finished()
        if not self._place.strike(fault):
            return  # its target is not there now
        self._waiting.remove(fault)
        self._due = None
        self.result.struck.append(fault)
        self.result.lost += self._loss(fault)
        if fault.length:
            self._lasting.append((fault, now + fault.length, len(self._place.begun())))

    def _mend(self, now: float, *, wait: bool = False) -> None:
        """Undo the faults whose length is over, or wait for all of them."""
        for lasting in list(self._lasting):
            fault, end, begun = lasting
            if wait:
                time.sleep(max(0.0, end - time.monotonic()))
            elif now < end:
                continue
            self._place.mend(fault)
            self._lasting.remove(lasting)
            if not fault.ends_nothing:  # what was trained meanwhile may not have been saved
                self.result.lost += sum(images for _, images in self._place.begun()[begun:])

    def _note_finished(self) -> None:
        new = {trial: seal(self._place.run, trial) for trial in self._work.trials.keys() - self._seals.keys()}
        begun = len(self._place.begun())  # afterwards: what was begun before a trial was seen to be finished
        self._seals |= {trial: Seal(found, begun) for trial, found in new.items() if found}

    def judge(self, undisturbed: Mapping[str, str]) -> None:
        """Compare what the run came to, and what it trained."""
        self.result.trained = sum(images for _, images in self._place.begun())
        for problem in problems(self._place, self._work, undisturbed, seals=self._seals, lost=self.result.lost):
            self._problem(problem)

    def _loss(self, fault: Fault) -> int:
        """Images that are trained twice at most, since a fault ends workers."""
        if fault.ends_nothing:
            return 0
        workers = 1 if fault.target == "slot" else SLOTS
        return workers * _EPOCHS_LOST * self._work.per_epoch + self._work.generated

    def _problem(self, text: str) -> None:
        if not self.result.printed:
            self.result.printed = self._place.printed()[-_SHOWN:]
        if text not in self.result.problems:
            self.result.problems.append(text)


def run_schedule(schedule: Schedule, place: Machine, work: Work, undisturbed: Mapping[str, str]) -> Result:
    """Run a study under a schedule of faults.

    Args:
        schedule: what happens.
        place: where it runs.
        work: what the study must train.
        undisturbed: what it comes to when nothing happens.

    Returns:
        What became of it.
    """
    began = time.monotonic()
    run = _Run(schedule, place, work)
    run.finish()
    run.judge(undisturbed)
    run.result.seconds = time.monotonic() - began
    return run.result
