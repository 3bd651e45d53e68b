"""Where an arm and the baseline look in patches that the arm newly gets right: maps averaged over paired seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raysat.errors import StorageError
from raysat.reporting.analysis.changes import Changes
from raysat.reporting.analysis.estimate import Floats
from raysat.reporting.analysis.model import Leaderboard, TrialSource
from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.storage.evaluations import Evaluations
from raysat.storage.explanations import OCCLUSION, Heat, Occlusion, decode_heat

_MAX_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArmMaps:
    """What an arm's probability of the true class loses where patches are covered, means over seeds."""

    arm: str
    drop: Floats  # (P, H, W)
    probability: Floats  # (P,) for the patch as it is
    predicted: npt.NDArray[np.int64]  # (P,) by most seeds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Maps:
    """Both arms side by side."""

    seeds: tuple[int, ...]  # that both have
    subject: Occlusion
    rows: npt.NDArray[np.int64]  # (P,) places of the patches among the predictions
    before: ArmMaps  # of the baseline
    after: ArmMaps


def read_maps(board: Leaderboard, predictions: TrialPredictions, changes: Changes) -> Maps | None:
    """Return the newest maps that an arm and the baseline both have of the same patches; None where there are none.

    Args:
        board: of the run.
        predictions: of its trials.
        changes: what the arm changes.
    """
    places = {position: place for place, position in enumerate(predictions.positions.tolist())}
    newest: tuple[float, Maps] | None = None
    arms = [{arm.name: arm for arm in board.ranked}[name] for name in (changes.baseline, changes.arm)]
    sources = [dict(zip(arm.seeds, arm.sources, strict=True)) for arm in arms]
    names = {name for arm in sources for source in arm.values() for name in Evaluations(source.ledger.root).names()}
    for name in sorted(name for name in names if name.startswith("occlusion-")):
        found = [
            {seed: heat for seed in changes.seeds if (heat := _read(name, arm[seed])) is not None} for arm in sources
        ]
        seeds = tuple(seed for seed in changes.seeds if seed in found[0] and seed in found[1])
        if not seeds:
            continue
        subject = found[0][seeds[0]][1]
        if not set(subject.positions) <= set(places):
            continue
        ended = max(arm[seed][0] for arm in found for seed in seeds)
        if newest is None or ended > newest[0]:
            before, after = (
                _of_arm(arm.name, subject, [heats[seed][2] for seed in seeds])
                for arm, heats in zip(arms, found, strict=True)
            )
            rows = np.array([places[position] for position in subject.positions])
            newest = ended, Maps(seeds=seeds, subject=subject, rows=rows, before=before, after=after)
    return None if newest is None else newest[1]


def _read(name: str, source: TrialSource) -> tuple[float, Occlusion, Heat] | None:
    """When maps of a trial were made, of what, and the maps; None where there are none as the model is now."""
    kept = Evaluations(source.ledger.root)
    try:
        if not kept.has(name, source.trial):
            return None
        record = kept.read(name, source.trial)
        weights = source.ledger.weights_digest(source.trial)
        if not isinstance(record.subject, Occlusion) or not record.is_current(weights):
            return None
        content = kept.sealed(name, source.trial).read(OCCLUSION, max_bytes=_MAX_BYTES)
        return record.ended, record.subject, decode_heat(content, record.subject)
    except (StorageError, ValueError, KeyError):
        return None


def _of_arm(arm: str, subject: Occlusion, heats: list[Heat]) -> ArmMaps:
    size = (len(subject.positions), subject.height, subject.width)
    votes = np.stack([heat.predicted for heat in heats])
    return ArmMaps(
        arm=arm,
        drop=np.mean([heat.drop.reshape(size) for heat in heats], axis=0),
        probability=np.mean([heat.probability for heat in heats], axis=0),
        predicted=np.array([np.bincount(column).argmax() for column in votes.T]),
    )
