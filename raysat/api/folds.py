"""The folds of a study: the stores that it is trained on, made of the one that it is given."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from raysat.api.stores import Store, as_store, shown_store
from raysat.config.arguments import checked
from raysat.data.fold_stores import by_default, fold_number, fold_title, read_title
from raysat.data.fold_stores import fold_stores as stores_of
from raysat.data.groups import DEFAULT_BLOCK
from raysat.data.importers.base import Progress, no_progress
from raysat.data.patch_store import PatchStore
from raysat.data.split_by import SplitBy
from raysat.errors import UsageError
from raysat.formatting import one_line
from raysat.study.folds import Folds, run_name
from raysat.study.load import Study, load_study
from raysat.study.source import Source


@checked
def fold_stores(
    study: Study | Source, data: Store | Path | str, *, progress: Progress = no_progress
) -> tuple[Store, ...]:
    """Return the folds of a study's data, each a store to plan or train the study on.

    They are made in the node's cache when they are first asked for (``docs/places.md``), and are the same stores that
    ``split_store`` writes. Each fold goes by the name of its store: ``stores/fields (fold 2 of 5)``.

    Args:
        study: with ``folds``, or what ``load_study`` reads it from.
        data: the store to split: open, its path or URL; or one of the folds, by its name or path or open.
        progress: called with the patches read so far and in all, where folds are made; they are read twice.

    Returns:
        A store for each fold; where ``data`` is one of the folds, that alone.

    Raises:
        StudyError: a mistake in the study.
        UsageError: the study has no folds, or ``data`` is a fold of others.
        DataError: groups or places are not known, there are fewer groups than folds, the buffer empties a split of a
            fold, or the store is damaged.
        DiskError: the cache cannot be written, or has no room.
    """
    study = study if isinstance(study, Study) else load_study(study)
    folds = study.folds
    if folds is None:
        raise UsageError(f"the study {study.name} has no folds", hint="say how many in the study: folds: 5")
    asked = None if isinstance(data, PatchStore) else read_title(str(data))
    if asked is not None and not os.path.exists(str(data)):  # noqa: PTH110  (False also where it cannot be a path)
        name, number, count = asked
        if count != folds.number or number > count:
            raise _no_fold(str(data), folds)
        return (_made(folds, *as_store(name), progress)[number - 1],)
    store, name = as_store(data)
    if number_in(folds, store) is not None:
        return (store,)
    if "folds" in store.source:
        raise _no_fold(name, folds)
    return _made(folds, store, name, progress)


def as_fold(study: Study, store: PatchStore, name: str) -> Study:
    """Return the study as it is trained on one of its folds, named so; as it is, where it has none.

    Args:
        study: that may have folds.
        store: one of them.
        name: that the store goes by.

    Raises:
        UsageError: the store is none of them.
    """
    if study.folds is None:
        return study
    if (number := number_in(study.folds, store)) is None:
        message = f"the study is of {study.folds.number} folds, and {one_line(name)} is none of them, split as it says"
        raise UsageError(message, hint="take each of raysat.fold_stores(study, data)")
    return replace(study, name=run_name(study.name, number))


def number_in(folds: Folds, store: PatchStore) -> int | None:
    """Which of some folds a store is, from 1; None where it is none of them."""
    how = _how(folds)
    by_blocks = replace(how, by="spatial", block=DEFAULT_BLOCK)  # where nobody names a block, nor the store groups
    return fold_number(store, how) or (None if folds.block else fold_number(store, by_blocks))


def _made(folds: Folds, store: Store, name: str, progress: Progress) -> tuple[Store, ...]:
    how = by_default(store, name, _how(folds))
    return tuple(map(shown_store, stores_of(store, name, how, progress=progress)))


def _how(folds: Folds) -> SplitBy:
    return SplitBy(
        by="group" if folds.block is None else "spatial",
        block=folds.block,
        buffer=folds.buffer,
        val=folds.val,
        folds=folds.number,
        seed=folds.seed,
    )


def _no_fold(name: str, folds: Folds) -> UsageError:
    example = fold_title("stores/fields", 1, folds.number)
    return UsageError(
        f"{one_line(name)} is a fold, and none of the study's {folds.number}, split as it says",
        hint=f"give {{--data}} the store that is split, or one of its folds, such as {example!r}",
    )
