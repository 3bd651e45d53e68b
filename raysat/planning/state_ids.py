"""The states that a training passes through, each named by all that led to it: trials with a state in common share it.

A state's name is a hash chain. It begins with what decides a training from its start: data, model, optimiser, loss,
augmentation, seed. Each epoch adds what decides that epoch: the learning rate of its steps, the class weights, the
sampler. Which class counts a method goes by is named with the method. So a deferred method shares its epochs before the
switch with the plain one, and a constant schedule over 20 epochs is the first half of one over 40. The epochs of a
second stage come after these: it starts from the last state of the trial without it. How weights are averaged is no
part of it: an average is read along the way and changes nothing.

Every random decision of an epoch comes from (seed, purpose, epoch) (``training/seeding.py``), so that equal names are
equal weights, bit for bit on a CPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from raysat.config.families.base import ByCounts
from raysat.config.families.learning import Optim
from raysat.config.families.schedules import Schedule
from raysat.config.learning_rate import is_level, learning_rate
from raysat.config.milestones import reweight_at, sampler_at
from raysat.config.plugins.settings import PluginSettings
from raysat.config.schema import Config, canonical_json, canonical_object, digest, digest_text
from raysat.config.stages import stages

_BY_VALUE: Final = 500_000  # steps; 40 epochs of droughtwatch are 108,000
_NAMED_APART: Final = frozenset(
    {"synthetic", "reweight", "sampler", "schedule", "average", "second_stage", "readout"}
)  # by epoch, or no part of a state
_DIGITS: Final = 12  # of a learning rate in a name: more than two machines' cosines could differ in


@dataclass(frozen=True, slots=True)
class StateChain:
    """What names the states of a configuration, whatever the seed."""

    start: Mapping[str, str]  # what decides the start, as canonical JSON by key
    epochs: tuple[str, ...]  # what decides each epoch, as canonical JSON without its opening brace

    def ids(self, seed: int, also: Mapping[str, str]) -> tuple[str, ...]:
        """Name the states of a trial.

        Args:
            seed: of the trial.
            also: what else decides the numbers, as canonical JSON by key: the store, the numerics version, workers.

        Returns:
            The names after 0, 1 ... all of its epochs.
        """
        ids = [digest_text(canonical_object({**also, "seed": canonical_json(seed), **self.start}))]
        for epoch in self.epochs:
            ids.append(digest_text(f'{{"after":"{ids[-1]}",{epoch}'))  # "after" sorts before the other keys
        return tuple(ids)


def state_chain(config: Config, *, generated: Sequence[str], steps: int) -> StateChain:
    """Find what names the states of a configuration.

    Args:
        config: resolved (``resolve.py``).
        generated: the generate jobs whose patches it trains on.
        steps: batches per epoch.

    Returns:
        The chain, which names the states of each seed.
    """
    epochs = config.optim.epochs
    spec = {key: value for key, value in config.identity().items() if key not in _NAMED_APART}
    del spec["optim"]["epochs"], spec["optim"]["lr"]  # each epoch is named by its rates
    class_counts = counted(config)
    start: dict[str, Any] = {"config": spec, "generated": list(generated)}
    by_counts = any(isinstance(each, ByCounts | PluginSettings) for each in (config.loss, config.sharpness))
    by_counts = by_counts or isinstance(config.augment, ByCounts)
    start |= class_counts if by_counts else {}
    texts: dict[str, str] = {}  # equal ones are kept once
    settings = []
    for epoch, rates in enumerate(_rates(config.schedule, config.optim, steps)):
        reweight = reweight_at(config.reweight, epoch=epoch, epochs=epochs)
        sampler = sampler_at(config.sampler, epoch=epoch, epochs=epochs)
        decides = {
            "rates": rates,
            "reweight": reweight.model_dump(mode="json"),
            "sampler": sampler.model_dump(mode="json"),
            **(
                class_counts if any(isinstance(each, ByCounts | PluginSettings) for each in (reweight, sampler)) else {}
            ),
            **({"epochs": epochs} if isinstance(sampler, PluginSettings) else {}),  # it may defer
        }
        text = canonical_json(decides)[1:]
        settings.append(texts.setdefault(text, text))
    for stage in stages(config)[1:]:
        own = config.second_stage.model_dump(mode="json", exclude={"epochs", "lr"})
        for rates in _rates(stage.config.schedule, stage.config.optim, steps):
            settings.append(canonical_json({"rates": rates, "second_stage": own, **class_counts})[1:])
    return StateChain({key: canonical_json(value) for key, value in start.items()}, tuple(settings))


def counted(config: Config) -> dict[str, str]:
    """Name the class counts that methods go by where they are not those of all training patches."""
    return {"class_counts": "real"} if config.synthetic.class_counts == "real" else {}


@lru_cache(maxsize=1024)
def _rates(schedule: Schedule, optim: Optim, steps: int) -> tuple[str, ...]:
    """Name the learning rates of each epoch's steps: by their values, so that schedules that agree for a while share.

    After ``_BY_VALUE`` steps, rates that are not all the same are named by what they follow from: to compute each one
    would take minutes. Cycles of two trainings of different lengths are then no longer shared.
    """
    follow = {"schedule": schedule.model_dump(mode="json"), "lr": optim.lr, "epochs": optim.epochs, "steps": steps}
    names = []
    for epoch in range(optim.epochs):
        first = epoch * steps
        if is_level(schedule, step=first, steps=optim.epochs * steps):
            names.append(_level(_written(schedule, optim, first, steps), steps))
        elif first + steps <= _BY_VALUE:
            names.append(digest([_written(schedule, optim, step, steps) for step in range(first, first + steps)]))
        else:
            names.append(digest(follow))
    return tuple(names)


def _written(schedule: Schedule, optim: Optim, step: int, steps: int) -> str:
    return f"{learning_rate(schedule, optim, step=step, steps_per_epoch=steps):.{_DIGITS}g}"


@lru_cache(maxsize=1024)
def _level(rate: str, steps: int) -> str:
    """Name an epoch all of whose steps have the same rate."""
    return digest([rate] * steps)
