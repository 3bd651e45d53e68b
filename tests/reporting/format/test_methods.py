"""The paragraph on how a study was computed: its numbers against sums over the records that were made up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.spent import spent
from raysat.reporting.format.methods import method_paragraph, seeds_text, significant
from raysat.reporting.render.methods import bibtex, methods_latex, methods_markdown
from raysat.storage.ledger import Ledger
from tests.helpers import report_fixtures as made

MakeRun = Callable[..., Ledger]
ARMS = {"plain": (0.9, 0.4, 0.4, 0.3), "late": (0.9, 0.8, 0.8, 0.8)}


@pytest.fixture(name="text")
def _text(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The paragraph of a run whose trials have these changes to their records."""

    def make(changes: Mapping[str, Any] = {}, **more: Any) -> str:
        write = made.write_trial

        def with_times(ledger: Ledger, trial: str, recall: Any, *, seed: int, **given: Any) -> Any:
            own = 100.5 + 0.125 * int(trial[:8], 16)  # of the second epoch, which arms do not share
            rows = [
                {"epoch": 1, "loss": 1.0, "balanced_accuracy": 0.5, "images": 400, "seconds": 60.25 + seed},
                {"epoch": 2, "loss": 0.5, "balanced_accuracy": 0.6, "images": 800, "seconds": own + seed},
            ]
            took = {"seconds": 60.25 + own + 2 * seed, "epochs": 2, "images": 800}
            return write(ledger, trial, recall, seed=seed, history=rows, **{**given, **took, **changes})

        monkeypatch.setattr(made, "write_trial", with_times)
        run = make_run(ARMS, seeds=range(6), study="s", **more)
        found = analyze([run.root])
        paragraph = method_paragraph(found, spent(found.board, found.predictions))
        return " ".join(f"{said.text}." for said in paragraph)

    return make


def test_hours_epochs_and_images_are_those_of_the_records(text: Callable[..., str]) -> None:
    told = text({"hardware": {"device": "NVIDIA H200", "threads": 8, "machine": "x86_64", "workers": 1, "gpus": 0.5}})
    first = sum(60.25 + seed for seed in range(6))
    second = sum(100.5 + 0.125 * arm + seed for arm in range(2) for seed in range(6))
    assert f"{0.5 * (first + second) / 3600:.3f} GPU-hours on NVIDIA H200" in told
    assert f"Training took {(first + second) / 60:.0f} min over 18 epochs" in told
    assert "7,200 images passed through the models instead of 9,600, 25.0 % fewer" in told
    assert "We trained 2 arms over the seeds 0 to 5 (12 trials) with raysat." in told
    assert "Hardware: NVIDIA H200, 8 threads, x86_64." in told
    assert "raysat 0.1.0, torch 2.9.0" in told
    assert f"fingerprint {'f' * 32}), measured on the 50 patches of its test split" in told
    assert "Energy was not measured." in told
    assert "two-sided exact sign-flip test" in told
    assert "2,000 bootstrap resamples of patches within their class" in told
    assert "core-hours" not in told


def test_energy_is_told_with_what_it_is_of_and_how_it_was_measured(text: Callable[..., str]) -> None:
    told = text({"energy": {"kwh": 0.0125, "epochs": 1, "by": "codecarbon 3: processor by its rated power"}})
    assert (
        "Training used an estimated 0.150 kWh of electric energy for 12 of the 18 epochs "
        "(codecarbon 3: processor by its rated power)."
    ) in told


def test_what_has_failed_is_told(text: Callable[..., str]) -> None:
    told = text(failed={("late", 3): "NaN"}, missing=[("plain", 1)], synthetic=True)
    assert "Of 12 planned trials 10 have finished, 1 failed." in told
    assert "simulated patches" in told


def test_it_is_written_for_latex_and_for_markdown(make_run: MakeRun) -> None:
    run = make_run({"a_b": (0.9,) * 4, "c": (0.5,) * 4}, study="s", seeds=range(3))
    found = analyze([run.root])
    said = method_paragraph(found, spent(found.board, found.predictions))
    latex, markdown, works = methods_latex(said), methods_markdown(said), bibtex(said)
    assert len(latex.splitlines()) == len(said)
    assert r"95 \% intervals" in latex
    assert r"with raysat~\cite{raysat}." in latex
    assert "with raysat [1]." in markdown
    assert "\n1. The raysat developers" in markdown
    assert re.findall(r"^@(\w+)\{(\w+),$", works, re.MULTILINE) == [
        ("software", "raysat"), ("article", "gallas2006"), ("book", "fisher1935"), ("article", "holm1979"),
    ]  # fmt: skip
    assert works.count("{") == works.count("}")


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, "0"), (0.012345, "0.0123"), (1.2345, "1.23"), (123.4, "123"), (12345.6, "12,346")]
)
def test_three_digits_count(value: float, expected: str) -> None:
    assert significant(value) == expected


def test_seeds_are_a_range_or_a_list() -> None:
    assert seeds_text([0, 1, 2, 3]) == "0 to 3"
    assert seeds_text([0, 1]) == "0, 1"
    assert seeds_text([0, 2, 3]) == "0, 2, 3"
