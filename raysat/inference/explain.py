"""Explains trained models one after another, and keeps what it finds: what each band is worth, where they look."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from raysat.data.patch_store import PatchStore
from raysat.errors import StorageError, UsageError
from raysat.inference import importance, occlusion
from raysat.inference.classifier import Classifier
from raysat.inference.load import load_trial
from raysat.storage.evaluations import EvaluationRecord, Evaluations, Subject
from raysat.storage.explanations import IMPORTANCE, OCCLUSION, Importance, Occlusion, encode
from raysat.storage.ledger import Ledger
from raysat.training.device import default_device


def explain_models(
    ledger: Ledger,
    trials: Mapping[str, str],
    store: PatchStore,
    *,
    repeats: int = 0,
    positions: Sequence[int] = (),
    versions: Mapping[str, str],
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[int, int]:
    """Explain trained models, as far as that was not done before.

    Args:
        ledger: of the run.
        trials: what each is called, by id.
        store: that they were trained on.
        repeats: permutations of each band; none by default.
        positions: of patches in the store whose occlusion maps are made; none by default.
        versions: of packages, for the records.
        progress: called with what is explained, the patches classified so far, and all.

    Returns:
        How many results are new, and how many were there.

    Raises:
        UsageError: the store is another one.
        StorageError: damaged records or weights, or a result that cannot be written.
        TrainingError: weights that do not fit.
    """
    device, kept, new = default_device(), Evaluations(ledger.root), 0
    wanted = bool(repeats) + bool(positions)
    for number, (trial, called) in enumerate(trials.items()):
        model = load_trial(ledger, trial, device=device, store=store)
        _check_store(model, store, ledger.read(trial).data.fingerprint)
        subjects: list[Importance | Occlusion] = []
        if repeats:
            subjects.append(importance.importance_subject(model.inputs, repeats))
        if positions:
            subjects.append(occlusion.occlusion_subject(model.inputs, positions))
        for subject in subjects:
            if _is_current(kept, subject, trial, store):
                continue
            told = _told(progress, f"{called}: {subject.kind}", number, len(trials))
            _keep(kept, _explained(ledger, trial, model, store, subject, told), trial, subject, store, versions)
            new += 1
    return new, len(trials) * wanted - new


def _told(
    progress: Callable[[str, int, int], None] | None, what: str, number: int, trials: int
) -> Callable[[int, int], None]:
    """Tell a caller how far all models are, of one of which so many of all patches were classified."""

    def told(done: int, total: int) -> None:
        if progress:
            progress(what, number * total + done, trials * total)

    return told


def _explained(
    ledger: Ledger,
    trial: str,
    model: Classifier,
    store: PatchStore,
    subject: Importance | Occlusion,
    told: Callable[[int, int], None],
) -> tuple[float, int, dict[str, bytes]]:
    """When it began, how many patches it is of, and its files."""
    began, done = time.time(), 0
    rows = ledger.read_predictions(trial).indices
    if rows.max() >= len(store):
        raise UsageError(f"{store.path} has {len(store)} patches, trial {trial} was measured on others")
    total = importance.cost(subject, len(rows)) if isinstance(subject, Importance) else occlusion.cost(subject)

    def count(patches: int) -> None:
        nonlocal done
        done += patches
        told(done, total)

    if isinstance(subject, Importance):
        hits = importance.permuted_hits(model, store, rows, subject, count)
        return began, len(rows), {IMPORTANCE: encode(hits)}
    heat = occlusion.occluded(model, store, subject, count)
    return began, len(subject.positions), {OCCLUSION: encode(heat)}


def _keep(
    kept: Evaluations,
    found: tuple[float, int, dict[str, bytes]],
    trial: str,
    subject: Subject,
    store: PatchStore,
    versions: Mapping[str, str],
) -> None:
    (began, n, files), ended = found, time.time()
    record = EvaluationRecord(
        trial=trial,
        subject=subject,
        data=store.fingerprint,
        n=n,
        seconds=ended - began,
        ended=ended,
        versions=dict(versions),
    )
    kept.write(record, files)


def _is_current(kept: Evaluations, subject: Subject, trial: str, store: PatchStore) -> bool:
    """Whether the same was found before, of the same patches, and is whole."""
    if not kept.has(subject.name, trial) or kept.damage(subject.name, trial) is not None:
        return False
    try:
        record = kept.read(subject.name, trial)
    except StorageError:
        return False
    return record.subject == subject and record.data == store.fingerprint


def _check_store(model: Classifier, store: PatchStore, fingerprint: str | None) -> None:
    if fingerprint not in (None, store.fingerprint) or not set(model.inputs.bands) <= set(store.bands):
        raise UsageError(
            f"{store.path} is not the store that this run was trained on",
            hint="name that with {--data}",
        )
