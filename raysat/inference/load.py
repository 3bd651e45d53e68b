"""Reads trained models back from a run: those of an arm, a seed each."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from raysat.config.schema import Config
from raysat.data.bands import resolve
from raysat.data.model_inputs import ModelInputs
from raysat.data.store import PatchStore
from raysat.errors import StorageError, UsageError, suggest
from raysat.inference.classifier import Classifier
from raysat.storage.ledger import Ledger
from raysat.storage.plugins import missing_plugin
from raysat.storage.records import Record
from raysat.training.checkpoint import check_archive

_MIXED: Final = "records of several runs seem to be mixed: give {--seeds} of one"
_OLDER: Final = "name the store that it was trained on with {--data}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedArm:
    """An arm's finished models, a seed each, which all take the same patches and tell the same classes apart."""

    name: str
    seeds: tuple[int, ...]
    trials: tuple[str, ...]  # ids
    models: tuple[Classifier, ...]

    @property
    def inputs(self) -> ModelInputs:
        """What its models take."""
        return self.models[0].inputs

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names, by label."""
        return self.models[0].classes


def load_arm(
    ledger: Ledger,
    arm: str,
    *,
    device: torch.device,
    seeds: Sequence[int] | None = None,
    store: PatchStore | None = None,
) -> TrainedArm:
    """Read the finished models of an arm.

    Args:
        ledger: of the run.
        arm: its name in the study.
        device: where they are wanted.
        seeds: which; by default all that are finished.
        store: that they were trained on; needed where an older raysat wrote their records.

    Returns:
        The arm.

    Raises:
        UsageError: an arm or a seed that the run does not have, or has not finished.
        StorageError: damaged records or weights, or of models that do not take the same.
        TrainingError: weights that do not fit.
    """
    chosen = finished_trials(ledger, arm, seeds)
    models = tuple(load_trial(ledger, trial, device=device, store=store) for trial in chosen.values())
    _check_same(arm, dict(zip(chosen, models, strict=True)))
    return TrainedArm(name=arm, seeds=tuple(chosen), trials=tuple(chosen.values()), models=models)


def finished_trials(ledger: Ledger, arm: str, seeds: Sequence[int] | None = None) -> dict[int, str]:
    """Return the ids of an arm's finished trials, by seed.

    Args:
        ledger: of the run.
        arm: its name in the study.
        seeds: which; by default all that are finished.

    Raises:
        UsageError: an arm or a seed that the run does not have, or has not finished.
    """
    arms = {entry.name: entry for entry in ledger.read_plan().arms}
    if arm not in arms:
        raise UsageError(f"{ledger.root} has no arm {arm!r}", hint=suggest(arm, tuple(arms)))
    trials = {trial.seed: trial.id for trial in arms[arm].trials}
    finished = ledger.finished(trials.values())
    done = {seed: trial for seed, trial in trials.items() if trial in finished}
    for seed in seeds or ():
        if seed not in done:
            has = ", ".join(map(str, done)) or "none"
            raise UsageError(f"arm {arm!r} has no finished trial of seed {seed}", hint=f"its finished seeds: {has}")
    if not done:
        raise UsageError(f"arm {arm!r} has no finished trial", hint=f"see {{raysat status}} {ledger.root}")
    return {seed: done[seed] for seed in (seeds or done)}


def load_trial(ledger: Ledger, trial_id: str, *, device: torch.device, store: PatchStore | None = None) -> Classifier:
    """Read the model of a finished trial.

    Args:
        ledger: of its run.
        trial_id: the trial.
        device: where the model is wanted.
        store: that it was trained on; needed where an older raysat wrote its record.

    Returns:
        The model.

    Raises:
        UsageError: the record does not say what the model takes, and no store or another one is given.
        StorageError: a damaged record or weights.
        TrainingError: weights that do not fit.
    """
    record, config = ledger.read(trial_id), _read_config(ledger, trial_id)
    inputs = record.inputs or _inputs_of(record, config, store)
    weights = read_weights(ledger, trial_id)
    return Classifier.restore(config, inputs, record.classes, weights, device, record.readout)


def read_inputs(ledger: Ledger, trial_id: str, store: PatchStore | None = None) -> ModelInputs:
    """Return what patches the model of a finished trial takes.

    Args:
        ledger: of its run.
        trial_id: the trial.
        store: as of ``load_trial``.

    Raises:
        UsageError: as ``load_trial``.
        StorageError: a damaged record.
    """
    record = ledger.read(trial_id)
    return record.inputs or _inputs_of(record, _read_config(ledger, trial_id), store)


def _read_config(ledger: Ledger, trial_id: str) -> Config:
    config = ledger.read_spec(trial_id).config
    if not isinstance(config, Config):
        if (missing := missing_plugin(ledger.root, config)) is not None:
            raise missing
        raise StorageError(f"trial {trial_id} was trained by another raysat, whose settings this one does not know")
    return config


def _check_same(arm: str, models: Mapping[int, Classifier]) -> None:
    """Raise StorageError where the models of seeds take other patches, or tell other classes apart."""
    (first, one), *others = models.items()
    for seed, other in others:
        for what in ("bands", "height", "width", "dtype"):
            here, there = getattr(one.inputs, what), getattr(other.inputs, what)
            if here != there:
                raise StorageError(f"arm {arm!r}: seed {first} takes {what} {here}, seed {seed} {there}", hint=_MIXED)
        if one.classes != other.classes:
            raise StorageError(f"arm {arm!r}: seeds {first} and {seed} tell other classes apart", hint=_MIXED)


def read_weights(ledger: Ledger, trial_id: str) -> dict[str, Tensor]:
    """Read the weights of a finished trial, on the CPU. Raises StorageError where they are damaged."""
    content = ledger.read_weights(trial_id)
    try:
        check_archive(content)
        weights = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, ValueError, LookupError) as error:
        cause = str(error).partition("\n")[0]
        raise StorageError(f"the weights of trial {trial_id} cannot be read: {cause}") from None
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise StorageError(f"the weights of trial {trial_id} are no tensors by name")
    # Saved tensors may share their memory, and so claim to be larger than their file: a copy would not be.
    if sum(value.numel() * value.element_size() for value in weights.values()) > len(content):
        raise StorageError(f"the weights of trial {trial_id} are more than their file holds")
    return weights


def _inputs_of(record: Record, config: Config, store: PatchStore | None) -> ModelInputs:
    """What the model of an older record takes, from the store that it was trained on."""
    if store is None:
        raise UsageError(f"the record of trial {record.id} does not say what patches its model takes", hint=_OLDER)
    if store.fingerprint != record.data.fingerprint:
        raise UsageError(f"{store.path} is not the store that trial {record.id} was trained on", hint=_OLDER)
    bands = resolve(config.data.bands, available=store.bands, sensor=store.sensor)
    return ModelInputs.of(store, bands)
