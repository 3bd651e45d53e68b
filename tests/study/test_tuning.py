"""What a study tunes for each arm: how it is written, which settings an arm has, and each mistake as one line."""

import jsonschema
import pytest

from raysat.config.yaml_source import parse_yaml
from raysat.study.load import load_study
from raysat.study.schema import study_schema
from tests.helpers.study import assert_one_error, load

ARMS = "arms:\n  plain: {}\n  LDAM: {loss: {kind: ldam}}\n  CLR: {schedule: {kind: triangular}}\n"
LR = "optim.lr: {log_uniform: [1.0e-4, 1.0e-2]}"
ZERO = "{per_arm: 5, rounds: 0, over: {optim.lr: {uniform: [0.1, 0.2]}}}"
DECAY = "optim.weight_decay: {log_uniform: [1.0e-6, 1.0e-2]}"


def test_each_arm_is_tuned_over_the_settings_that_act_in_it(tmp_path):
    over = f"{LR}, {DECAY}, loss.max_margin: {{uniform: [0.1, 0.9]}}, schedule: {{max_lr: {{uniform: [0.001, 0.1]}}}}"
    study = load(tmp_path, f"{ARMS}tune: {{per_arm: 5, over: {{{over}}}}}\n")
    assert study.tune is not None
    assert (study.tune.per_arm, study.tune.seed, study.tune.draws) == (5, 1_000_000, 0)
    assert {arm.name: [each.name for each in study.tune.of(arm.config)] for arm in study.arms} == {
        "plain": ["optim.lr", "optim.weight_decay"],
        "LDAM": ["optim.lr", "optim.weight_decay", "loss.max_margin"],
        "CLR": ["optim.weight_decay", "schedule.max_lr"],  # its schedule brings its own rates
    }
    assert (study.tune.rounds, study.tune.trials) == (1, (5,))
    assert load(tmp_path, ARMS).tune is None


def test_a_setting_of_the_command_line_is_not_tuned(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(f"{ARMS}tune: {{per_arm: 5, over: {{{LR}, {DECAY}}}}}\n", encoding="utf-8")
    tune = load_study(file, overrides={"optim.lr": 0.01, "schedule.kind": "constant"}).tune
    assert tune is not None
    assert [each.name for each in tune.over] == ["optim.weight_decay"]


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("20", "'tune' must be a mapping", "such as tune: {per_arm: 20"),
        (f"{{over: {{{DECAY}}}}}", "tune needs per_arm", "such as tune"),
        ("{per_arm: 5}", "tune needs over", "such as tune"),
        ("{per_arm: 5, over: {}}", "there is nothing to tune", "such as tune"),
        (
            f"{{per_arm: 1, over: {{{DECAY}}}}}",
            "tune.per_arm must be a whole number from 2 to 10,000, got 1",
            "such as tune: {per_arm: 20",
        ),
        (f"{{per_arm: 2.5, over: {{{DECAY}}}}}", "tune.per_arm must be a whole number", ""),
        (f"{{per_arm: 5, seed: 0, over: {{{DECAY}}}}}", "0 is one of the study's seeds", "not among the seeds"),
        (f"{{per_arm: 5, seeds: 2, over: {{{DECAY}}}}}", "unknown key 'seeds'", "seed"),
        ("{per_arm: 5, over: {optim.lr: [0.1, 0.2]}}", "optim.lr needs one of uniform", "write optim.lr: {choice"),
        ("{per_arm: 5, over: {optim.kind: {choice: [adam, sgd]}}}", "optim.kind is not tuned", "compare kinds as arms"),
        ("{per_arm: 5, over: {loss: {choice: [{kind: ldam}, {kind: focal}]}}}", "loss is a section", "name a key"),
        ("{per_arm: 5, over: {optim.rate: {uniform: [0.1, 1.0]}}}", "unknown key 'optim.rate'", ""),
        ("{per_arm: 5, over: {losses: {max_margin: {uniform: [0.1, 1.0]}}}}", "unknown key 'losses'", "loss"),
        ("{per_arm: 5, over: {loss.gamma: {uniform: [0.1, 5.0]}}}", "loss.gamma acts in no arm", "leave it out"),
        ("{per_arm: 5, over: {optim.epochs: {int: [1, 5]}}}", "optim.epochs cannot be searched", ""),
        (
            f"{{per_arm: 8, rounds: 0, over: {{{DECAY}}}}}",
            "tune.rounds must be a whole number from 1 to 14, got 0",
            "end",
        ),
        (f"{{per_arm: 8, rounds: 2.5, over: {{{DECAY}}}}}", "tune.rounds must be a whole number", "without rounds"),
        (f"{{per_arm: 8, rounds: true, over: {{{DECAY}}}}}", "from 1 to 14, got true", "without rounds"),
        (f"{{per_arm: 8, rounds: null, over: {{{DECAY}}}}}", "from 1 to 14, got null", "without rounds"),
        (
            f"{{per_arm: 8, seed: -1, over: {{{DECAY}}}}}",
            "tune.seed must be a whole number",
            "leave it out for 1000000",
        ),
        (
            f"{{per_arm: 5, rounds: 3, over: {{{DECAY}}}}}",
            "of 5 trials of an arm fewer than 2 would reach the last of 3 rounds",
            "give per_arm 6 or more, or take fewer rounds",
        ),
        (
            f"{{per_arm: 200, rounds: 7, over: {{{DECAY}}}}}",
            "arm 'plain' trains 40 epochs, and the first of 7 rounds would have less than one",
            "set optim.epochs to 64 or more, or take fewer rounds",
        ),
        (
            "{per_arm: 5, over: {loss.max_margin: {uniform: [0.1, 0.9]}}}",
            "arm 'plain' has none of loss.max_margin to tune",
            "each arm is to be tuned as hard",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path, written, message, hint):
    assert_one_error(tmp_path, f"{ARMS}tune: {written}\n", message, hint)


def test_more_trials_than_can_be_planned_are_refused(tmp_path):
    grid = f"grid: {{optim.lr: [{', '.join(f'0.1{number:02}' for number in range(20))}]}}\n"
    assert_one_error(tmp_path, f"{grid}tune: {{per_arm: 10000, over: {{{DECAY}}}}}\n", "are more than 100,000", "fewer")


@pytest.mark.slow
def test_an_editor_knows_it():
    schema = study_schema()
    good = parse_yaml(
        f"{ARMS}tune: {{per_arm: 5, rounds: 2, over: {{{LR}, optim: {{weight_decay: {{uniform: [0, 1]}}}}}}}}\n", "x"
    )
    jsonschema.validate(good.value, schema)
    for bad in (
        "{per_arm: 1, over: {}}",
        "{per_arm: 5, over: {optim.kind: {choice: [adam, sgd]}}}",
        "{per_arm: 5}",
        ZERO,
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(parse_yaml(f"{ARMS}tune: {bad}\n", "x").value, schema)
