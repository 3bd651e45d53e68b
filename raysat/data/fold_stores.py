"""The folds of a store that nobody has split by hand: made in the node's cache when a study asks for them, once.

They are the stores that ``raysat data split --folds`` writes. Each lies in the cache as a copy of a store does, under
its own digest; its ``origin.json`` says by a hash of the store and of how it was split what it is a fold of. So they
are found again, go when the cache needs room, and are made anew when they are missed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from raysat.data.grouped import named_groups
from raysat.data.groups import DEFAULT_BLOCK
from raysat.data.importers.base import Progress, no_progress
from raysat.data.patch_store import PatchStore
from raysat.data.remote.cache import (
    ORIGIN,
    Origin,
    cached_stores,
    filling_cache,
    make_room,
    open_cached,
    stores_folder,
)
from raysat.data.remote.open import copy_to_node
from raysat.data.resplit import resplit
from raysat.data.split_by import SHARE, SplitBy
from raysat.data.store_files import LocalFiles
from raysat.errors import DataError, DiskError, StoreError
from raysat.files import install_folder, partial_folder, sync_file
from raysat.files.locks import exclusive
from raysat.formatting import data_size, one_line

_VERSION: Final = 1  # of how folds are made: another one makes other folds of the same store
_TITLE: Final = re.compile(r"(?P<name>.+) \(fold (?P<number>[1-9][0-9]{0,2}) of (?P<folds>[1-9][0-9]{0,2})\)")
_IN_STUDY: Final = {"{--block}": "folds.block", "{--buffer}": "folds.buffer"}


def by_default(store: PatchStore, name: str, how: SplitBy) -> SplitBy:
    """How a store is split where nobody names a block: by the groups that it names, else by its usual blocks.

    Args:
        store: to split.
        name: that it goes by.
        how: as it was asked for.

    Returns:
        How it is split.

    Raises:
        DataError: it knows neither groups nor places, or no places that blocks or a buffer need.
    """
    if store.places is None and (how.block is not None or how.buffer):
        needs = "block" if how.block is not None else "buffer"
        raise DataError(
            f"{one_line(name)} does not know where its patches lie, as folds.{needs} needs it",
            hint=f"leave {needs} out, to keep its groups together, or import the patches with coordinates",
        )
    if how.block is not None or named_groups(store) is not None:
        return how
    if store.places is None:
        raise DataError(
            f"{one_line(name)} knows neither groups of its patches nor where they lie, so it has no folds",
            hint="import them with coordinates, or a manifest with a column group; demo has neither",
        )
    return replace(how, by="spatial", block=DEFAULT_BLOCK)


def fold_number(store: PatchStore, how: SplitBy) -> int | None:
    """Which fold of a store that was split so another one is, from 1; None where it is none of these."""
    told, fold = store.source, store.source.get("fold")
    if type(fold) is not int or how.folds is None or not 1 <= fold <= how.folds:
        return None
    wanted = {"folds": how.folds, "split_seed": how.seed, "block_metres": how.block, "split": how.by}
    wanted |= {"buffer_metres": how.buffer or None, "val_share": None if how.val == SHARE else how.val}
    return fold if all(told.get(name) == value for name, value in wanted.items()) else None


def fold_stores(
    store: PatchStore, name: str, how: SplitBy, *, progress: Progress = no_progress
) -> tuple[PatchStore, ...]:
    """Open the folds of a store from the node's cache, in which they are made where they are not there.

    Args:
        store: of whose patches.
        name: that it goes by: a fold is called ``name (fold 2 of 5)``.
        how: it is split; of folds.
        progress: called with the patches read so far and in all; they are read twice.

    Returns:
        A store for each fold.

    Raises:
        DataError: there are fewer groups than folds, the buffer empties a split of a fold, or the store is damaged.
        DiskError: the cache cannot be written, or has no room for them.
    """
    titles = [fold_title(name, number, how.folds or 0) for number in range(1, (how.folds or 0) + 1)]
    key = _key(store, how)
    if found := _made(store, key, how, titles):
        return found
    with filling_cache() as root, exclusive(root / f"{key}.lock"):
        if found := _made(store, key, how, titles):  # by another process, meanwhile
            return found
        store = copy_to_node(store)
        if not make_room(needed := _bytes(store, how, root)):
            raise DiskError(
                f"the folds of {one_line(name)} take {data_size(needed)}, for which the cache in {root} has no room",
                hint="allow it more with RAYSAT_CACHE_LIMIT, or name a larger disk with RAYSAT_CACHE",
            )
        with partial_folder(root / key) as work:
            outs = [work / str(number + 1) for number in range(len(titles))]
            with _in_study():
                made = resplit(store, outs, how, progress=progress).made
            return tuple(
                _install(each.store, out, f"{key}-{out.name}", title)
                for each, out, title in zip(made, outs, titles, strict=True)
            )


def fold_title(name: str, number: int, folds: int) -> str:
    """Return what a fold of a store is called in plans and reports.

    Args:
        name: that the store goes by.
        number: of the fold, from 1.
        folds: how many there are.
    """
    return f"{one_line(name)} (fold {number} of {folds})"


def read_title(title: str) -> tuple[str, int, int] | None:
    """Return the name of the store, the fold's number and how many there are; None of what is no title of a fold."""
    found = _TITLE.fullmatch(title)
    return None if found is None else (found["name"], int(found["number"]), int(found["folds"]))


