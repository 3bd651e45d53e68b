"""Evaluates trained models one after another: corrupted patches, a temperature, another store; keeps what comes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from raysat.data.patch_store import PatchStore
from raysat.inference.classifier import Probabilities
from raysat.inference.corruptions.corrupt import corrupt
from raysat.inference.kept import Kept
from raysat.inference.load import load_trial, read_inputs
from raysat.inference.other_store import Fitting, fitting
from raysat.inference.rows import Rows, calibration_rows, nodata_of, rows_of
from raysat.metrics.temperature import fit_temperature, nll, scaled
from raysat.storage.evaluations import (
    PREDICTIONS,
    VALIDATION,
    Corrupted,
    OtherData,
    Temperature,
)
from raysat.storage.ledger import Ledger
from raysat.storage.predictions import encode_predictions
from raysat.training.device import EVALUATION_BATCH, default_device

Change = Callable[[Tensor, Rows], Tensor]  # of patches on the device, at positions of their store


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be evaluated of each model."""

    corrupted: tuple[Corrupted, ...] = ()
    calibrated: bool = False
    other: OtherData | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the evaluations, as they are kept."""
        calibrated = ("temperature",) if self.calibrated else ()
        other = (self.other.name,) if self.other else ()
        return (*(each.name for each in self.corrupted), *calibrated, *other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where patches are read."""

    own: PatchStore | None  # that the models were trained on; None where no patch of it is needed
    other: PatchStore | None = None


