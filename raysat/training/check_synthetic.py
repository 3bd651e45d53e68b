"""Refuse generated patches that do not fit a trial, before anything starts; imports no torch, so it is instant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from raysat.config.families.images import Dcgan, NoSynthetic
from raysat.config.schema import Config
from raysat.data.store import PatchStore
from raysat.errors import PlanError
from raysat.training.check import band_positions


def check_generated(config: Config, store: PatchStore, generated: Sequence[PatchStore]) -> None:
    """Refuse generated stores that cannot join a store's train split.

    Args:
        config: of the trial.
        store: the real patches.
        generated: stores of patches made by a model.

    Raises:
        BandError: a band or composite that the store does not hold.
        PlanError: patches that the configuration does not ask for, or asks for and does not get; a store that is not
            marked as generated or holds held-out patches; other bands, classes, size or type than the trial's.
    """
    match config.synthetic:
        case NoSynthetic():
            if generated:
                raise PlanError(
                    f"{', '.join(str(store.path) for store in generated)} cannot be used: synthetic.kind is none",
                    hint="set synthetic.kind, or drop it",
                )
        case Dcgan(kind=kind):
            if not generated:
                raise PlanError(
                    f"synthetic.kind {kind} asks for generated patches, and none were given for {store.path}",
                    hint="raysat ablate makes them as jobs of its plan; a call of train() takes them as generated=",
                )
        case _:
            assert_never(config.synthetic)
    bands = tuple(store.bands[position] for position in band_positions(config, store))
    for patches in generated:
        _check_fits(patches, store, bands)


def _check_fits(generated: PatchStore, store: PatchStore, bands: tuple[str, ...]) -> None:
    if not generated.generated:
        raise PlanError(
            f"{generated.path} is not marked as generated: real patches never join the train split of {store.path}",
            hint="give a store made by: raysat generate",
        )
    if generated.splits.any():
        raise PlanError(
            f"{generated.path} holds val or test patches; generated ones belong in the train split of {store.path}",
            hint="make it again with: raysat generate",
        )
    if set(generated.bands) != set(bands):
        raise PlanError(
            f"{generated.path} has bands {', '.join(generated.bands)}, the trial on {store.path} "
            f"uses {', '.join(bands)}",
            hint="give synthetic.bands the bands of data.bands, or leave it out",
        )
    for what, theirs, ours in (
        ("classes", ", ".join(generated.classes), ", ".join(store.classes)),
        ("patches of", _size(generated), _size(store)),
        ("type", generated.images.dtype.name, store.images.dtype.name),
    ):
        if theirs != ours:
            raise PlanError(
                f"{generated.path} has {what} {theirs}, {store.path} has {ours}",
                hint="generate the patches from the store that the trial uses",
            )


def _size(store: PatchStore) -> str:
    height, width = store.images.shape[2:]
    return f"{height} x {width} px"
