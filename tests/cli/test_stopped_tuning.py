"""What ``raysat ablate`` prints where the tuning of arms ends before its last trial."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from raysat.api import arm_tuning
from raysat.api.arm_tuning import TunedArms
from raysat.api.runs import Run
from raysat.cli.ablate import _tune
from raysat.execution.run_state import Summary
from raysat.storage.ledger import Ledger


@pytest.mark.parametrize(("interrupted", "said"), [(True, ""), (False, "the same call again trains what is missing")])
def test_what_to_do_next_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool, said: str
) -> None:
    """After Ctrl-C the command itself says at its end that it resumes."""
    outcome = Summary(finished=1, failed=0, interrupted=interrupted)
    tuned = TunedArms(run=Run(ledger=Ledger(tmp_path / "s-tune"), outcome=outcome), plan=None)
    monkeypatch.setattr(arm_tuning, "tune_arms", lambda *_, **__: tuned)
    plan: Any = SimpleNamespace()
    options: Any = SimpleNamespace(reuse_epochs=True)
    file = io.StringIO()
    assert _tune(plan, options, Console(file=file, width=100), {}) is tuned
    assert file.getvalue().strip() == (f"s-tune: {said}" if said else "")
