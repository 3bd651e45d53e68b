"""Explains trained models one after another, and keeps what it finds: what each band is worth, where they look."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from raysat.data.model_inputs import ModelInputs
from raysat.data.patch_store import PatchStore
from raysat.errors import UsageError
from raysat.inference import importance, occlusion
from raysat.inference.kept import Kept
from raysat.inference.load import load_trial, read_inputs
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
    device, kept = default_device(), Kept(ledger=ledger, versions=versions)
    subjects: list[tuple[str, Importance | Occlusion]] = []
    for trial in trials:
        inputs = read_inputs(ledger, trial, store)
        _check_store(inputs, store, ledger.read(trial).data.fingerprint)
        subjects += [(trial, importance.importance_subject(inputs, repeats))] if repeats else []
        subjects += [(trial, occlusion.occlusion_subject(inputs, positions))] if positions else []
    missing = [(trial, subject) for trial, subject in subjects if not _is_there(kept, trial, subject, store)]
    rows = {trial: _rows(ledger, trial, store) for trial, _ in missing}
    done, total = 0, sum(_cost(subject, rows[trial]) for trial, subject in missing)
    for trial, subject in missing:

        def count(patches: int, what: str = f"{trials[trial]}: {subject.kind}") -> None:
            nonlocal done
            done += patches
            if progress:
                progress(what, done, total)

        began, model = time.time(), load_trial(ledger, trial, device=device, store=store)
        if isinstance(subject, Importance):
            hits = importance.permuted_hits(model, store, rows[trial], subject, count)
            kept.keep(trial, subject, store, {IMPORTANCE: encode(hits)}, n=len(hits.labels), began=began)
        else:
            heat = occlusion.occluded(model, store, subject, count)
            kept.keep(trial, subject, store, {OCCLUSION: encode(heat)}, n=len(heat.labels), began=began)
    return len(missing), len(subjects) - len(missing)


def _is_there(kept: Kept, trial: str, subject: Importance | Occlusion, store: PatchStore) -> bool:
    record = kept.current(subject.name, trial, store)
    return record is not None and record.subject == subject


def _cost(subject: Importance | Occlusion, rows: importance.Rows) -> int:
    """How many patches are classified for it."""
    return importance.cost(subject, len(rows)) if isinstance(subject, Importance) else occlusion.cost(subject)


def _rows(ledger: Ledger, trial: str, store: PatchStore) -> importance.Rows:
    """The patches that a trial is measured on."""
    rows = ledger.read_predictions(trial).indices
    if rows.max() >= len(store):
        raise UsageError(f"{store.path} has {len(store)} patches, trial {trial} was measured on others")
    return rows


def _check_store(inputs: ModelInputs, store: PatchStore, fingerprint: str | None) -> None:
    if fingerprint not in (None, store.fingerprint) or not set(inputs.bands) <= set(store.bands):
        raise UsageError(
            f"{store.path} is not the store that this run was trained on",
            hint="name that with {--data}",
        )
