"""Studies that tune their arms first, on real Ray: killed while they tune and gone on with, and what is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import raysat as api
from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import PlanError, UsageError
from tests.helpers.command import STUDY, Raysat, ablate
from tests.helpers.paths import ROOT

OVER = "over: {optim.lr: {log_uniform: [1.0e-3, 1.0e-1]}, loss.max_margin: {uniform: [0.1, 0.9]}}"
TUNE = f"tune: {{per_arm: 4, rounds: 2, {OVER}}}\n"


def results(run: Path) -> dict[str, Any]:
    """What a run says, but for when it was and how long it took."""
    trials = api.open_run(run).ledger.read_plan().trial_ids
    predictions = {trial: (run / "trials" / trial / "predictions.npz").read_bytes() for trial in trials}
    return {"plan": (run / "plan.json").read_bytes().replace(b"killed", b"whole"), "predictions": predictions}


def test_a_study_tunes_its_arms_and_one_that_is_killed_comes_to_the_same(
    raysat: Raysat, tmp_path: Path, landsat_store: PatchStore, ray_session: None
) -> None:
    space = tmp_path / "tiny.yaml"
    space.write_text(STUDY + TUNE, encoding="utf-8")
    words = ("--cpus-per-trial", 1)
    command = [sys.executable, "-m", "raysat", *map(str, ablate(space, landsat_store, tmp_path / "killed", *words))]
    trials = tmp_path / "killed" / "tiny-tune" / "trials"
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as driver:
        until = time.monotonic() + 180
        while not (trials.is_dir() and any(trials.iterdir())) and driver.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(driver.pid, signal.SIGKILL)
    assert not (tmp_path / "killed" / "tiny").exists()

    whole = raysat(*ablate(space, landsat_store, tmp_path / "whole", *words))
    assert (whole.code, whole.err) == (0, "")
    assert "each tuned by 4 trials first" in whole.out
    assert "4, 1 stopped" in whole.out
    assert "(as written)  seed" in whole.out
    resumed = raysat(*ablate(space, landsat_store, tmp_path / "killed", *words))
    assert resumed.code == 0
    for name in ("tiny-tune", "tiny"):
        assert results(tmp_path / "killed" / name) == results(tmp_path / "whole" / name)
    arms = [arm.name for arm in api.open_run(tmp_path / "whole" / "tiny-tune").ledger.read_plan().arms]
    assert [sum("(1 epoch)" in arm for arm in arms), len(arms)] == [8, 8 + 6]

    again = raysat(*ablate(space, landsat_store, tmp_path / "whole", *words))
    assert again.out.count("nothing to do") == 2
    assert sum(path.name.startswith("tiny") for path in (tmp_path / "whole").iterdir()) == 2
    run = api.open_run(tmp_path / "whole" / "tiny")
    study = api.load_study(space)
    tuned = api.tune_arms(study, landsat_store.path, out=tmp_path / "whole")
    assert tuned.to_frame()[["tried", "failed", "stopped"]].to_numpy().tolist() == [[4, 0, 1]] * 2
    assert [each.arm for each in run.ledger.read_plan().tuned] == [arm.name for arm in study.arms]
    assert api.ablate(study, landsat_store.path, out=tmp_path / "whole").is_complete

    page = raysat("report", run.path, "--out", tmp_path / "report")
    assert page.code == 0
    assert "Each arm was tuned by 4 trials on val, 1 of them stopped after shorter trainings" in page.out
    for name in ("report.html", "report.md", "report.tex"):
        assert "as written" in (tmp_path / "report" / name).read_text(encoding="utf-8")
    assert (tmp_path / "report" / "tuned.csv").is_file()


def test_a_plan_says_what_tuning_costs(raysat: Raysat, tmp_path: Path, landsat_store: PatchStore) -> None:
    space = tmp_path / "tiny.yaml"
    images = 2 * int(landsat_store.counts("train").sum())  # an epoch of both arms
    for tune, said in {
        TUNE: f"first 14 trials in 2 rounds (2 arms x 4 + 3), 20 epochs, {10 * images:,} images at most",
        TUNE.replace("rounds: 2, ", ""): f"first 8 trials (2 arms x 4), {8 * images:,} images at most",
    }.items():
        space.write_text(STUDY + tune, encoding="utf-8")
        plan = raysat("plan", "--space", space, "--data", landsat_store.path)
        assert plan.code == 0
        assert said in " ".join(plan.out.split())


def test_what_cannot_train_as_briefly_as_a_round_is_refused_before_anything_is_trained(
    raysat: Raysat, tmp_path: Path, landsat_store: PatchStore
) -> None:
    space = tmp_path / "tiny.yaml"
    space.write_text(STUDY + "  SWA: {average: {kind: swa}}\n" + TUNE, encoding="utf-8")
    for words in (["plan", "--space", space, "--data", landsat_store.path], ablate(space, landsat_store, tmp_path)):
        refused = raysat(*words)
        assert refused.code == 2
        assert "tiny.yaml:8: tune.rounds: arm 'SWA' cannot train a round of 1 epoch: average.start" in refused.err
        assert "hint: take fewer rounds, or set optim.epochs higher" in refused.err
        assert [path.name for path in tmp_path.iterdir()] == ["tiny.yaml"]


def test_a_study_that_tunes_nothing_is_refused(landsat_store: PatchStore, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="quickstart tunes no arm"):
        api.tune_arms("quickstart", landsat_store.path, out=tmp_path)


def test_settings_are_not_chosen_by_the_test_split(landsat_store: PatchStore, tmp_path: Path) -> None:
    kept = {name: getattr(landsat_store, name) for name in ("bands", "classes", "sensor", "source")}
    with StoreWriter(tmp_path / "store", **kept) as writer:
        for number in range(len(landsat_store)):
            split = "train" if number % 4 else "test"
            writer.add(landsat_store.images[number], int(landsat_store.labels[number]), split)
        writer.close()
    study = {"arms": {"plain": {}}, "tune": {"per_arm": 2, "over": {"optim.lr": {"uniform": [0.1, 0.2]}}}}
    with pytest.raises(PlanError, match="has no val split, and settings must not be chosen by the test split"):
        api.tune_arms(study, tmp_path / "store", out=tmp_path)
