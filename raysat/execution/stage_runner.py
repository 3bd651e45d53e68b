"""Trains a chain on a worker: from the nearest checkpoint, saving each epoch, reading out each trial where it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import ray
import torch
from pydantic import TypeAdapter

from raysat.config.families.learning import Average
from raysat.config.schema import Trial, average_id, canonical_json
from raysat.data.store import PatchStore, Split
from raysat.errors import TrainingError
from raysat.execution.records import describe_hardware, epoch_row, trained_files
from raysat.execution.storage_actor import open_anywhere, open_generated
from raysat.training.checkpoint import decode
from raysat.training.loop import Training
from raysat.training.results import TrialResult

Agree = Callable[[Callable[[], Any]], Any]
_AVERAGE: TypeAdapter[Average] = TypeAdapter(Average)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaf:
    """A trial that ends on the chain."""

    id: str
    trial: Trial

    @property
    def epochs(self) -> int:
        return self.trial.config.optim.epochs


def train_chain(
    job: Mapping[str, Any],
    config: Mapping[str, Any],
    *,
    first: bool,
    device: torch.device,
    report: Callable[..., None],
    abandoned: Callable[[], bool],
    agree: Agree,
) -> None:
    """Train a chain (``Chain.payload``) to its end, or until it is ``abandoned``; the ``first`` worker reports.

    What depends on the moment, such as which checkpoints there are, the first worker finds out and all ``agree`` on. An
    epoch is reported when its checkpoint is on disk: chains that leave this one there may then start. Of epochs that a
    checkpoint brings, the last is reported, or all where a search wants the ``whole_curve``.
    """
    keeper = config["keeper"]
    leaves = _leaves(job, keeper, agree)
    store = open_anywhere(config["store"], config["fingerprint"], keeper)
    generated = open_generated(config["generated"], job["generated"], keeper)
    started = time.time()
    training, until = _begin(job, leaves, store, generated, keeper, device, agree)
    saver = _Saver(job, keeper)
    for each in job["trials"]:
        if each["id"] not in {leaf.id for leaf in leaves}:  # its report may have died with an earlier worker
            report(state="finished", trial=each["id"])
    for past in training.history if job.get("whole_curve") else training.history[-1:]:
        report(state="training", **epoch_row(past), earlier=True)
    for leaf in leaves:
        for row in _epochs_to(leaf.epochs, training, until):
            if first and training.epoch < leaves[-1].epochs:
                saver.save(training)
            report(state="training", **row)
            if job.get("may_stop") and abandoned():
                return
        result = training.result(leaf.trial.config.average)
        if first:
            hardware = describe_hardware(gpus=config["gpus"], workers=config["workers"])
            files = trained_files(leaf.id, leaf.trial, result, store, generated, started=started, hardware=hardware)
            ray.get(keeper.finish.remote(leaf.id, files))
        report(
            state="done" if leaf is leaves[-1] else "finished",
            trial=leaf.id,
            **_scores(result, training.validation_split),
        )


def _leaves(job: Mapping[str, Any], keeper: Any, agree: Agree) -> list[_Leaf]:
    """The trials to read out: not those that an earlier attempt at the chain has finished, but the last one always."""
    left = agree(lambda: ray.get(keeper.unfinished.remote([each["id"] for each in job["trials"]])))
    return [
        _Leaf(id=each["id"], trial=Trial.model_validate_json(canonical_json(each["trial"])))
        for each in job["trials"]
        if each["id"] in left or each is job["trials"][-1]
    ]


def _epochs_to(end: int, training: Training, until: Mapping[str, int]) -> Iterator[dict[str, float | int]]:
    """Train up to an epoch; averages that nobody reads any more are dropped on the way."""
    while training.epoch < end:
        for average in [key for key in training.averages if until[key] <= training.epoch]:
            training.drop_average(average)
        yield epoch_row(training.advance())


def _begin(
    job: Mapping[str, Any],
    leaves: Sequence[_Leaf],
    store: PatchStore,
    generated: Sequence[PatchStore],
    keeper: Any,
    device: torch.device,
    agree: Agree,
) -> tuple[Training, dict[str, int]]:
    """Start at the deepest checkpoint before the first trial's end, or at the beginning.

    Returns the training, and after which epoch each of its averages is needed no more.
    """
    carried = [(_AVERAGE.validate_json(canonical_json(each["average"])), each["epochs"]) for each in job["carried"]]
    until = {average_id(*each): given["until"] for each, given in zip(carried, job["carried"], strict=True)}

    def start() -> Training:
        return Training(leaves[-1].trial, store, generated=generated, averages=carried, device=device)

    training, deepest = start(), leaves[0].epochs
    while deepest:
        name = agree(partial(_find, job["states"][deepest:0:-1], keeper))
        if name is None:
            break
        deepest = job["states"].index(name) - 1  # where to look next
        loaded = _load(training, ray.get(keeper.read_state.remote(name)), until)
        if agree(partial(bool, loaded)):
            if not loaded:
                raise RuntimeError(f"the checkpoint {name}, which the first worker goes on from, cannot be read here")
            break
        training = start()
    return training, until


def _load(training: Training, content: bytes, until: Mapping[str, int]) -> bool:
    """Go on from a checkpoint, unless it lacks an average that is asked for now, or is of another raysat or torch."""
    try:
        state = decode(content)
        for average in training.averages - state.averages.keys():
            if until[average] < state.epoch:
                training.drop_average(average)
        training.restore(state)
    except TrainingError:
        return False
    return True


def _find(states: Sequence[str], keeper: Any) -> str | None:
    name: str | None = ray.get(keeper.find_state.remote(states))
    return name


class _Saver:
    """Writes checkpoints through the keeper; each one replaces the one before, unless others may start there.

    Those at forks, and of epochs that this chain shares with the one that it leaves, are for the driver to delete.
    """

    def __init__(self, job: Mapping[str, Any], keeper: Any) -> None:
        self._states, self._keeper = job["states"], keeper
        self._begins, self._forks = job["begins"], {*job["forks"]}

    def save(self, training: Training) -> None:
        """Save where training stands; when this returns it is on disk, so that no epoch is lost. Raises LedgerError."""
        epoch, before = training.epoch, training.epoch - 1
        drop = self._states[before] if before > self._begins and before not in self._forks else None
        ray.get(self._keeper.save_state.remote(self._states[epoch], training.state().encode(), drop))


def _scores(result: TrialResult, validation_split: Split) -> dict[str, float | int]:
    """What a finished trial is reported with: its final model on the split on which its epochs were validated."""
    metrics = result.metrics[validation_split]
    return {
        "epoch": len(result.history),
        "images": result.samples_seen,
        "balanced_accuracy": metrics.balanced_accuracy,
        "icv": metrics.icv,
    }
