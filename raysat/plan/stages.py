"""From trials to the chains that workers train: a plan's stage tree, cut into paths.

Trials with a state in common (``state_ids.py``) share the job of getting there. Their states form a tree; a *chain* is
a path down it that one worker trains without a pause, reading out each trial that ends on the way. Where the tree
forks, the longest branch goes on in the same process; every other branch is a chain of its own, which starts from the
checkpoint at the fork as soon as that is reached (compare *Hippo*, Shin et al., VLDB 2020).

What is shared is a matter of the missing trials alone, and a checkpoint is named by its state: chains may be cut anew
whenever a study grows or a run goes on, and still find what earlier ones left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from raysat.config.families.learning import NoAverage
from raysat.config.schema import average_id
from raysat.plan.jobs import TrainJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """An average that a chain keeps up, for a trial that ends on it or on one that leaves it."""

    average: dict[str, Any]  # as JSON
    epochs: int  # of the trial's training
    until: int  # after which of the chain's epochs nobody needs it any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A path through the stage tree: epochs ``begins`` to its end, and the trials that end on it."""

    trials: tuple[TrainJob, ...]  # by where they end; the last one names the chain
    begins: int  # how many epochs it shares with the chain that it leaves; 0 where it leaves none
    forks: tuple[int, ...]  # epochs after which other chains leave it, ascending
    carried: tuple[Carried, ...]
    leaves: str | None = None  # the chain that it leaves

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
        """What must be there before it starts: generated patches, and the state at which it leaves another chain."""
        return self.trials[-1].needs + ((self.states[self.begins],) if self.begins else ())

    @property
    def images(self) -> int:
        """Images that pass through the model in its own epochs."""
        epochs = self.trials[-1].epochs
        return self.trials[-1].images // epochs * (epochs - self.begins)

    def payload(self) -> dict[str, Any]:
        """Describe the chain to a worker."""
        return {
            "job": self.id,
            "kind": "train",
            "trials": [{"id": job.id, "trial": job.trial.model_dump(mode="json")} for job in self.trials],
            "states": list(self.states),
            "begins": self.begins,
            "forks": list(self.forks),
            "carried": [{"average": each.average, "epochs": each.epochs, "until": each.until} for each in self.carried],
            "generated": list(self.trials[-1].needs),
        }


def chains(jobs: Sequence[TrainJob]) -> tuple[Chain, ...]:
    """Cut the stage tree of some trials into chains, in the order of their first trials; a pure function."""
    children: dict[str, dict[str, None]] = {}
    through: dict[str, list[TrainJob]] = {}  # state -> trials that pass it
    left: dict[str, int] = {}  # state -> epochs of the longest way on
    for job in jobs:
        for epoch, state in enumerate(job.states):
            through.setdefault(state, []).append(job)
            left[state] = max(left.get(state, 0), job.epochs - epoch)
            if epoch:
                children.setdefault(job.states[epoch - 1], {})[state] = None
    made: list[Chain] = []
    starts: list[tuple[str, int, str | None]] = [  # several branches from the very start share nothing
        (child, 0, None) for root in dict.fromkeys(job.states[0] for job in jobs) for child in children[root]
    ]
    while starts:
        state, begins, leaves = starts.pop(0)
        path, branches = [state], []
        while state in children:
            longest = max(children[state], key=left.__getitem__)  # the first of equals
            branches += [(child, begins + len(path)) for child in children[state] if child != longest]
            state = longest
            path.append(state)
        own = [job for epoch, passed in enumerate(path, begins + 1) for job in through[passed] if job.epochs == epoch]
        chain = Chain(
            trials=tuple(own),
            begins=begins,
            forks=tuple(dict.fromkeys(epoch for _, epoch in branches)),
            carried=_carried(own[-1].states, through[path[0]]),
            leaves=leaves,
        )
        made.append(chain)
        starts += [(child, epoch, chain.id) for child, epoch in branches]
    order = {job.id: index for index, job in enumerate(jobs)}
    return tuple(sorted(made, key=lambda chain: min(order[job.id] for job in chain.trials)))


def alone(job: TrainJob) -> Chain:
    """The chain of one trial by itself."""
    (chain,) = chains([job])
    return chain


def _carried(states: Sequence[str], jobs: Sequence[TrainJob]) -> tuple[Carried, ...]:
    """The averages of trials that share states with a chain, each as long as one of them is on it."""
    found: dict[str, Carried] = {}
    for job in jobs:
        average = job.trial.config.average
        if isinstance(average, NoAverage):
            continue
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(states, job.states, strict=False))) - 1
        key = average_id(average, job.epochs)
        if key not in found or found[key].until < shared:
            found[key] = Carried(average=average.model_dump(mode="json"), epochs=job.epochs, until=shared)
    return tuple(found.values())
