"""Splits and folds that keep groups of patches together, and a buffer between splits; deterministic by seed.

Groups go one by one to the part that lacks their classes most, those first that hold the largest share of a class;
then each is moved where that brings the class shares nearer to what is wanted, until none is. So class shares are kept
as well as whole groups allow (the stratified group k-fold of scikit-learn is alike, Pedregosa et al. 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.data.geodesy import nearest
from raysat.data.lengths import length
from raysat.data.splits import SPLITS
from raysat.errors import DataError
from raysat.formatting import plural

DROPPED: Final = -1  # the split of a patch that the buffer removes
_SWEEPS: Final = 5  # over all groups, to move them
_TRAIN, _VAL, _TEST = range(len(SPLITS))
_MORE: Final = "a smaller {--block} makes more groups"

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def assign_groups(
    groups: Ints, labels: npt.NDArray[Any], *, val: float = 0.15, test: float = 0.15, seed: int = 0
) -> Ints:
    """Return the split of each patch (N,), a position in SPLITS: all patches of a group have the same.

    Args:
        groups: of each patch, (N,), from 0 to G - 1.
        labels: the class of each patch, (N,).
        val: share of every class that the val split is to have.
        test: share of every class that the test split is to have.
        seed: of the order of groups that are alike.

    Raises:
        DataError: there are less than three groups.
    """
    held = _held(groups, labels)
    if len(held) < len(SPLITS):
        raise DataError(f"{plural(len(held), 'group')} of patches cannot be split into train, val and test", hint=_MORE)
    return _parts(held, np.array([1 - val - test, val, test]), seed)[groups]


def assign_folds(
    groups: Ints, labels: npt.NDArray[Any], *, folds: int, val: float = 0.15, seed: int = 0
) -> tuple[Ints, ...]:
    """Return the split of each patch (N,) in each of several folds: every group is in the test split of one of them.

    Args:
        groups: of each patch, (N,), from 0 to G - 1.
        labels: the class of each patch, (N,).
        folds: how many, two or more; the test split of each is to have that part of every class.
        val: share of every class that the val split of each fold is to have; it is of groups that are not in its test.
        seed: of the order of groups that are alike.

    Raises:
        DataError: there are less groups than folds, or a fold leaves less than two for train and val.
    """
    held = _held(groups, labels)
    if len(held) < folds:
        raise DataError(f"{plural(len(held), 'group')} of patches cannot be in {folds} folds", hint=_MORE)
    least = 2 if folds == 2 and len(held) > 3 else 1  # of two folds, one is the rest of the other
    fold_of = _parts(held, np.full(folds, 1 / folds), seed, least)
    found = []
    for fold in range(folds):
        rest = np.flatnonzero(fold_of != fold)
        if len(rest) < 2:
            raise DataError(
                f"fold {fold + 1} of {folds} leaves {plural(len(rest), 'group')} for train and val", hint=_MORE
            )
        splits = np.full(len(held), _TEST)
        splits[rest] = _parts(held[rest], np.array([1 - 1 / folds - val, val]), seed)
        found.append(splits[groups])
    return tuple(found)


def _held(groups: Ints, labels: npt.NDArray[Any]) -> Floats:
    """The share of each class that each group holds, (G, K)."""
    count, classes = (int(codes.max()) + 1 if len(codes) else 0 for codes in (groups, labels))
    held = np.bincount(groups * classes + labels, minlength=count * classes).reshape(count, classes)
    return np.asarray(held / np.maximum(held.sum(axis=0), 1))


def _parts(held: Floats, wanted: Floats, seed: int, least: int = 1) -> Ints:
    """Return the part of each group, (G,).

    Args:
        held: share of each class that each group holds, (G, K).
        wanted: share of every class that each part is to have, (P,); at most as many as groups.
        seed: of the order of groups that are alike.
        least: groups that each part has.
    """
    count, parts = len(held), np.zeros(len(held), np.int64)
    order = np.random.default_rng(seed).permutation(count)
    order = order[np.argsort(-held[order].max(axis=1), kind="stable")]
    lacking = np.repeat(wanted[:, None], held.shape[1], axis=1)
    for group in order:
        parts[group] = best = _best(lacking, held[group])
        lacking[best] -= held[group]
    sizes = np.bincount(parts, minlength=len(wanted))
    while sizes[part := int(sizes.argmin())] < least:  # it gets the largest one's smallest group
        largest = int(sizes.argmax())
        members = np.flatnonzero(parts == largest)
        group = members[held[members].sum(axis=1).argmin()]
        parts[group] = part
        lacking[largest] += held[group]
        lacking[part] -= held[group]
        sizes[largest] -= 1
        sizes[part] += 1
    for _ in range(_SWEEPS):
        if not _sweep(held, order, parts, lacking, sizes, least):
            break
    return parts


def _sweep(held: Floats, order: Ints, parts: Ints, lacking: Floats, sizes: Ints, least: int) -> bool:
    """Move each group once where that helps and leaves its part enough; the arrays follow. Whether any moved."""
    moved = False
    for group in order:
        now = int(parts[group])
        if sizes[now] <= least:
            continue
        lacking[now] += held[group]
        best = _best(lacking, held[group], now)
        lacking[best] -= held[group]
        if best != now:
            parts[group] = best
            sizes[now] -= 1
            sizes[best] += 1
            moved = True
    return moved


def _best(lacking: Floats, held: Floats, now: int | None = None) -> int:
    """The part to which a group brings class shares nearest to what is wanted; of equals the present one."""
    cost = (held * (held - 2 * lacking)).sum(axis=1)  # by how much the sum of squares changes
    best = int(cost.argmin())
    return now if now is not None and cost[now] <= cost[best] + 1e-12 else best


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffered:
    """Splits after what is too near to another split was removed."""

    splits: Ints  # (N,), DROPPED where removed
    dropped: tuple[int, int, int]  # patches that train, val and test have lost


def apply_buffer(splits: Ints, space: Floats, buffer: float) -> Buffered:
    """Remove patches until none is within a buffer of a patch in another split.

    Those of val near test go, then those of train near either: what models are measured on stays as far as it can.

    Args:
        splits: of each patch, (N,), positions in SPLITS.
        space: where each lies (``geodesy.in_space``), (N, 3).
        buffer: metres; centres that are as far apart or nearer are too near.

    Returns:
        The splits of what stays, and how many patches of each are removed.

    Raises:
        DataError: a split is left without patches.
    """
    left = splits.copy()
    for loser, others in ((_VAL, (_TEST,)), (_TRAIN, (_VAL, _TEST))):
        rows, near = np.flatnonzero(left == loser), np.isin(left, others)
        left[rows[nearest(space[rows], space[near]) <= buffer]] = DROPPED
    train, val, test = (int(((splits == code) & (left == DROPPED)).sum()) for code in (_TRAIN, _VAL, _TEST))
    for code, name in enumerate(SPLITS):
        if not (left == code).any():
            raise DataError(
                f"a buffer of {length(buffer)} leaves no patch in {name}",
                hint="a smaller {--buffer} or a larger {--block} leaves more",
            )
    return Buffered(splits=left, dropped=(train, val, test))
