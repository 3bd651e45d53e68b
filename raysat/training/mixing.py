"""Mixed batches: who is mixed with whom, what a worker reads for its shard of them, and what the loss needs beside.

A partner may lie in another worker's shard, or beyond the batch: what a shard needs is found from the draws for the
whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from raysat.config.families.mixing import BalancedMixUp, CutMix, MixUp, Remix
from raysat.training.augment import cutmix, dihedral, mixup
from raysat.training.augment.partners import draw_balanced, remix_shares
from raysat.training.sampling import Batch, Positions, Shard, TrainSplit, shard
from raysat.training.step_inputs import Change, Drawn, Mixing, Partners, Pasting, Turned

Mixes = MixUp | BalancedMixUp | Remix | CutMix


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mixture:
    """What is drawn for a batch; partners are among its patches and, after them, those from beyond it."""

    pairs: mixup.Pairs  # whose shares are those of the pixels
    beyond: Positions = field(default_factory=lambda: np.empty(0, dtype=np.int64))  # in the train split
    box: cutmix.Box | None = None  # where the partner's pixels are; None where all are blends


def mixed_inputs(
    augment: Mixes,
    batch: Batch,
    own: Shard,
    rng: np.random.Generator,
    *,
    split: TrainSplit,
    weights_K: npt.NDArray[np.float64],
    rank: int,
    world: int,
) -> tuple[Positions, Drawn, Partners]:
    """Draw how a batch is mixed; return what a shard needs of it.

    Args:
        augment: how patches are mixed.
        batch: of all workers together.
        own: the worker's part of it.
        rng: what draws; as much from it on every worker.
        split: what the batch is cut from.
        weights_K: what each class counts.
        rank: this worker's number.
        world: the number of workers.

    Returns:
        The positions of the patches to read, what is done to them, and whom the loss has beside.
    """
    mixture = _drawn(augment, batch, split, rng)
    lam, partners_B = mixture.pairs.lam, mixture.pairs.partners
    candidates = np.concatenate((batch.positions, mixture.beyond))
    labels = np.concatenate((batch.labels, split.labels[mixture.beyond]))
    both = np.concatenate((own.positions, partners_B[own.positions]))
    needed, place_2b = np.unique(both, return_inverse=True)  # none of the batch is read twice
    partner_labels_B = labels[partners_B]
    others = shard(weights_K[partner_labels_B], rank=rank, world=world)
    shares = shares_2 = mixture.pairs.shares
    if isinstance(augment, Remix):
        counts_2B = split.counts[batch.labels], split.counts[partner_labels_B]
        shares_2B = remix_shares(lam, *counts_2B, kappa=augment.kappa, tau=augment.tau)
        shares = torch.from_numpy(shares_2B[:, own.positions].astype(np.float32))
    change: Change = Mixing(torch.from_numpy(place_2b), shares_2)
    if mixture.box is not None:
        change = Pasting(torch.from_numpy(place_2b), torch.tensor(mixture.box))
    drawn: Drawn = change
    if not isinstance(augment, MixUp) and augment.flips:
        symmetry_M = dihedral.draw(len(candidates), rng, square=batch.size[0] == batch.size[1])
        drawn = Turned(torch.from_numpy(symmetry_M[needed]), change)
    partners = Partners(
        labels_b=torch.from_numpy(partner_labels_B[own.positions].astype(np.int64)),
        class_weights_b=torch.from_numpy(others.class_weights),
        shares=shares,
    )
    return candidates[needed], drawn, partners


def _drawn(augment: Mixes, batch: Batch, split: TrainSplit, rng: np.random.Generator) -> _Mixture:
    count = len(batch.positions)
    match augment:
        case MixUp() | Remix():
            return _Mixture(pairs=mixup.draw(augment, count, rng))
        case BalancedMixUp(alpha=alpha):
            # As in the authors' code, Beta(alpha, 1) is the balanced patch's weight.
            lam = 1.0 - float(rng.beta(alpha, 1.0))
            beyond = draw_balanced(split.balanced, count, rng)
            return _Mixture(pairs=mixup.Pairs(lam=lam, partners=count + np.arange(count)), beyond=beyond)
        case CutMix():
            box = cutmix.draw(augment, *batch.size, rng)
            pairs = mixup.Pairs(lam=box.share(*batch.size), partners=rng.permutation(count))
            return _Mixture(pairs=pairs, box=box)
