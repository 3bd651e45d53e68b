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
    """Return the error of scores that are not finite.

    Args:
        split: whose scores.
        where: after which epoch.
    """
    return DivergedError(
        f"the model's scores on the {split} split are not finite after epoch {where.epoch} of {where.epochs}, at "
        f"learning rate {where.lr:g}",
        hint=where.advice,
    )


def of_loss(value: float, *, batch: int, batches: int, where: Where) -> DivergedError:
    """Return the error of a loss that is not finite.

    Args:
        value: of the loss.
        batch: of its epoch, 1-based.
        batches: of an epoch.
        where: in which epoch.
    """
    return DivergedError(
        f"the loss became {value} in epoch {where.epoch} of {where.epochs}, batch {batch} of {batches}, at learning "
        f"rate {where.lr:g}",
        hint=where.advice,
    )
