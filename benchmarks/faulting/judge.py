"""What must hold of a run whatever befell it: equal results, nothing finished trained again, little trained twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.faulting.machine import Machine
from benchmarks.faulting.study import Work
from raysat.errors import StorageError
from raysat.files import AnyPath, read_bytes
from tests.helpers.outcome import outcome

_SUMS: Final = 1 << 20  # bytes of a record's checksums, by far


@dataclass(frozen=True, slots=True)
class Seal:
    """A record as it was when its trial was first seen to be finished."""

    sums: str  # which tell it from another record of the trial
    begun: int  # epochs of the run by then


def seal(run: AnyPath, trial: str) -> str | None:
    """The checksums of a record; None where a trial has none."""
    try:
        return read_bytes(run / "trials" / trial / "SHA256SUMS", max_bytes=_SUMS).decode()
    except StorageError:
        return None


def problems(
    place: Machine, work: Work, undisturbed: Mapping[str, str], *, seals: Mapping[str, Seal], lost: int
) -> Iterator[str]:
    """Compare a run that has ended with what it should have come to.

    Args:
        place: where it ran.
        work: what it had to train.
        undisturbed: what it comes to when nothing happens.
        seals: of trials that were finished on the way.
        lost: images that may have been trained twice.

    Yields:
        What is wrong.
    """
    begun = place.begun()
    try:
        found = outcome(place.run)
    except (AssertionError, StorageError) as error:
        yield f"not finished: {error}"
    else:
        names = sorted(found.keys() | undisturbed.keys())
        yield from (f"differs: {name}" for name in names if found.get(name) != undisturbed.get(name))
    for trial, before in seals.items():
        if seal(place.run, trial) != before.sums:
            yield f"the finished trial {trial} was written again"
    for index, (state, _) in enumerate(begun):
        of = [trial for trial, states in work.trials.items() if state in states]
        if of and all(trial in seals and seals[trial].begun <= index for trial in of):
            yield f"the finished trial {of[0]} was trained again"
    trained = sum(images for _, images in begun)
    if trained < work.needed:
        yield f"{trained:,} images trained, {work.needed:,} needed"
    if trained > work.needed + lost:
        yield f"{trained - work.needed:,} images too many, {lost:,} could be lost"
