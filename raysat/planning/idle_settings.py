"""Which settings of a configuration cannot act in a training of its length, whatever the data are.

Only what is certain is said: the numbers that training uses are the same without the setting, or with another value.
"""

from __future__ import annotations

from collections.abc import Iterator

from raysat.config.families.imbalance import Drs, Drw, Focal
from raysat.config.families.learning import Cosine, Ema, ExpRange, Swa, Triangular, Triangular2
from raysat.config.milestones import defer_until, snapshot_epochs, warmup_steps
from raysat.config.schema import Config


def idle_settings(config: Config, steps_per_epoch: int) -> Iterator[str]:
    """Yield a sentence for each setting that does nothing; ``steps_per_epoch`` are batches."""
    epochs, steps = config.optim.epochs, config.optim.epochs * steps_per_epoch
    for section, member in (("reweight", config.reweight), ("sampler", config.sampler)):
        if isinstance(member, Drw | Drs) and defer_until(member, epochs) >= epochs:
            yield f"{member.kind.upper()} never starts: {section}.switch {member.switch:g} is the end of training"
    if isinstance(config.loss, Focal) and config.loss.gamma == 0:
        yield "focal loss is plain cross-entropy: loss.gamma is 0"
    yield from _average(config, epochs, steps)
    yield from _schedule(config, epochs, steps)


def _average(config: Config, epochs: int, steps: int) -> Iterator[str]:
    match config.average:
        case Swa() if snapshot_epochs(config.average, epochs) == {epochs}:
            yield f"SWA averages nothing: of {epochs:,} epochs it takes the weights after the last alone"
        # ``training/averaging.py``: the decay of step t is (1 + t) / (10 + t) until it reaches the setting.
        case Ema(decay=decay) if steps / (9 + steps) <= decay:
            least = steps / (9 + steps)
            yield f"average.decay {decay:g} is not reached in {steps:,} steps: any from {least:.3g} on does the same"


def _schedule(config: Config, epochs: int, steps: int) -> Iterator[str]:
    schedule = config.schedule
    match schedule:
        case Cosine(final_lr=rate) if rate == config.optim.lr:
            yield f"the cosine is a constant rate: schedule.final_lr is optim.lr, {rate:g}"
        case Triangular() | Triangular2() | ExpRange() if schedule.base_lr == schedule.max_lr:
            yield f"{schedule.kind} is a constant rate: schedule.base_lr is schedule.max_lr, {schedule.max_lr:g}"
        case Triangular2(step_epochs=half) if 2 * half >= epochs:
            yield f"triangular2 is triangular: {epochs:,} epochs are within its first cycle of 2 x {half:g}"
    warmup = getattr(schedule, "warmup", 0.0)
    if warmup > 0 and warmup_steps(warmup, steps) <= 1:
        yield f"schedule.warmup {warmup:g} is less than two of {steps:,} steps, so no step's rate is lowered"
