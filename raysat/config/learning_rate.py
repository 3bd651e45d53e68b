"""Learning rates as pure functions of the step, so that a run can be resumed or forked at any epoch without state."""

from __future__ import annotations

import math
from numbers import Real
from typing import assert_never

from raysat.config.families.learning import Optim
from raysat.config.families.schedules import (
    Constant,
    Cosine,
    ExpRange,
    MultiStep,
    OneCycle,
    Schedule,
    Triangular,
    Triangular2,
)
from raysat.config.limits import RATE
from raysat.config.milestones import epoch_at, warmup_steps
from raysat.config.plugins.settings import ScheduleSettings
from raysat.config.plugins.use import call, wrong_result


def learning_rate(schedule: Schedule, optim: Optim, *, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of a step.

    Cyclic schedules and one-cycle bring their own rates; the others shape the optimiser's.

    Args:
        schedule: how the rate moves.
        optim: whose ``lr`` and ``epochs`` count.
        step: 0-based, over the whole training; the step after the last is where the schedule ends.
        steps_per_epoch: batches of an epoch.
    """
    steps = optim.epochs * steps_per_epoch
    match schedule:
        case Constant():
            rate = optim.lr
        case MultiStep():
            epoch = step // steps_per_epoch
            rate = optim.lr * schedule.gamma ** sum(epoch_at(m, optim.epochs) <= epoch for m in schedule.milestones)
        case Cosine():
            rate = _cosine(optim.lr, schedule.final_lr, step / steps)
        case Triangular() | Triangular2() | ExpRange():
            return _cyclic(schedule, step=step, steps_per_epoch=steps_per_epoch)
        case OneCycle():
            return _one_cycle(schedule, step=step, steps=steps)
        case ScheduleSettings():
            return _of_plugin(schedule, optim, step=step, steps_per_epoch=steps_per_epoch)
        case _:
            assert_never(schedule)
    rising = warmup_steps(schedule.warmup, steps)  # linear (Goyal et al. 2017): 1/w, 2/w ... over the first w steps
    return rate * ((step + 1) / rising if step < rising else 1.0)


def is_level(schedule: Schedule, *, step: int, steps: int) -> bool:
    """Return whether the rate stays the same throughout an epoch; False where it may move, if only by rounding.

    Args:
        schedule: how the rate moves.
        step: the epoch's first, 0-based.
        steps: of the whole training.
    """
    return isinstance(schedule, Constant | MultiStep) and step >= warmup_steps(schedule.warmup, steps)


def _of_plugin(schedule: ScheduleSettings, optim: Optim, *, step: int, steps_per_epoch: int) -> float:
    """The rate of a plugin's schedule. Raises PluginError where it is none."""
    rate = call(schedule, step, optim.epochs * steps_per_epoch, steps_per_epoch=steps_per_epoch, lr=optim.lr)
    if not isinstance(rate, Real) or not 0 <= float(rate) <= RATE:
        raise wrong_result(schedule, f"gives {rate!r} at step {step:,}: a rate is from 0 to {RATE:,}")
    return float(rate)


def _cyclic(schedule: Triangular | Triangular2 | ExpRange, *, step: int, steps_per_epoch: int) -> float:
    """Cyclic rates (Smith 2017): ``base_lr`` at epoch 0, ``max_lr`` after ``step_epochs``, and back.

    Above the base, ``triangular2`` halves the height with each cycle and ``exp_range`` takes gamma^step of it.
    """
    position = step / steps_per_epoch / schedule.step_epochs
    cycle = math.floor(1 + position / 2)
    height = max(0.0, 1.0 - abs(position - 2 * cycle + 1))
    if isinstance(schedule, Triangular2):
        height *= 0.5 ** (cycle - 1)
    elif isinstance(schedule, ExpRange):
        height *= schedule.gamma**step
    return schedule.base_lr + (schedule.max_lr - schedule.base_lr) * height


def _one_cycle(schedule: OneCycle, *, step: int, steps: int) -> float:
    """One cycle (Smith & Topin 2018) as two half cosines, in PyTorch's counting.

    From max_lr / start_div to max_lr at step ``peak`` * steps - 1, from there to max_lr / start_div / final_div at the
    last step.
    """
    start, top, last = schedule.max_lr / schedule.start_div, schedule.peak * steps - 1, steps - 1
    if step < top:
        return _cosine(start, schedule.max_lr, step / top)
    return _cosine(schedule.max_lr, start / schedule.final_div, (min(step, last) - top) / (last - top))


def _cosine(start: float, end: float, done: float) -> float:
    """Half a cosine from ``start`` (done 0) to ``end`` (done 1)."""
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2
