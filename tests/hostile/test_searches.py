"""Search files that ask for nonsense: refused by tune with file and line, before any search starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.hostile import assert_refused

Raysat = Callable[..., Any]
pytestmark = pytest.mark.timeout(20)
LR = "search:\n  optim.lr: {uniform: [0.1, 0.2]}\n"
HUGE = "1" + "0" * 400
MANY = ", ".join(str(n / 1e6) for n in range(1, 5001))
TEXTS = {
    "a bound of 400 digits": (f"search:\n  optim.lr: {{uniform: [{HUGE}, 2]}}", 2, "a lowest below a highest number"),
    "bounds of 400 digits": (f"search:\n  optim.lr: {{int: [-{HUGE}, {HUGE}]}}", 2, "a lowest below a highest number"),
    "a bound of 5,000 digits": (f"search:\n  optim.lr: {{uniform: [1{'0' * 5000}, 2]}}", 2, "5,001 characters"),
    "infinity": ("search:\n  optim.lr: {uniform: [0.1, .inf]}", 2, "a lowest below a highest number"),
    "no number": ("search:\n  optim.lr: {uniform: [.nan, 1]}", 2, "a lowest below a highest number"),
    "a tiny rate": ("search:\n  optim.lr: {log_uniform: [1.0e-320, 0.1]}", 2, "optim.lr must be >= 1e-12"),
    "an absurd rate": ("search:\n  optim.lr: {log_uniform: [0.1, 1.0e+300]}", 2, "optim.lr must be <= 1,000"),
    "5,000 choices": (f"search:\n  optim.lr: {{choice: [{MANY}]}}", 2, "choice has 5,000 values, more than 1,000"),
    "an unhashable choice twice": ("search:\n  data.bands: {choice: [[1], [1]]}", 2, "choice has 1 twice"),
    "aliases of aliases": (
        "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)),
        6,
        "aliases make more than 150,000 values",
    ),
    "trials": (LR + "budget: {trials: 1000000000000}", 3, "budget.trials must be <= 10,000"),
    "hours": (LR + "budget: {hours: 1.0e+300}", 3, "budget.hours must be <= 8,760"),
    "a moment": (LR + "budget: {hours: 1.0e-320}", 3, "budget.hours must be >= 0.001"),
    "best": (LR + "confirm: {best: 1000000000}", 3, "confirm.best must be <= 100"),
    "confirming seeds": (LR + "confirm: {seeds: 1000000000000}", 3, "confirm.seeds must be <= 1,000"),
    "reduction": (LR + "stop: {kind: asha, reduction: 1000000000}", 3, "stop.reduction must be <= 100"),
    "no reduction": (LR + "stop: {kind: asha, reduction: 1.0000001}", 3, "stop.reduction must be >= 1.1"),
    "startup": (LR + "sampler: {kind: tpe, startup: 1000000000000}", 3, "sampler.startup must be <= 10,000"),
    "startup by Optuna's name": (LR + "sampler: {kind: tpe, n_startup_trials: 5}", 3, "'sampler.n_startup_trials'"),
    "grace by the code's name": (LR + "stop: {kind: asha, grace_period: 0.3}", 3, "'stop.grace_period'"),
    "a name of 10,000 characters": (f"study: {'x' * 10_000}\n{LR}", 1, "cannot name a folder"),
    "a parameter of 10,000 characters": (f"search:\n  ? {'x' * 10_000}\n  : 1\n", 2, "unknown key"),
    "a distribution of 10,000 characters": (f"search:\n  optim.lr:\n    ? {'x' * 10_000}\n    : 1", 3, "unknown distr"),
    "nothing": ("search: {}", 1, "there is nothing to search"),
    "null": ("search: null", 1, "there is nothing to search"),
    "false": ("search: false", 1, "'search' must be a mapping"),
    "a number as a parameter": ("search: {1: {uniform: [0, 1]}}", 1, "unknown key"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_search_is_refused_before_it_starts(raysat: Raysat, tmp_path: Path, text: str) -> None:
    written, line, said = TEXTS[text]
    (tmp_path / "hpo.yaml").write_text(written, encoding="utf-8")
    result = raysat("tune", "--space", tmp_path / "hpo.yaml", "--out", tmp_path / "runs")
    assert_refused(result, 2, f"hpo.yaml:{line}: ", said, "hint: ")
    assert result.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["hpo.yaml"]
