"""A learning rate is an error only where no arm trains with it."""

from pathlib import Path

import pytest

from raysat.errors import StudyError
from tests.helpers.study import load


@pytest.mark.parametrize(
    "text",
    [
        "base: {optim.lr: 0.1}\narms: {a: {}, b: {schedule.kind: triangular}}",
        "base: {optim.lr: 0.1}\narms: {b: {schedule.kind: triangular}}",
        "base: {optim.lr: 0.1, schedule.kind: triangular}\narms: {a: {}, b: {schedule.kind: constant}}",
        "base: {schedule.kind: triangular}\narms: {a: {}, b: {schedule.kind: constant, optim.lr: 0.1}}",
        "grid: {optim.lr: [0.1, 0.2], schedule: [{kind: constant}, {kind: triangular}]}",
        "zip: [{optim.lr: [0.1, 0.2], schedule: [{kind: constant}, {kind: triangular}]}]",
    ],
)
def test_a_rate_that_some_arm_trains_with_is_no_mistake(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).arms


def test_a_rate_of_the_command_line_must_be_one_that_some_arm_trains_with(tmp_path: Path) -> None:
    text = "arms: {a: {}, b: {schedule.kind: triangular}}"
    assert load(tmp_path, text, overrides={"optim.lr": 0.1}).arms[0].config.optim.lr == 0.1
    assert load(tmp_path, "arms: {a: {optim.lr: 0.1}}", overrides={"schedule.kind": "one_cycle"}).arms
    with pytest.raises(StudyError, match=r"^overrides optim\.lr: optim\.lr does nothing: schedule is one_cycle here"):
        load(tmp_path, text, overrides={"optim.lr": 0.1, "schedule": {"kind": "one_cycle"}})
