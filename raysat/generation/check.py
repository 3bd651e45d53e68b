"""Refuse a generator that cannot be trained on a store, before anything starts; imports no torch, so it is instant."""

from __future__ import annotations

from typing import Final

from raysat.config.schema import Generation
from raysat.data.store import PatchStore
from raysat.errors import PlanError, suggest

# A generator of fewer would at best learn these by heart; augmentation carries this many.
MIN_PATCHES: Final = 8
MIN_SIDE: Final = 16  # pixels of a patch; two halvings are left to the networks


def check_generation(work: Generation, store: PatchStore) -> None:
    """Refuse what cannot be generated.

    Raises:
        PlanError: a class that the store does not have, or with fewer than ``MIN_PATCHES`` train patches; a band that
            is not in the store or is named twice; patches under ``MIN_SIDE`` pixels.
    """
    if work.label >= len(store.classes):
        raise PlanError(
            f"a generator is asked for class {work.label}, but {store.path} has {len(store.classes)} classes",
            hint=", ".join(f"{label} is {name}" for label, name in enumerate(store.classes)),
        )
    for band in work.bands:
        if band not in store.bands:
            raise PlanError(
                f"a generator is asked for band {band!r}, which is not in {store.path}",
                hint=suggest(band, store.bands, f"the store has {', '.join(store.bands)}"),
            )
    if len(set(work.bands)) != len(work.bands):
        raise PlanError(
            f"a generator is asked for bands {', '.join(work.bands)}: one twice", hint="name each band once"
        )
    count, name = int(store.counts("train")[work.label]), store.classes[work.label]
    if count < MIN_PATCHES:
        number = f"{count} train patch{'' if count == 1 else 'es'}" if count else "no train patch"
        raise PlanError(
            f"class {name!r} of {store.path} has {number}; a generator needs at least {MIN_PATCHES}",
            hint=f"leave {name!r} out of synthetic.classes, or import more patches of it",
        )
    height, width = store.images.shape[2:]
    if min(height, width) < MIN_SIDE:
        raise PlanError(
            f"the patches of {store.path} are {height} x {width} pixels; a generator needs at least {MIN_SIDE}",
            hint="import larger patches, or train without synthetic ones",
        )
