"""What ``tune`` may give each arm: a value that an arm cannot have is refused when the study is read."""

from pathlib import Path

import pytest

from tests.helpers.study import assert_one_error, load

ARMS = "arms:\n  plain: {}\n  LDAM: {loss: {kind: ldam}}\n"


@pytest.mark.parametrize(
    ("over", "message", "hint"),
    [
        ("optim.batch_size: {int: [-5, 16]}", "optim.batch_size must be >= 2, got -5 (arm 'plain')", "2 or more"),
        ("optim.lr: {log_uniform: [10, 100000]}", "optim.lr must be <= ", "or less"),
        ("optim.batch_size: {choice: [16, 32, 0]}", "optim.batch_size must be >= 2, got 0 (arm 'plain')", "2 or more"),
        ("optim.batch_size: {choice: [16, sixteen]}", "optim.batch_size must be a whole number, got 'sixteen'", ""),
        ("optim.batch_size: {uniform: [16.0, 32.5]}", "optim.batch_size must be a whole number, got 16.0", ""),
        ("optim.lr: {uniform: [0.1, 0.2]}, loss.max_margin: {uniform: [-0.5, 0.1]}", "loss.max_margin must be", "set"),
    ],
)
def test_a_value_that_an_arm_cannot_have_is_refused_before_any_is_drawn(
    tmp_path: Path, over: str, message: str, hint: str
) -> None:
    assert_one_error(tmp_path, f"{ARMS}tune: {{per_arm: 2, over: {{{over}}}}}\n", message, hint)


def test_the_place_is_that_of_the_setting_in_tune(tmp_path: Path) -> None:
    text = f"{ARMS}tune:\n  per_arm: 2\n  over:\n    optim.lr: {{uniform: [0.1, 0.2]}}\n"
    with pytest.raises(Exception, match=r"study\.yaml:8: loss\.max_margin must be .* \(arm 'LDAM'\)"):
        load(tmp_path, f"{text}    loss.max_margin: {{uniform: [-1, 0.5]}}\n")


def test_values_that_can_be_drawn_together_are_checked_together(tmp_path: Path) -> None:
    """A cycle whose lowest rate must be below its highest: each end fits the same end of the other."""
    over = "schedule.base_lr: {uniform: [0.2, 0.3]}, schedule.max_lr: {uniform: [0.4, 0.5]}"
    tune = load(tmp_path, f"base: {{schedule: {{kind: triangular}}}}\ntune: {{per_arm: 3, over: {{{over}}}}}\n").tune
    assert tune is not None
    assert [parameter.name for parameter in tune.over] == ["schedule.base_lr", "schedule.max_lr"]
