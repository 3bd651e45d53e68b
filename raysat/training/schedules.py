"""Learning rates as pure functions of the step, so that a run can be resumed or forked at any epoch without state."""

from __future__ import annotations

import math
from typing import assert_never

from raysat.spec import Constant, Optim, Schedule, Triangular


def learning_rate(schedule: Schedule, optim: Optim, *, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of a step (0-based, counted over the whole training)."""
    match schedule:
        case Constant():
            return optim.lr
        case Triangular():
            return triangular(schedule, epoch=step / steps_per_epoch)
        case _:
            assert_never(schedule)


def triangular(schedule: Triangular, *, epoch: float) -> float:
    """Triangular policy of Smith 2017: ``base_lr`` at epoch 0, ``max_lr`` after ``step_epochs``, and back."""
    position = epoch / schedule.step_epochs
    cycle = math.floor(1 + position / 2)
    height = max(0.0, 1.0 - abs(position - 2 * cycle + 1))
    return schedule.base_lr + (schedule.max_lr - schedule.base_lr) * height
