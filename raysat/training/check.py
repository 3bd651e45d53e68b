"""Refuse a configuration that cannot train on a store, before anything starts; imports no torch, so it is instant."""

from __future__ import annotations

import math

import numpy as np

from raysat.bands import resolve
from raysat.data.store import PatchStore
from raysat.errors import PlanError
from raysat.spec import Config


def band_positions(config: Config, store: PatchStore) -> tuple[int, ...]:
    """Positions in the store of the bands that a configuration names. Raises BandError for one it does not hold."""
    names = resolve(config.data.bands, available=store.bands, sensor=store.sensor)
    return tuple(store.bands.index(name) for name in names)


def check(config: Config, store: PatchStore) -> None:
    """Refuse what cannot train.

    Raises:
        BandError: a band or composite that the store does not hold.
        PlanError: fewer than two classes, a class without training patch, a batch larger than the train split, a band
            without finite statistics, nothing to evaluate on.
    """
    positions = band_positions(config, store)
    counts = store.counts("train")
    if len(counts) < 2:
        raise PlanError(f"{store.path} has {len(counts)} class, classification needs two", hint="import more classes")
    missing = [name for name, count in zip(store.classes, counts, strict=True) if count == 0]
    if missing:
        raise PlanError(
            f"{store.path} has no training patch of class {', '.join(map(repr, missing))}",
            hint="import the data with another split, or without that class",
        )
    train, batch = int(counts.sum()), config.optim.batch_size
    if batch > train:
        raise PlanError(
            f"optim.batch_size is {batch}, but {store.path} has {train} training patches",
            hint=f"set optim.batch_size to {train} or less",
        )
    for position in positions:
        stats = store.stats[position]
        if not all(map(math.isfinite, (stats.mean, stats.std, stats.low, stats.high))):
            raise PlanError(
                f"band {store.bands[position]!r} of {store.path} has values that are not finite",
                hint="import the data again with its nodata value named, or leave the band out of data.bands",
            )
    if not np.any(store.splits != 0):
        raise PlanError(
            f"{store.path} has neither val nor test patches, so nothing can be measured",
            hint="import the data with a val or test split",
        )
