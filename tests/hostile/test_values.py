"""Studies whose values can only fail or do nothing: refused by plan with file, line, number and limit, at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import raysat as package
from raysat.errors import UsageError
from tests.helpers.hostile import assert_refused

Raysat = Callable[..., Any]
pytestmark = pytest.mark.timeout(20)
# A part of base, and what the error says of it.
PARTS = {
    "optim: {lr: 1.0e+300}": "optim.lr must be <= 1,000, got 1e+300",
    "optim: {lr: 1.0e-320}": "optim.lr must be >= 1e-12, got 1e-320",
    "optim: {lr: 0}": "optim.lr must be >= 1e-12, got 0",
    "optim: {weight_decay: 1.0e+300}": "optim.weight_decay must be <= 1,000",
    "optim: {weight_decay: 1.0e-300}": "optim.weight_decay must be 0 or >= 1e-12, got 1e-300",
    "optim: {clip_norm: 1.0e-320}": "optim.clip_norm must be >= 1e-06",
    "optim: {clip_norm: 1.0e+300}": "optim.clip_norm must be <= 1e+06",
    "optim: {kind: sgd, momentum: 1.0e-300}": "optim.momentum must be 0 or >= 1e-12",
    "optim: {batch_size: 1000000000}": "optim.batch_size must be <= 10,000,000",
    "optim: {epochs: 1000000}": "optim.epochs must be <= 10,000, got 1000000",
    "augment: {kind: augmix, alpha: 1.0e+300}": "augment.alpha must be <= 1,000",
    "augment: {kind: augmix, alpha: 1.0e-300}": "augment.alpha must be >= 0.01",
    "augment: {kind: mixup, alpha: 1.0e+300}": "augment.alpha must be <= 1,000",
    "augment: {kind: mixup, alpha: 1.0e-300}": "augment.alpha must be >= 0.01",
    "augment: {kind: augmix, jsd_weight: 1.0e+300}": "augment.jsd_weight must be <= 1,000",
    "augment: {kind: augmix, severity: 1000}": "augment.severity must be <= 10",
    "augment: {kind: augmix, width: 1000000000}": "augment.width must be <= 10",
    "loss: {kind: focal, gamma: 1.0e+300}": "loss.gamma must be <= 100",
    "loss: {kind: ldam, scale: 1.0e+300}": "loss.scale must be <= 1,000",
    "loss: {kind: ldam, max_margin: 1.0e+300}": "loss.max_margin must be <= 1,000",
    "loss: {kind: ldam, max_margin: 1.0e-300}": "loss.max_margin must be >= 1e-06",
    "loss: {kind: logit_adjustment, tau: 1.0e+300}": "loss.tau must be <= 100",
    "loss: {label_smoothing: 1.0e-300}": "loss.label_smoothing must be 0 or >= 1e-12",
    "reweight: {kind: drw, beta: 1.0e-300}": "reweight.beta must be 0 or >= 1e-12",
    "schedule: {kind: one_cycle, max_lr: 1.0e+300}": "schedule.max_lr must be <= 1,000",
    "schedule: {kind: one_cycle, start_div: 1.0e+300}": "schedule.start_div must be <= 1e+06",
    "schedule: {kind: triangular, step_epochs: 1.0e-320}": "schedule.step_epochs must be >= 0.01",
    "schedule: {kind: exp_range, gamma: 1.0e-300}": "schedule.gamma must be >= 0.01",
    "schedule: {kind: multistep, gamma: 1.0e-300}": "schedule.gamma must be >= 1e-06",
    "schedule: {kind: cosine, final_lr: 1.0e-300}": "schedule.final_lr must be 0 or >= 1e-12",
    "average: {kind: ema, decay: 1.0e-300}": "average.decay must be >= 0.01",
    "average: {kind: swa, start: 1}": "average.start 1 with optim.epochs 40 takes 1 snapshot",
    "synthetic: {kind: dcgan, equalise: false, patches: 1000000000000}": "synthetic.patches must be <= 10,000,000",
    "synthetic: {kind: dcgan, steps: 1000000000000}": "synthetic.steps must be <= 10,000,000",
    "synthetic: {kind: dcgan, width: 1000000000}": "synthetic.width must be <= 1,024",
    "synthetic: {kind: dcgan, batch_size: 1000000000}": "synthetic.batch_size must be <= 4,096",
    "synthetic: {kind: dcgan, latent: 1000000000000}": "synthetic.latent must be <= 4,096",
    "synthetic: {kind: dcgan, lr: 1.0e+300}": "synthetic.lr must be <= 1,000",
}


@pytest.mark.parametrize("part", PARTS)
def test_a_setting_that_can_only_fail_or_do_nothing_is_refused(raysat: Raysat, tmp_path: Path, part: str) -> None:
    (tmp_path / "study.yaml").write_text(f"base:\n  {part}\n", encoding="utf-8")
    assert_refused(raysat("plan", "--space", tmp_path / "study.yaml"), 2, "study.yaml:2: ", PARTS[part], "hint: ")


LONG = "x" * 10_000
NUMBERS = ", ".join(map(str, range(1, 101)))
STUDIES = {
    "zip: false": (1, "'zip' must be a list of mappings"),
    "zip: []": (1, "'zip' is empty"),
    "grid: {}": (1, "'grid' is empty"),
    "grid: false": (1, "'grid' must be a mapping"),
    "arms: null": (1, "'arms' is empty"),
    "arms: {}": (1, "'arms' is empty"),
    "exclude: []": (1, "'exclude' is empty"),
    "base: false": (1, "'base' must be a mapping"),
    "seeds: 100000000000": (1, "a study has 1,000 at most, got 100000000000"),
    "seeds: 1000000": (1, "a study has 1,000 at most, got 1000000"),
    "seeds: null": (1, "seeds must be different whole numbers"),
    "grid:\n" + "".join(f"  {key}: [{NUMBERS}]\n" for key in "abcdef"): (1, "make 1,000,000,000,000 combinations"),
    f"grid:\n  optim.batch_size: [{NUMBERS}]\n  optim.lr: [{NUMBERS}]\nseeds: 100": (
        4,
        "10,000 arms x 100 seeds are 1,000,000 trials, more than 100,000",
    ),
    f"study: {LONG}": (1, "cannot name a folder"),
    f"base: {{model: {{name: {LONG}}}}}": (1, "timm knows no model"),
    f"reference: {LONG}": (1, "unknown reference"),
    f"grid: {{model.name: [{LONG}]}}": (1, "timm knows no model"),
    f"arms:\n  ? {LONG}\n  : {{optim.lr: -1}}": (2, "an arm's name has 200 characters at most"),
    f"{LONG[:1000]}: 1": (1, "unknown key 'xxxx"),
    f"base: {{loss: {{kind: {LONG}}}}}": (1, "loss.kind must be one of"),
}


@pytest.mark.parametrize("text", STUDIES, ids=lambda text: text[:40])
def test_a_study_is_refused_before_it_is_expanded(raysat: Raysat, tmp_path: Path, text: str) -> None:
    line, said = STUDIES[text]
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    begun = time.process_time()
    result = raysat("plan", "--space", tmp_path / "study.yaml")
    assert_refused(result, 2, f"study.yaml:{line}: ", said, "hint: ")
    assert time.process_time() - begun < 5  # seconds; half of one on an idle core


OPTIONS = {
    ("plan", "--epochs", "1000000000"): "--epochs must be a whole number from 1 to 10,000, got 1000000000",
    ("plan", "--epochs", "9" * 5000): "--epochs must be a whole number from 1 to 10,000, got 999",
    ("plan", "--epochs", "two"): "--epochs must be a whole number from 1 to 10,000, got two",
    ("plan", "--seeds", "0"): "--seeds must be a whole number from 1 to 1,000, got 0",
    ("plan", "--workers", "1000000000"): "--workers must be a whole number from 1 to 1,024",
    ("ablate", "--retries", "1000000"): "--retries must be a whole number from 0 to 100",
    ("ablate", "--checkpoint-every", "0s"): "--checkpoint-every must be auto, seconds from 1s",
    ("tune", "--checkpoint-every", "9" * 100_000): "--checkpoint-every must be auto, seconds from 1s",
    ("ablate", "--cpus-per-trial", "1e-300"): "--cpus-per-trial must be a number from 0.001 to 1,024",
    ("ablate", "--gpus-per-trial", "nan"): "--gpus-per-trial must be a number from 0 to 1,024",
    ("ablate", "--max-concurrent", "1000000000000"): "--max-concurrent must be a whole number from 1 to 10,000",
    ("tune", "--trials", "1000000000000"): "--trials must be a whole number from 2 to 10,000",
    ("tune", "--hours", "inf"): "--hours must be a number from 0.001 to 8,760",
    ("tune", "--hours", "1e-320"): "--hours must be a number from 0.001 to 8,760",
}


@pytest.mark.parametrize("words", OPTIONS, ids=lambda words: " ".join(words)[:40])
def test_an_option_out_of_bounds_is_refused(raysat: Raysat, tmp_path: Path, words: tuple[str, ...]) -> None:
    command, *option = words
    result = raysat(command, "--space", tmp_path / "no.yaml", *option, "--out", tmp_path / "runs")
    assert_refused(result, 2, OPTIONS[words], "hint: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: package.plan("quickstart", workers="two"), "give a number"),
        (lambda: package.plan("quickstart", workers="2"), "write it without quotes: 2"),
        (lambda: package.plan("quickstart", workers=2.5), "give a number within these bounds"),
        (lambda: package.plan("quickstart", workers=10**9), "give a number within these bounds"),
        (lambda: package.ClusterOptions(cpus_per_trial=1e-300), "give a number within these bounds"),
        (lambda: package.ClusterOptions(retries=True), "what was given is True or False"),
        (lambda: package.load_study(3), "what was given is a whole number"),
        (lambda: package.load_study("quickstart", epochs=10**6), "set it to 10,000 or less"),
        (lambda: package.load_study("quickstart", seeds=10**6), "list more seeds"),
        (lambda: package.load_search("hpo", trials=10**12), "set it to 10,000 or less"),
        (lambda: package.load_search("hpo", hours=1e-320), "set it to 0.001 or more"),
    ],
)
def test_an_argument_from_python_has_a_hint(call: Callable[[], object], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        call()
    assert hint in str(caught.value.hint)
