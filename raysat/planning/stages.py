"""From trials to the jobs that train them: a plan's stage tree, cut into paths.

Trials with a state in common (``state_ids.py``) share the work of getting there. Their states form a tree; a *train
job* is a path down it that one worker trains without a pause, reading out each trial that ends on the way. Where the
tree forks, the longest branch continues in the same process; every other branch is a job of its own, which starts from
the checkpoint at the fork as soon as that is reached (compare *Hippo*, Shin et al., VLDB 2020).

What is shared is a matter of the missing trials alone, and a checkpoint is named by its state: jobs may be cut anew
whenever a study grows or a run is resumed, and still find what earlier ones left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from raysat.config.families.learning import Average, NoAverage
from raysat.config.schema import average_id
from raysat.planning.jobs import GenerateJob, PlannedTrial


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedAverage:
    """An average that a job keeps up, for a trial that ends on it or on one that leaves it."""

    average: Average
    epochs: int  # of the trial's training
    last_epoch: int  # of the job after which nobody needs it any more

    @property
    def id(self) -> str:
        """Its name in a checkpoint."""
        return average_id(self.average, self.epochs)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainJob:
    """A path through the stage tree, from ``start_epoch`` to its end, and the trials that end on it."""

    trials: tuple[PlannedTrial, ...]  # by where they end; the last one names the job
    start_epoch: int  # how many epochs it shares with its parent; 0 without one
    fork_epochs: tuple[int, ...]  # epochs after which other jobs leave it, ascending
    tracked_averages: tuple[TrackedAverage, ...]
    parent: str | None = None  # the job that it leaves
    stoppable: bool = False  # a search may end it early
    replay_history: bool = False  # a search wants to hear of epochs from a checkpoint too, not of the last alone

    @property
    def id(self) -> str:
        """The id of its last trial."""
        return self.trials[-1].id

    @property
    def states(self) -> tuple[str, ...]:
        """Names of its states, from the start of training."""
        return self.trials[-1].states

    @property
    def needs(self) -> tuple[str, ...]:
        """What must be there before it starts: generated patches, and the state at which it leaves its parent."""
        return self.trials[-1].needs + ((self.states[self.start_epoch],) if self.start_epoch else ())

    @property
    def makes(self) -> tuple[str, ...]:
        """What other jobs may need of it: the states that are its own."""
        return self.states[self.start_epoch + 1 :]

    @property
    def items(self) -> tuple[PlannedTrial, ...]:
        """What has a record of its own."""
        return self.trials

    @property
    def samples_seen(self) -> int:
        """Images that pass through the model in its own epochs."""
        return self.trials[-1].images_after(self.start_epoch)

    def averages_needed(self, epoch: int) -> frozenset[str]:
        """Names of the averages that somebody needs in an epoch (1-based)."""
        return frozenset(tracked.id for tracked in self.tracked_averages if epoch <= tracked.last_epoch)

    def __str__(self) -> str:
        return self.id  # Ray Tune names its folders by it


Job = GenerateJob | TrainJob  # a node of the plan's graph


def train_jobs(trials: Sequence[PlannedTrial]) -> tuple[TrainJob, ...]:
    """Cut the stage tree of some trials into jobs, in the order of their first trials; a pure function."""
    children: dict[str, dict[str, None]] = {}
    passing: dict[str, list[PlannedTrial]] = {}  # state -> trials that pass it
    remaining: dict[str, int] = {}  # state -> epochs of the longest way on
    for trial in trials:
        for epoch, state in enumerate(trial.states):
            passing.setdefault(state, []).append(trial)
            remaining[state] = max(remaining.get(state, 0), trial.epochs - epoch)
            if epoch:
                children.setdefault(trial.states[epoch - 1], {})[state] = None
    jobs: list[TrainJob] = []
    starts: deque[tuple[str, int, str | None]] = deque(  # several branches from the very start share nothing
        (child, 0, None) for root in dict.fromkeys(trial.states[0] for trial in trials) for child in children[root]
    )
    while starts:
        state, start_epoch, parent = starts.popleft()
        path, branches = [state], []
        while state in children:
            longest = max(children[state], key=remaining.__getitem__)  # the first of equals
            branches += [(child, start_epoch + len(path)) for child in children[state] if child != longest]
            state = longest
            path.append(state)
        ending = [
            trial
            for epoch, passed in enumerate(path, start_epoch + 1)
            for trial in passing[passed]
            if trial.epochs == epoch
        ]
        job = TrainJob(
            trials=tuple(ending),
            start_epoch=start_epoch,
            fork_epochs=tuple(dict.fromkeys(epoch for _, epoch in branches)),
            tracked_averages=_tracked_averages(ending[-1].states, passing[path[0]]),
            parent=parent,
        )
        jobs.append(job)
        starts += [(child, epoch, job.id) for child, epoch in branches]
    order = {trial.id: index for index, trial in enumerate(trials)}
    return tuple(sorted(jobs, key=lambda job: min(order[trial.id] for trial in job.trials)))


def longest_first(jobs: Sequence[TrainJob]) -> list[TrainJob]:
    """Order jobs for slots that are fewer: what is short comes last, and fills what the others leave of the machine.

    Seeds stay in their order, so that a study that is stopped early has compared all arms on those that it finished.
    """
    seeds = {seed: place for place, seed in enumerate(dict.fromkeys(job.trials[-1].seed for job in jobs))}
    return sorted(jobs, key=lambda job: (seeds[job.trials[-1].seed], -job.samples_seen))


def shared_prefixes(trials: Sequence[PlannedTrial]) -> list[tuple[int, int] | None]:
    """Of each trial: the place of the first before it with which it shares the most epochs, and how many; else None."""
    first: dict[str, int] = {}  # state -> the first trial that passes it
    found: list[tuple[int, int] | None] = []
    for place, trial in enumerate(trials):
        known = ((first[state], epochs) for epochs, state in reversed(list(enumerate(trial.states))) if state in first)
        longest = next(known, None)
        found.append(longest if longest and longest[1] else None)
        for state in trial.states:
            first.setdefault(state, place)
    return found


def shared_samples(trials: Sequence[PlannedTrial]) -> int:
    """Count the images that pass through models where each state that several trials pass through is trained once."""
    seen: set[str] = set()
    samples = 0
    for trial in trials:
        known = next(epoch for epoch in range(trial.epochs, -1, -1) if not epoch or trial.states[epoch] in seen)
        seen.update(trial.states[known + 1 :])
        samples += trial.images_after(known)
    return samples


def unshared_job(trial: PlannedTrial) -> TrainJob:
    """The job that trains one trial by itself."""
    (job,) = train_jobs([trial])
    return job


def shared_epochs(states: Sequence[str], others: Sequence[str]) -> int:
    """How many epochs two trainings with a common start share; -1 where they start from different states."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(states, others, strict=False))) - 1


def _tracked_averages(states: Sequence[str], trials: Sequence[PlannedTrial]) -> tuple[TrackedAverage, ...]:
    """The averages of trials that share states with a job, each as long as one of them is on it."""
    tracked: dict[str, TrackedAverage] = {}
    for trial in trials:
        average = trial.trial.config.average
        if isinstance(average, NoAverage):
            continue
        last_epoch = shared_epochs(states, trial.states)
        key = average_id(average, trial.epochs)
        if key not in tracked or tracked[key].last_epoch < last_epoch:
            tracked[key] = TrackedAverage(average=average, epochs=trial.epochs, last_epoch=last_epoch)
    return tuple(tracked.values())
