"""Trains a chain on a worker: from the nearest checkpoint, saving each epoch, reading out each trial where it ends."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray
import torch
from pydantic import TypeAdapter

from raysat.data.store import PatchStore
from raysat.families.learning import Average
from raysat.spec import Trial, canonical_json
from raysat.training.loop import Outcome, Training
from raysat.trajectory import average_id
from raysat.tuning.keeper import open_anywhere, open_generated
from raysat.tuning.records import describe_hardware, epoch_row, trained_files

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
) -> None:
    """Train a chain (``Chain.payload``) to its end, or until it is ``abandoned``; the ``first`` worker reports.

    An epoch is reported when its checkpoint is on disk: chains that leave this one there may then start.
    """
    keeper = config["keeper"]
    leaves = _leaves(job, keeper)
    store = open_anywhere(config["store"], config["fingerprint"], keeper)
    generated = open_generated(config["generated"], job["generated"], keeper)
    started = time.time()
    training, until = _begin(job, leaves, store, generated, keeper, device)
    saver = _Saver(job, keeper)
    for past in training.history if job.get("may_stop") else training.history[-1:]:  # ASHA compares epoch by epoch
        row = epoch_row(past)
        report(state="training", **row, objective=row["balanced_accuracy"])
    for leaf in leaves:
        for row in _epochs_to(leaf.epochs, training, until):
            if first and training.epoch < leaves[-1].epochs:
                saver.save(training)
            report(state="training", **row, objective=row["balanced_accuracy"])
            if job.get("may_stop") and abandoned():
                return
        outcome = training.outcome(leaf.trial.config.average)
        if first:
            hardware = describe_hardware(gpus=config["gpus"], workers=config["workers"])
            files = trained_files(leaf.id, leaf.trial, outcome, store, generated, started=started, hardware=hardware)
            ray.get(keeper.finish.remote(leaf.id, files))
        report(state="done" if leaf is leaves[-1] else "finished", trial=leaf.id, **_scores(outcome))


def _leaves(job: Mapping[str, Any], keeper: Any) -> list[_Leaf]:
    """The trials to read out: not those that an earlier attempt at the chain has finished, but the last one always."""
    left = {*ray.get(keeper.unfinished.remote([each["id"] for each in job["trials"]])), job["trials"][-1]["id"]}
    return [
        _Leaf(id=each["id"], trial=Trial.model_validate_json(canonical_json(each["trial"])))
        for each in job["trials"]
        if each["id"] in left
    ]


def _epochs_to(end: int, training: Training, until: Mapping[str, int]) -> Iterator[dict[str, float | int]]:
    """Train up to an epoch; averages that nobody reads any more are dropped on the way."""
    while training.epoch < end:
        for average in [key for key in training.averages if until[key] <= training.epoch]:
            training.forget(average)
        yield epoch_row(training.advance())


def _begin(
    job: Mapping[str, Any],
    leaves: Sequence[_Leaf],
    store: PatchStore,
    generated: Sequence[PatchStore],
    keeper: Any,
    device: torch.device,
) -> tuple[Training, dict[str, int]]:
    """Start at the deepest checkpoint before the first trial's end, or at the beginning.

    Returns the training, and after which epoch each of its averages is needed no more.
    """
    carried = [(_AVERAGE.validate_json(canonical_json(each["average"])), each["epochs"]) for each in job["carried"]]
    until = {average_id(*each): given["until"] for each, given in zip(carried, job["carried"], strict=True)}
    training = Training(leaves[-1].trial, store, generated=generated, averages=carried, device=device)
    deepest = leaves[0].epochs
    while deepest and (found := ray.get(keeper.find_state.remote(job["states"][deepest:0:-1]))):
        state = torch.load(io.BytesIO(found), map_location="cpu", weights_only=True)
        if {key for key, last in until.items() if last >= state["epoch"]} <= state["averages"].keys():
            for average in training.averages - state["averages"].keys():
                training.forget(average)
            training.restore(state)
            break
        deepest = state["epoch"] - 1  # from before the study asked for an average that is read here
    return training, until


class _Saver:
    """Writes checkpoints through the keeper; each one replaces the one before, unless a chain starts there."""

    def __init__(self, job: Mapping[str, Any], keeper: Any) -> None:
        self._states, self._keeper = job["states"], keeper
        self._begins, self._mine = job["begins"], set[int]()
        self._shared = {job["begins"], *job["forks"]}  # others start there: the driver deletes these

    def save(self, training: Training) -> None:
        """Save where training stands; when this returns it is on disk, so that no epoch is lost. Raises LedgerError."""
        epoch, before = training.epoch, training.epoch - 1
        own = before in self._mine or before > self._begins
        drop = self._states[before] if own and before not in self._shared else None
        buffer = io.BytesIO()
        torch.save(training.state(), buffer)
        ray.get(self._keeper.save_state.remote(self._states[epoch], buffer.getvalue(), drop))
        self._mine.add(epoch)


def _scores(outcome: Outcome) -> dict[str, float | int]:
    """What a finished trial is reported with: the reported split, and as its objective the watched one."""
    final, watched = outcome.metrics[outcome.reported], outcome.metrics["val" if "val" in outcome.metrics else "test"]
    return {
        "epoch": len(outcome.history),
        "images": outcome.images,
        "balanced_accuracy": final.balanced_accuracy,
        "icv": final.icv,
        "objective": watched.balanced_accuracy,
        "objective_icv": watched.icv,
    }
