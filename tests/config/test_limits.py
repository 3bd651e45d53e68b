"""Numbers that are far too large: one error at once, from the real command, and nothing is left behind."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HUGE = 10**12
AXES = ("optim.lr", "optim.weight_decay", "optim.clip_norm", "optim.batch_size", "optim.epochs", "schedule.warmup")
AXES += ("loss.label_smoothing", "data.bands", "model.name")


def grid(axes: int) -> str:
    return "grid:\n" + "".join(f"  {key}: {list(range(2, 12))}\n" for key in AXES[:axes])


def gan(key: str) -> str:
    return f"base:\n  synthetic: {{kind: dcgan, equalise: {key != 'patches'}, {key}: {HUGE}}}\n".lower()


PLAN = {
    "epochs": (
        f"base:\n  optim:\n    epochs: {HUGE}\n",
        [],
        r":3: optim\.epochs must be <= 10,000, got 1000000000000 ",
    ),
    "epochs of 400 digits": (
        f"base:\n  optim: {{epochs: {10**399}}}\n",
        [],
        r":2: optim\.epochs must be <= 10,000, got 1000000…0000 \(400 digits\) ",
    ),
    "--epochs": (
        "base: {}\n",
        ["--epochs", str(10**9)],
        r"--epochs must be a whole number from 1 to 10,000, got 1000000000$",
    ),
    "seeds": ("base: {}\nseeds: 1000000000\n", [], r":2: seeds: a study has 1,000 at most, got 1000000000$"),
    "more seeds": ("seeds: 100000000000\n", [], r":1: seeds: a study has 1,000 at most, got 100000000000$"),
    "--seeds": (
        "seeds: 3\n",
        ["--seeds", str(10**9)],
        r"--seeds must be a whole number from 1 to 1,000, got 1000000000$",
    ),
    "a list of seeds": (
        f"base: {{}}\nseeds: {list(range(5000))}\n",
        [],
        r":2: seeds: a study has 1,000 at most, got a list of 5,000$",
    ),
    "a longer list of seeds": (
        f"seeds: {list(range(100_000))}\n",
        [],
        r"study\.yaml cannot be read: it is larger than 150,000 bytes$",
    ),
    "cells": (
        f"base: {{}}\n{grid(9)}",
        [],
        r":2: grid: the axes make 1,000,000,000 combinations, more than 10,000 before any is excluded$",
    ),
    "a value of an axis": (
        f"grid:\n  optim.epochs: [1, {10**399}]\n",
        [],
        r":2: optim\.epochs must be <= 10,000, got 1000000…0000 \(400 digits\) $",
    ),
    "arms x seeds": (
        f"{grid(3)}seeds: 1000\n",
        [],
        r":5: seeds: 1,000 arms x 1,000 seeds are 1,000,000 trials, more than 100,000$",
    ),
    "epochs in all": (
        "base: {optim: {epochs: 10000}}\nseeds: 1000\n",
        [],
        r":2: seeds: the trials would train 10,000,000 epochs in all, more than 4,000,000$",
    ),
    **{
        f"synthetic.{key}": (gan(key), [], rf":2: synthetic\.{key} must be <= {bound}, got 1000000000000 ")
        for key, bound in (
            ("patches", "10,000,000"),
            ("steps", "10,000,000"),
            ("batch_size", "4,096"),
            ("width", "1,024"),
            ("latent", "4,096"),
        )
    },
}
SEARCH = "search:\n  optim.lr: {uniform: [0.1, 0.2]}\n"
TUNE = {
    "epochs": (SEARCH, ["--epochs", str(10**9)], r"--epochs must be a whole number from 1 to 10,000, got 1000000000$"),
    "trials": (
        SEARCH + f"budget: {{trials: {HUGE}}}\n",
        [],
        r":3: budget\.trials must be <= 10,000, got 1000000000000$",
    ),
    "corners": (
        "search:\n" + "".join(f"  {key}: {{choice: {list(range(2, 102))}}}\n" for key in AXES[:4]),
        [],
        r":1: search: the choices and ends of the parameters make 100,000,000 combinations, more than 10,000$",
    ),
}


def run(folder: Path, command: str, text: str, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the command on a study of this text, from an empty folder."""
    (folder / "empty").mkdir()
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    given = [sys.executable, "-m", "raysat", command, "--space", "../study.yaml", *words]
    # As long as nothing hangs; on an idle machine each takes half a second.
    return subprocess.run(given, cwd=folder / "empty", capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("command", "case"), [*(("plan", case) for case in PLAN), *(("tune", case) for case in TUNE)])
def test_a_number_far_too_large_is_one_error_at_once(tmp_path: Path, command: str, case: str) -> None:
    text, words, message = (PLAN if command == "plan" else TUNE)[case]
    done = run(tmp_path, command, text, words)
    error, hint = done.stderr.splitlines()
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.search(message, re.sub(r" \(arm '[^']*'\)$", " ", error)), error
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert len(error) < 200
    assert not list((tmp_path / "empty").iterdir())


def test_what_is_refused_needs_no_heavy_import(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(PLAN["epochs"][0], encoding="utf-8")
    code = (
        "import sys; sys.argv = ['raysat', 'plan', '--space', 'study.yaml']\n"
        "try:\n    from raysat.cli.main import main; main()\n"
        "finally:\n    heavy = {'torch', 'ray', 'pandas', 'rasterio', 'matplotlib', 'scipy', 'timm'}\n"
        "    print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "HEAVY []"
    assert "optim.epochs must be" in done.stderr
