"""The test patches that a study is planned on: those of a store, counts of each class, or those of a pilot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.api.stores import Store, as_store
from raysat.config import limits
from raysat.data.grouped import reported_patches
from raysat.data.patch_store import PatchStore
from raysat.errors import UsageError
from raysat.files.fields import MAX_CLASSES
from raysat.formatting import one_line
from raysat.reporting.analysis.pilot import Pilot

_NAMED: Final = 5  # classes that an error names
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPatches:
    """The test patches that are planned for."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    fingerprint: str | None = None
    labels: Ints | None = None
    groups: Ints | None = None


def compared_patches(data: Store | Path | str | None, classes: Sequence[int], pilot: Pilot | None) -> ComparedPatches:
    """Find the patches that arms are to be compared on.

    Args:
        data: a store, its path or URL, or ``demo``.
        classes: in place of a store, the patches of each class.
        pilot: a run, whose patches they are where neither is given.

    Returns:
        The patches.

    Raises:
        UsageError: none or two are given, a class has no patches, or the pilot is of other classes.
        DataError: the store cannot be read.
    """
    if data is not None and classes:
        raise UsageError("both a store and class counts are given", hint="leave {--data} or {--classes} out")
    if classes:
        found = _counted(classes)
    elif data is not None:
        found = _of_store(as_store(data)[0])
    elif pilot is not None:
        return ComparedPatches(names=pilot.classes, sizes=pilot.sizes, fingerprint=pilot.fingerprint)
    else:
        raise UsageError(
            "on which test patches are arms to be compared?",
            hint="name a store with {--data}, counts with {--classes} 600,160,150,90, or a run with {--pilot}",
        )
    if pilot is not None and len(found.names) != len(pilot.classes):
        raise UsageError(
            f"the pilot {one_line(pilot.study)} has {len(pilot.classes)} classes, not {len(found.names)}",
            hint="take a pilot on the same classes, or leave {--pilot} out",
        )
    if pilot is not None and not classes and found.names != pilot.classes:
        raise UsageError(
            f"the pilot {one_line(pilot.study)} has other classes: {', '.join(map(one_line, pilot.classes))}",
            hint="take a pilot on the same classes, or leave {--pilot} out",
        )
    return found


def _counted(classes: Sequence[int]) -> ComparedPatches:
    if not 2 <= len(classes) <= MAX_CLASSES or not all(1 <= each <= limits.PATCHES for each in classes):
        raise UsageError(
            f"class counts are 2 to {MAX_CLASSES} whole numbers from 1 to {limits.PATCHES:,}",
            hint="test patches of each class that has any, such as 600,160,150,90",
        )
    return ComparedPatches(
        names=tuple(f"class {number}" for number in range(1, len(classes) + 1)), sizes=tuple(classes)
    )


def _of_store(store: PatchStore) -> ComparedPatches:
    split = store.reported_split
    sizes = tuple(store.counts(split).tolist())
    missing = [one_line(name) for name, size in zip(store.classes, sizes, strict=True) if not size]
    if missing or len(sizes) < 2:
        none = "no patches" if len(missing) == len(sizes) else f"no patch of {', '.join(missing[:_NAMED])}"
        few = f", and {len(missing) - _NAMED} classes more" if len(missing) > _NAMED else ""
        raise UsageError(
            f"the {split} split of {store.path} has {none + few if missing else 'one class alone'}",
            hint="split the data anew, or give the counts of the classes that there are with {--classes}",
        )
    reported = reported_patches(store)
    groups = None if reported is None or reported.groups is None else reported.groups.codes
    return ComparedPatches(
        names=store.classes,
        sizes=sizes,
        fingerprint=store.fingerprint,
        labels=store.labels[store.indices(split)].astype(np.int64),
        groups=groups,
    )
