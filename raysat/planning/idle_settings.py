"""Which settings of a configuration cannot act in a training of its length, whatever the data are.

Only what is certain is said: the numbers that training uses are the same without the setting, or with another value.
Milestones that leave nothing to do are refused (``training/check.py``).
"""

from __future__ import annotations

from collections.abc import Iterator

from raysat.config.families.imbalance import Focal
from raysat.config.families.learning import Ema
from raysat.config.families.schedules import Cosine, ExpRange, Triangular, Triangular2
from raysat.config.schema import Config


def idle_settings(config: Config, steps_per_epoch: int) -> Iterator[str]:
    """Yield a sentence for each setting that does nothing; ``steps_per_epoch`` are batches."""
    epochs, steps = config.optim.epochs, config.optim.epochs * steps_per_epoch
    if isinstance(config.loss, Focal) and config.loss.gamma == 0:
        yield "focal loss is plain cross-entropy: loss.gamma is 0"
    # ``training/averaging.py``: the decay of step t is (1 + t) / (10 + t) until it reaches the setting.
    if isinstance(config.average, Ema) and (least := steps / (9 + steps)) <= config.average.decay:
        decay = config.average.decay
        yield f"average.decay {decay:g} is not reached in {steps:,} steps: any from {least:.3g} on does the same"
    yield from _schedule(config, epochs)


def _schedule(config: Config, epochs: int) -> Iterator[str]:
    schedule = config.schedule
    match schedule:
        case Cosine(final_lr=rate) if rate == config.optim.lr:
            yield f"the cosine is a constant rate: schedule.final_lr is optim.lr, {rate:g}"
        case Triangular() | Triangular2() | ExpRange() if schedule.base_lr == schedule.max_lr:
            yield f"{schedule.kind} is a constant rate: schedule.base_lr is schedule.max_lr, {schedule.max_lr:g}"
        case Triangular2(step_epochs=half) if 2 * half >= epochs:
            yield f"triangular2 is triangular: {epochs:,} epochs are within its first cycle of 2 x {half:g}"