def evaluate_models(
    ledger: Ledger,
    trials: Mapping[str, str],
    wanted: Wanted,
    stores: Stores,
    *,
    versions: Mapping[str, str],
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[int, int]:
    """Evaluate trained models one after another, as far as that was not done before.

    Args:
        ledger: of the run.
        trials: what each is called, by id.
        wanted: of each.
        stores: where patches are read.
        versions: of packages, for the records.
        progress: called with what is evaluated, the patches so far, and all.

    Returns:
        How many results are new, and how many were there.

    Raises:
        UsageError: a store whose patches the models cannot take, or without patches to calibrate on.
        StorageError: damaged records or weights, or a result that cannot be written.
        TrainingError: weights that do not fit.
    """
    device, kept = default_device(), Kept(ledger=ledger, versions=versions)
    lacking = {trial: names for trial in trials if (names := _missing(kept, trial, wanted, stores))}
    _check(ledger, lacking, wanted, stores)
    sizes = _sizes(wanted, stores)
    done, total = 0, sum(sizes[name] for names in lacking.values() for name in names)
    for trial, names in lacking.items():

        def count(what: str, patches: int, called: str = trials[trial]) -> None:
            nonlocal done
            done += patches
            if progress:
                progress(f"{called}: {what}", done, total)

        _Evaluator(kept, trial, stores, device=device, progress=count).evaluate(wanted, names)
    new = sum(map(len, lacking.values()))
    return new, len(trials) * len(wanted.names) - new


def _check(ledger: Ledger, trials: Iterable[str], wanted: Wanted, stores: Stores) -> None:
    """Raise UsageError where some evaluation cannot be made, before the first one is."""
    for trial in trials:
        if wanted.other and stores.other:
            fitting(read_inputs(ledger, trial, stores.own), ledger.read(trial).classes, stores.other)
            rows_of(stores.other, wanted.other.split)
        if wanted.calibrated and stores.own:
            calibration_rows(stores.own, ledger.read_predictions(trial).indices)


def _sizes(wanted: Wanted, stores: Stores) -> dict[str, int]:
    """Patches of each evaluation."""
    reported = len(stores.own.indices(stores.own.reported_split)) if stores.own else 0
    held_out = len(stores.own.indices("val")) if stores.own and stores.own.reported_split != "val" else 0
    sizes = {each.name: reported for each in wanted.corrupted} | {"temperature": reported + held_out}
    if wanted.other and stores.other:
        sizes[wanted.other.name] = len(rows_of(stores.other, wanted.other.split))
    return sizes


def _missing(kept: Kept, trial: str, wanted: Wanted, stores: Stores) -> tuple[str, ...]:
    """Names of the evaluations of a trial that are to be made."""

    def store(name: str) -> PatchStore:
        found = stores.other if wanted.other and name == wanted.other.name else stores.own
        assert found is not None  # noqa: S101  (whoever wants its patches gave it)
        return found

    return tuple(name for name in wanted.names if kept.current(name, trial, store(name)) is None)


class _Evaluator:
    """Evaluates one trained model."""

    def __init__(
        self, kept: Kept, trial: str, stores: Stores, *, device: torch.device, progress: Callable[[str, int], None]
    ) -> None:
        """Read the model; ``progress`` is called with what is evaluated, and the patches since the last call."""
        self._kept, self._ledger, self._trial, self._stores = kept, kept.ledger, trial, stores
        self._device, self._progress = device, progress
        self._model = load_trial(kept.ledger, trial, device=device, store=stores.own)

    def evaluate(self, wanted: Wanted, names: Sequence[str]) -> None:
        """Make the evaluations of these names, and keep each as soon as it is there."""
        for subject in wanted.corrupted:
            if subject.name in names:
                self._corrupted(subject)
        if wanted.calibrated and "temperature" in names:
            self._calibrated()
        if wanted.other and wanted.other.name in names:
            self._on_other(wanted.other)

    def _corrupted(self, subject: Corrupted) -> None:
        began, store, inputs = time.time(), self._own, self._model.inputs

        def change(patches_BCHW: Tensor, rows: Rows) -> Tensor:
            positions_B = torch.tensor(rows, device=self._device)
            changed = corrupt(patches_BCHW, positions_B, inputs, subject.corruption, subject.severity)
            nodata = nodata_of(store, rows, inputs.bands)  # nothing was seen there, of haze and noise neither
            return changed if nodata is None else torch.where(nodata.to(self._device), patches_BCHW, changed)

        found = self._predict(store, self._reported, subject.name, change)
        files = {PREDICTIONS: encode_predictions(store.labels[self._reported], found, self._reported)}
        self._kept.keep(self._trial, subject, store, files, n=len(found), began=began)

    def _calibrated(self) -> None:
        began, store = time.time(), self._own
        held_out, rows, halved = calibration_rows(store, self._reported)
        labels, of_test = store.labels[held_out], store.labels[rows]
        before, test = (self._predict(store, each, "temperature") for each in (held_out, rows))
        temperature = fit_temperature(labels, before)
        after = scaled(before, temperature)
        subject = Temperature(
            temperature=temperature,
            halved=halved,
            fitted_to=len(held_out),
            nll_before=nll(labels, before),
            nll_after=nll(labels, after),
        )
        files = {
            PREDICTIONS: encode_predictions(of_test, scaled(test, temperature), rows),
            VALIDATION: encode_predictions(labels, after, held_out),
        }
        self._kept.keep(self._trial, subject, store, files, n=len(rows), began=began)

    def _on_other(self, subject: OtherData) -> None:
        began, store = time.time(), self._stores.other
        assert store is not None  # noqa: S101  (it is what is wanted)
        fit = self._fitting(store)
        rows = rows_of(store, subject.split)
        found = self._predict(store, rows, subject.name, fit=fit)
        files = {PREDICTIONS: encode_predictions(fit.labels_of(store, rows), found, rows)}
        self._kept.keep(self._trial, subject, store, files, n=len(rows), began=began)

    @property
    def _own(self) -> PatchStore:
        store = self._stores.own
        assert store is not None  # noqa: S101  (whoever wants its patches gave it)
        return store

    @cached_property
    def _reported(self) -> Rows:
        """The patches that the trial's own predictions are of."""
        return self._ledger.read_predictions(self._trial).indices

    def _fitting(self, store: PatchStore) -> Fitting:
        return fitting(self._model.inputs, self._model.classes, store)

    def _predict(
        self, store: PatchStore, rows: Rows, what: str, change: Change | None = None, *, fit: Fitting | None = None
    ) -> Probabilities:
        model, found = self._model, np.empty((len(rows), len(self._model.classes)), np.float32)
        fit = fit or self._fitting(store)
        for start in range(0, len(rows), EVALUATION_BATCH):
            batch = rows[start : start + EVALUATION_BATCH]
            patches = model.to_device(store.images[np.ix_(batch, fit.bands)])
            if change is not None:
                patches = change(patches, batch)
            found[start : start + len(batch)] = model.posterior(patches).cpu().numpy()
            self._progress(what, len(batch))
        return found
