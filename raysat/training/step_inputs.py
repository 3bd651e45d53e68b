"""What a training step needs beside its pixels and the network: tensors of one step, or of many steps in one.

Everything random of a step is drawn on the host, as many numbers on every worker: how many workers share a batch, and
on which device they compute, changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeVar, cast

import torch
from torch import Tensor

_ROOM: Final = 1.25  # for rows, times the most that steps had: later steps then fit, too
_MULTIPLE: Final = 16  # of which that room is


class Rows(NamedTuple):
    """Some rows of a batch, with what is done to each; how many differs from step to step.

    Row 0 is nobody's, so that steps can be padded to one length with zeros.
    """

    index_r: Tensor  # int64
    parameters_rP: Tensor


class Unchanged(NamedTuple):
    """Patches are left as they are."""


class Symmetries(NamedTuple):
    """How each patch is turned (``augment/dihedral.py``)."""

    symmetry_b: Tensor  # int64


class Chains(NamedTuple):
    """Chains of operations, and how they are mixed (``augment/augmix.py``)."""

    weights_bVW: Tensor  # of the patch itself, then of the chains of each view
    steps: tuple[tuple[Rows, ...], ...]  # by depth, then by operation


class ChainTable(NamedTuple):
    """The same by chain, in as much memory whatever was drawn (``augment/augmix_fused.py``)."""

    weights_bVW: Tensor  # as of ``Chains``
    kind_bVWD: Tensor  # int32, of the operations of each chain, and -1 after the last
    parameters_bVWDP: Tensor


class Operations(NamedTuple):
    """One operation for each patch (``augment/trivial.py``)."""

    rows: tuple[Rows, ...]  # by operation


class Kept(NamedTuple):
    """Which bands are left out (``augment/bands.py``)."""

    kept_bC: Tensor  # 1, or 0 for those left out


class Jitter(NamedTuple):
    """How bands are changed (``augment/bands.py``)."""

    gain_bC: Tensor
    offset_bC: Tensor
    seed_b: Tensor  # int64, what the noise follows from


class Mixing(NamedTuple):
    """Which patches are mixed (``augment/mixup.py``)."""

    place_2b: Tensor  # int64, each patch's place among those that are read, then its partner's
    shares_2: Tensor  # of patch and partner


class Pasting(NamedTuple):
    """Which patches get a box of which others (``augment/cutmix.py``)."""

    place_2b: Tensor  # as of ``Mixing``
    box_4: Tensor  # int64, rows from and to, columns from and to


class Uniforms(NamedTuple):
    """What a plugin's augmentation goes by (``extend.augment``)."""

    random_bR: Tensor  # float32, uniform in [0, 1)


class Partners(NamedTuple):
    """The other half of mixed patches in the loss."""

    labels_b: Tensor  # int64
    class_weights_b: Tensor  # as those of ``UpdateInputs``
    shares: Tensor  # of patch and partner, for all alike (2,) or for each (2, b)


class Alone(NamedTuple):
    """Patches are not mixed."""


Change = Unchanged | Symmetries | Chains | ChainTable | Operations | Kept | Jitter | Mixing | Pasting | Uniforms


class Turned(NamedTuple):
    """The patches that are read are turned first, then changed."""

    symmetry_n: Tensor  # as of ``Symmetries``
    change: Change


Drawn = Change | Turned


class ViewInputs(NamedTuple):
    """What the network's views of b patches are made of."""

    positions_n: Tensor  # int64, the patches to read, in the train split
    drawn: Drawn


class UpdateInputs(NamedTuple):
    """What else a step needs, of b patches of the batch's B."""

    labels_b: Tensor  # int64
    class_weights_b: Tensor  # in the mean weighted by class (``sampling.shard``)
    mean_weights_b: Tensor  # in the plain mean
    partners: Partners | Alone
    lr: Tensor  # (), float64
    momenta_A: Tensor  # of the averages that take every step, in their order


class StepInputs(NamedTuple):
    """One worker's part of a step."""

    view: ViewInputs
    update: UpdateInputs


_T = TypeVar("_T", bound=tuple[Any, ...])


def to_device(inputs: _T, device: torch.device) -> _T:
    """Return the same tensors on a device."""
    return cast(_T, _mapped(lambda tensor: tensor.to(device, non_blocking=True), inputs))


def stack(steps: Sequence[_T], least: _T | None = None) -> _T:
    """Put steps of one batch size into tensors with one more axis, in front; rows are padded with zeros.

    Args:
        steps: what each needs.
        least: steps put together before, whose rows these shall have room for at least.
    """
    return cast(_T, _stacked(steps, least))


def fits(steps: tuple[Any, ...], room: tuple[Any, ...]) -> bool:
    """Whether stacked steps have the shapes of others, but for how many steps they are."""
    pairs = zip(_leaves(steps), _leaves(room), strict=True)
    return all(one.shape[1:] == other.shape[1:] for one, other in pairs)


def room_for(steps: _T, count: int, device: torch.device) -> _T:
    """Return zeros for steps.

    Args:
        steps: stacked; others of their shapes have room.
        count: how many have room.
        device: where.
    """
    return cast(_T, _mapped(lambda t: torch.zeros((count, *t.shape[1:]), dtype=t.dtype, device=device), steps))


def fill(room: tuple[Any, ...], steps: tuple[Any, ...]) -> None:
    """Copy stacked steps, in the host's memory, into room for them on a device; the host does not wait."""
    for own, one in zip(_leaves(room), _leaves(steps), strict=True):
        own[: len(one)].copy_(one.pin_memory() if own.is_cuda else one, non_blocking=True)


def at(steps: _T, index_1: Tensor) -> _T:
    """Return one of stacked steps, or a part of it, whose number is a tensor (1,) on their device."""
    return cast(_T, _mapped(lambda tensor: tensor.index_select(0, index_1).squeeze(0), steps))


def _mapped(change: Any, value: Any) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    return _like(value, [_mapped(change, part) for part in value])


def _stacked(values: Sequence[Any], least: Any) -> Any:
    first = values[0]
    if isinstance(first, Tensor):
        return torch.stack(list(values))
    if isinstance(first, Rows):
        most = max(1, *(len(rows.index_r) for rows in values))
        before = 0 if least is None else least.index_r.shape[1]
        room = before if most <= before else -(-int(_ROOM * most) // _MULTIPLE) * _MULTIPLE
        return Rows(*(_padded([rows[part] for rows in values], room) for part in range(2)))
    parts = zip(*values, strict=True)
    leasts = [None] * len(first) if least is None else least
    return _like(first, [_stacked(part, one) for part, one in zip(parts, leasts, strict=True)])


def _padded(tensors: list[Tensor], room: int) -> Tensor:
    """Put tensors (r, ...) into (S, room, ...)."""
    counts_S = torch.tensor([len(tensor) for tensor in tensors])
    padded = tensors[0].new_zeros((len(tensors), room, *tensors[0].shape[1:]))
    padded[torch.arange(room) < counts_S[:, None]] = torch.cat(tensors)
    return padded


def _like(value: tuple[Any, ...], parts: list[Any]) -> tuple[Any, ...]:
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


def _leaves(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else [leaf for part in value for leaf in _leaves(part)]
