"""Makes a study of many arms, a small store, and a run of it whose every trial has a record: a process of its own.

    python -m scaling.made FOLDER ARMS SEEDS [--no-records]

Records are encoded and written as training does; only what a model would have predicted is drawn at random, its weights
are 20 kB of zeros, and the disk is not waited for (no fsync), which a test of ten thousand trials has no use for.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
from itertools import count, product
from pathlib import Path
from typing import Final

STUDY: Final = "scale"
_LOSSES: Final = ("cross_entropy", "focal", "ldam", "balanced_softmax", "logit_adjustment")
_SAMPLERS: Final = ("uniform", "inverse_frequency", "square_root", "effective_number", "drs")
_EPOCHS: Final = 40
_PATCHES: Final = 400  # of the store, a fifth of them for the test
_WEIGHTS: Final = 5_000  # numbers of a model


def axes(arms: int) -> tuple[int, int, int]:
    """How many losses, samplers and learning rates make this many arms with two kinds of average and of reweighting."""
    for losses, samplers in product(range(5, 0, -1), repeat=2):
        if arms % (4 * losses * samplers) == 0:
            return losses, samplers, arms // (4 * losses * samplers)
    raise SystemExit(f"no grid of {arms} arms: give a multiple of 4")


def study_text(arms: int, seeds: int) -> str:
    """The study file: a full grid."""
    losses, samplers, rates = axes(arms)
    values = {
        "loss": ", ".join(f"{{kind: {kind}}}" for kind in _LOSSES[:losses]),
        "sampler": ", ".join(f"{{kind: {kind}}}" for kind in _SAMPLERS[:samplers]),
        "reweight": "{kind: none}, {kind: drw}",
        "average": "{kind: none}, {kind: swa}",
        "optim.lr": ", ".join(f"{1e-4 * (1 + rate):.6f}" for rate in range(rates)),
    }
    grid = "\n".join(f"  {axis}: [{of}]" for axis, of in values.items())
    optim = f"optim: {{kind: adam, lr: 1.0e-3, batch_size: 32, epochs: {_EPOCHS}}}"
    return f"study: {STUDY}\nbase:\n  model: {{name: test_resnet}}\n  {optim}\nseeds: {seeds}\ngrid:\n{grid}\n"


def make_study(folder: Path, arms: int, seeds: int) -> Path:
    """Write the store, once, and the study file; returns the study's path."""
    store = folder / "store"
    if not store.exists():
        words = [sys.executable, "-m", "raysat", "data", "synth", "--out", str(store), "--size", str(_PATCHES)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    space = folder / f"{arms}x{seeds}.yaml"
    space.write_text(study_text(arms, seeds), encoding="utf-8")
    return space


def make_run(space: Path, store: Path, out: Path) -> int:
    """Write a run with a record of every trial; returns their number."""
    import numpy as np
    import torch

    from raysat.data.store import PatchStore
    from raysat.execution.prepare import prepare
    from raysat.execution.workers.records import trained_files
    from raysat.metrics.confusion import Metrics, from_predictions
    from raysat.storage.ledger import Ledger
    from raysat.storage.records import Hardware
    from raysat.study.load import load_study
    from raysat.training.results import EpochReport, TrialResult

    os.fsync = lambda _: None
    patches = PatchStore.open(store)
    plan = prepare(load_study(space, overrides={}), patches, data=str(store))
    ledger = Ledger(out / STUDY)
    ledger.write_plan(plan.study.text, plan.to_file())

    def learned(final: Metrics, epoch: int, rng: np.random.Generator) -> dict[str, float]:
        """What a curve shows: from chance to what the trial reaches, with the noise that epochs have."""
        share = 1 - math.exp(-6 * epoch / _EPOCHS) + (epoch < _EPOCHS) * rng.normal(0, 0.03)
        chance = 1 / len(final.confusion)
        accuracy = chance + share * (final.balanced_accuracy - chance)
        return {"balanced_accuracy": min(1.0, max(0.0, accuracy)), "icv": max(0.0, final.icv * (2 - share))}

    splits = {split: np.asarray(patches.labels)[patches.indices(split)] for split in ("val", "test")}
    for number, trial in zip(count(), plan.trials, strict=False):
        rng = np.random.default_rng(number)
        chances = {}
        for split, labels in splits.items():
            scores = rng.normal(size=(len(labels), len(patches.classes))).astype(np.float32)
            scores[np.arange(len(labels)), labels] += 1 + 0.1 * (trial.trial.config.loss.kind == "ldam")
            chances[split] = torch.softmax(torch.from_numpy(scores), dim=1).numpy()
        metrics = {split: from_predictions(labels, chances[split]) for split, labels in splits.items()}
        history = [
            EpochReport(
                epoch=epoch,
                epochs=_EPOCHS,
                loss=0.2 + 1.5 / (1 + 0.3 * epoch),
                lr=1e-3,
                metrics=metrics["val"].model_copy(update=learned(metrics["val"], epoch, rng)),
                seconds=1.5,
                samples_seen=epoch * trial.samples_seen // _EPOCHS,
            )
            for epoch in range(1, _EPOCHS + 1)
        ]
        result = TrialResult(
            metrics=metrics,
            reported_split="test",
            labels=splits["test"],
            probabilities=chances["test"],
            indices=patches.indices("test"),
            state_dict={"weight": torch.zeros(_WEIGHTS)},
            samples_seen=trial.samples_seen,
            parameters=_WEIGHTS,
            history=tuple(history),
        )
        files = trained_files(trial, result, patches, [], started=1.75e9, hardware=Hardware(device="cpu"))
        ledger.write(trial.id, files)
    return len(plan.trials)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("arms", type=int)
    parser.add_argument("seeds", type=int)
    parser.add_argument("--no-records", action="store_true")
    given = parser.parse_args()
    space = make_study(given.folder, given.arms, given.seeds)
    if not given.no_records:
        make_run(space, given.folder / "store", given.folder / f"{given.arms}x{given.seeds}")


if __name__ == "__main__":
    main()
