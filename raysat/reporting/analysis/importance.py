"""How much arms rest on bands: what they lose where these are permuted between test patches, with intervals.

What is estimated is the mean over seeds of the loss with the permutations at hand; the interval is over seeds and
patches, as of all metrics (``estimate.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from raysat.errors import StorageError
from raysat.metrics.catalog import BALANCED_ACCURACY, RECALL
from raysat.reporting.analysis.bootstrap import class_weights
from raysat.reporting.analysis.clusters import clusters_of
from raysat.reporting.analysis.estimate import Estimate, Floats
from raysat.reporting.analysis.model import Arm, Leaderboard
from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.reporting.analysis.seed_blocks import SeedBlock, estimates
from raysat.storage.evaluations import Evaluations
from raysat.storage.explanations import ALL_BANDS, IMPORTANCE, Importance, decode_hits

__all__ = ["ALL_BANDS", "ArmImportance", "BandLoss", "rarest", "read_importance"]

_NAME = "importance"  # of the evaluation
_RESAMPLES = 1000
_MAX_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class BandLoss:
    """What an arm loses where some bands are permuted."""

    name: str
    bands: tuple[str, ...]
    balanced_accuracy: Estimate
    rare_recall: Estimate  # of the rarest class


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmImportance:
    """How much an arm rests on each band."""

    arm: str
    seeds: tuple[int, ...]  # whose models were explained
    repeats: int  # permutations
    losses: tuple[BandLoss, ...]  # each band in the arm's order, then groups of them


def rarest(board: Leaderboard) -> int | None:
    """The label with the fewest test patches, of those with any; None where no trial has finished."""
    support = board.support or ()
    return min((k for k, patches in enumerate(support) if patches), key=lambda k: support[k], default=None)


def read_importance(board: Leaderboard, predictions: TrialPredictions) -> tuple[ArmImportance, ...]:
    """Read what bands are worth to the arms for which that was evaluated, in their order.

    What is damaged, or of other weights or patches, or of other bands than the arm's first, is passed over.
    """
    weights: list[Floats] = []  # drawn once, where any arm needs them
    rare = rarest(board)
    found = [] if rare is None else [_of_arm(arm, predictions, rare, weights) for arm in board.ranked]
    return tuple(arm for arm in found if arm is not None)


def _of_arm(arm: Arm, predictions: TrialPredictions, rare: int, weights: list[Floats]) -> ArmImportance | None:
    subject: Importance | None = None
    losses: dict[int, Floats] = {}
    for seed, its, loss in _losses(arm, predictions):
        subject = subject or its
        if its == subject:
            losses[seed] = loss
    if subject is None:
        return None
    if not weights:
        weights.append(class_weights(predictions.labels, predictions.classes, _RESAMPLES, groups=predictions.groups))
    lost = np.stack(list(losses.values()))
    accuracy, recall = (
        [_bounded(each) for each in estimates(SeedBlock(seeds=tuple(losses), values=values, resampled=resampled))]
        for values, resampled in zip(*_by_metric(lost, predictions, rare, weights[0]), strict=True)
    )
    return ArmImportance(
        arm=arm.name,
        seeds=tuple(losses),
        repeats=subject.repeats,
        losses=tuple(
            BandLoss(name=group.name, bands=group.bands, balanced_accuracy=of_all, rare_recall=of_rare)
            for group, of_all, of_rare in zip(subject.groups, accuracy, recall, strict=True)
        ),
    )


def _bounded(loss: Estimate) -> Estimate:
    """A loss of a recall lies within -1 and 1, and so do the ends of its interval."""
    if loss.low is None or loss.high is None:
        return loss
    return replace(loss, low=max(-1.0, loss.low), high=min(1.0, loss.high))


def _losses(arm: Arm, predictions: TrialPredictions) -> Iterator[tuple[int, Importance, Floats]]:
    """Yield of each seed what was permuted, and how much less often each patch is right then, (G, N) from -1 to 1."""
    order = np.argsort(predictions.positions, kind="stable")
    for seed, source in zip(arm.seeds, arm.sources, strict=True):
        kept = Evaluations(source.ledger.root)
        try:
            if not kept.has(_NAME, source.trial):
                continue
            record = kept.read(_NAME, source.trial)
            subject = record.subject
            if not (isinstance(subject, Importance) and record.is_current(source.ledger.weights_digest(source.trial))):
                continue
            hits = decode_hits(kept.sealed(_NAME, source.trial).read(IMPORTANCE, max_bytes=_MAX_BYTES), subject)
        except (StorageError, ValueError, KeyError):
            continue
        theirs = np.argsort(hits.indices, kind="stable")
        if not np.array_equal(hits.indices[theirs], predictions.positions[order]):
            continue
        loss = np.empty(hits.hits.shape, np.float32)
        loss[:, order] = hits.right[theirs].astype(np.float32) - hits.hits[:, theirs] / np.float32(subject.repeats)
        yield seed, subject, loss


def _by_metric(lost: Floats, predictions: TrialPredictions, rare: int, drawn: Floats) -> tuple[Floats, Floats]:
    """Loss of balanced accuracy and of the rarest class's recall: (2, G, S), and (2, G, B, S) on resamples.

    Args:
        lost: (S, G, N) of each patch.
        predictions: of the trials, for the labels.
        rare: the rarest class.
        drawn: (B, N) how often each patch is in each resample.
    """
    seeds, groups, _ = lost.shape
    clusters = clusters_of(predictions.labels, predictions.groups, predictions.classes)
    present = [k for k in range(predictions.classes) if np.any(predictions.labels == k)]
    recalls = np.empty((len(present), groups, seeds))
    resampled = np.empty((len(present), groups, len(drawn), seeds), np.float32)
    for place, k in enumerate(present):
        rows = np.flatnonzero(predictions.labels == k)
        of_class = lost[:, :, rows].transpose(1, 2, 0)  # (G, n, S)
        recalls[place] = of_class.mean(axis=1, dtype=np.float64)
        of_resample = drawn[:, rows]
        total = np.float32(len(rows)) if clusters is None else of_resample.sum(axis=1)[:, None]
        resampled[place] = of_resample @ of_class / total
    of_rare = present.index(rare)
    values, draws = np.stack([recalls.mean(axis=0), recalls[of_rare]]), [resampled.mean(axis=0), resampled[of_rare]]
    if clusters is not None:
        stretches = (clusters.stretch(metric) for metric in (BALANCED_ACCURACY, RECALL.of_class(rare)))
        draws = [
            (each[:, None] + stretch * (of - each[:, None])).astype(np.float32)
            for each, of, stretch in zip(values, draws, stretches, strict=True)
        ]
    return values, np.stack(draws)
