"""What a plan says of readouts that change nothing, or leave something as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from raysat.planning.no_effect import no_effects
from tests.planning.test_no_effect import plan_of, said, store_of


@pytest.mark.parametrize(
    ("counts", "parts", "expected"),
    [
        ((20, 8, 5), {"readout": {"kind": "logit_adjustment"}}, []),
        ((20, 8, 5), {"readout": {"kind": "thresholds"}}, []),
        (
            (20, 8, 5),
            {"readout": {"kind": "temperature"}},
            ["readout: temperature changes probabilities alone: balanced accuracy and ICV stay"],
        ),
        (
            (9, 9, 9),
            {"readout": {"kind": "logit_adjustment"}},
            ["readout: logit_adjustment changes nothing: every class has 9 training patches"],
        ),
        (
            (9, 9, 9),
            {"readout": {"kind": "prior"}},
            ["readout: prior changes nothing: every class has 9 training patches"],
        ),
        ((9, 9, 9), {"readout": {"kind": "prior", "shares": [0.2, 0.3, 0.5]}}, []),
        (
            (20, 10, 10),
            {"readout": {"kind": "prior", "shares": [0.5, 0.25, 0.25]}},
            ["readout: prior changes nothing: readout.shares are those of training"],
        ),
        (
            (20, 8, 5),
            {"readout": {"kind": "logit_adjustment"}, "loss": {"kind": "balanced_softmax"}},
            ["readout: logit_adjustment changes nothing: training balances classes already (loss: balanced_softmax)"],
        ),
        (
            (20, 8, 5),
            {"readout": {"kind": "prior"}, "sampler": {"kind": "inverse_frequency"}},
            ["readout: prior changes nothing: training balances classes already (sampler: inverse_frequency)"],
        ),
        (
            (20, 8, 5),
            {"readout": {"kind": "logit_adjustment", "tau": 0}},
            ["readout: logit_adjustment takes nothing off: readout.tau is 0"],
        ),
        (
            (20, 8, 5),
            {"readout": {"kind": "tau_norm", "tau": 0}},
            ["readout: tau_norm leaves out the classifier's biases alone: readout.tau is 0"],
        ),
    ],
)
def test_what_readouts_leave_as_it_is(
    tmp_path: Path, counts: tuple[int, ...], parts: dict[str, Any], expected: list[str]
) -> None:
    assert said(store_of(tmp_path, counts), **parts) == expected


def test_readouts_of_the_same_numbers_are_equal(tmp_path: Path) -> None:
    readouts = [{"kind": "prior"}, {"kind": "logit_adjustment"}, {"kind": "none"}, {"kind": "thresholds"}]
    plan = plan_of(store_of(tmp_path), {each["kind"]: {"readout": each} for each in readouts})
    equal, *_ = no_effects(plan)
    assert equal.arms == ("prior", "logit_adjustment")
    assert "results are equal" in equal.sentence
