"""Errors that say where and at which learning rate a training diverged."""

from __future__ import annotations

from dataclasses import dataclass

from raysat.errors import DivergedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A place in a training."""

    epoch: int  # 1-based
    epochs: int
    lr: float
    advice: str  # what to do about it


def of_scores(split: str, where: Where) -> DivergedError:
    """The error of scores of a split that are not finite."""
    return DivergedError(
        f"the model's scores on the {split} split are not finite after epoch {where.epoch} of {where.epochs}, at "
        f"learning rate {where.lr:g}",
        hint=where.advice,
    )


def of_loss(value: float, *, batch: int, batches: int, where: Where) -> DivergedError:
    """The error of a loss that is not finite, in a batch (1-based) of its epoch."""
    return DivergedError(
        f"the loss became {value} in epoch {where.epoch} of {where.epochs}, batch {batch} of {batches}, at learning "
        f"rate {where.lr:g}",
        hint=where.advice,
    )