def made_fold(title: str, fingerprint: str | None = None) -> PatchStore | None:
    """Open a fold that the cache has, the one that was used last.

    Args:
        title: that it goes by.
        fingerprint: that it has to have.

    Returns:
        The store; None where the cache does not have it.
    """
    if read_title(title) is None:
        return None
    for each in cached_stores():
        store = _opened(each.digest, title) if each.made_by and each.place == title else None
        if store is not None and fingerprint in (None, store.fingerprint):
            return store
    return None


def _key(store: PatchStore, how: SplitBy) -> str:
    """What the folds of a store are known by: its content, places and groups among it, and how it is split."""
    told = json.dumps([_VERSION, store.fingerprint, store.digest, asdict(how)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _made(store: PatchStore, key: str, how: SplitBy, titles: list[str]) -> tuple[PatchStore, ...]:
    """The folds from the cache; none where one is missing or damaged, since all are then made anew."""
    digests = {each.made_by: each.digest for each in cached_stores() if each.made_by}
    found = []
    for number, title in enumerate(titles, 1):
        digest = digests.get(f"{key}-{number}")
        opened = None if digest is None else _opened(digest, title)
        if opened is None or fold_number(opened, how) != number or opened.source.get("split_from") != store.fingerprint:
            return ()
        found.append(opened)
    return tuple(found)


def _opened(digest: str, title: str) -> PatchStore | None:
    try:
        store = open_cached(digest, stores_folder() / digest)
    except StoreError:
        return None
    return None if store is None else replace(store, title=title)


def _install(store: PatchStore, made: Path, made_by: str, title: str) -> PatchStore:
    """Move a store that was made into the cache, and open it before another process may delete it."""
    if any(each.made_by == made_by and each.digest == store.digest for each in cached_stores()):
        whole = _opened(store.digest, title)  # another fold was missing: this one may be in use
        if whole is not None:
            return whole
    (made / ORIGIN).write_text(Origin(place=title, made_by=made_by).model_dump_json(), encoding="utf-8")
    sync_file(made / ORIGIN)
    install_folder(made, stores_folder() / store.digest)
    found = _opened(store.digest, title)
    if found is None:
        raise StoreError(f"{title} was deleted while it was made", hint="run the same command again")
    return found


def _bytes(store: PatchStore, how: SplitBy, root: Path) -> int:
    """What the folds of a store take at most: images that all stay and have no nodata are linked."""
    whole = store.files.total()
    linked = (
        isinstance(store.files, LocalFiles)
        and not how.buffer
        and not any(store.nodata or (1,))
        and store.files.place.stat().st_dev == root.stat().st_dev
    )
    return (whole - store.images.nbytes if linked else whole) * (how.folds or 1)


@contextmanager
def _in_study() -> Iterator[None]:
    """Name the keys of the study in place of the options of ``raysat data split``."""
    try:
        yield
    except DataError as error:
        message, hint = error.template, error.hint_template or ""
        for option, key in _IN_STUDY.items():
            message, hint = message.replace(option, key), hint.replace(option, key)
        raise type(error)(message, hint=hint or None) from None
