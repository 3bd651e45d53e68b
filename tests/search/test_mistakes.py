"""What each mistake in a search says: one error, with its place."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from raysat.errors import RaysatError, StudyError
from raysat.search.load import load_search
from tests.helpers.paths import SPACES
from tests.helpers.search import load

LR = "search:\n  optim.lr: {uniform: [0.1, 0.2]}\n"
MISTAKES = {
    "no search": ("base: {}", "1: there is no key 'search', so this is a study of arms", "raysat.ablate"),
    "arms": (LR + "arms: {a: {}}", "3: a search has no 'arms'", "raysat.ablate"),
    "unknown top key": (LR + "samplr: {kind: tpe}", "3: unknown key 'samplr'", "'sampler'"),
    "no parameter": ("search: {}", "1: there is nothing to search", "log_uniform"),
    "no mapping": ("- a", "1: a search is a mapping", "search"),
    "unknown section": ("search:\n  optimm.lr: {uniform: [1, 2]}", "2: unknown key 'optimm'", "'optim'"),
    "unknown key": ("search:\n  optim.lrr: {uniform: [1, 2]}", "2: unknown key 'optim.lrr'", "'lr'"),
    "unknown distribution": (
        "search:\n  optim.lr:\n    unifrm: [1, 2]", "3: optim.lr: unknown distribution", "'uniform'",
    ),
    "no distribution": ("search:\n  optim.lr: 0.1", "2: optim.lr needs one of uniform, log_uniform, int, choice", ""),
    "bare list": ("search:\n  optim.lr: [0.1, 0.2]", "2: optim.lr needs one of", "optim.lr: {choice: [0.1, 0.2]}"),
    "one bound": ("search: {optim.lr: {uniform: [1]}}", "1: optim.lr: uniform needs two numbers, lowest and", ""),
    "bounds in order": ("search:\n  optim.lr:\n    uniform: [2, 1]", "3: optim.lr: uniform needs a lowest below", ""),
    "equal bounds": ("search: {optim.batch_size: {int: [4, 4]}}", "1: optim.batch_size: int needs a lowest below", ""),
    "bound that is no number": ("search: {optim.lr: {uniform: [1, .nan]}}", "needs a lowest below a highest", ""),
    "bound that is true": ("search: {optim.batch_size: {int: [true, 4]}}", "int needs two whole numbers", ""),
    "bound beyond all numbers": (
        f"search: {{optim.batch_size: {{int: [2, {10**400}]}}}}",
        "1: optim.batch_size: int needs a lowest below a highest number, got [2, 1000000…0000 (401 digits)]", "",
    ),
    "log of zero": ("search: {optim.lr: {log_uniform: [0, 1]}}", "log_uniform needs numbers above 0, got 0", "uniform"),
    "int with fractions": ("search: {optim.batch_size: {int: [2.5, 4]}}", "int needs two whole numbers", ""),
    "bound beyond the spec": (
        "search:\n  optim.lr: {uniform: [0, 1]}", "2: optim.lr must be >= 1e-12, got 0.0 (arm 'optim.lr=0.0')", "",
    ),
    "int beyond the spec": (
        "search:\n\n  optim.batch_size: {int: [1, 8]}", "3: optim.batch_size must be >= 2, got 1", "",
    ),
    "upper bound beyond the spec": (
        "base: {loss: {kind: cross_entropy}}\nsearch:\n  loss.label_smoothing: {uniform: [0, 1]}",
        "3: loss.label_smoothing must be < 1, got 1.0", "",
    ),
    "fractions of a whole number": (
        "search:\n  optim.batch_size: {uniform: [16, 64]}", "2: optim.batch_size must be a whole number, got 16.0", "",
    ),
    "values that disagree at a corner": (
        "base: {schedule: {kind: triangular}}\nsearch:\n  schedule.base_lr: {uniform: [1e-5, 1e-3]}\n"
        "  schedule.max_lr: {uniform: [1e-4, 1e-2]}",
        "must not be below base_lr", "",
    ),
    "choice beyond the spec": ("search:\n  optim.lr:\n    choice: [1, -1]", "3: optim.lr must be >= 1e-12, got -1", ""),
    "choice of one": ("search: {optim.lr: {choice: [1]}}", "1: optim.lr: choice needs a list of two values", ""),
    "choice twice": ("search: {loss: {choice: [{kind: ldam}, {kind: ldam}]}}", "1: loss: choice has ldam twice", ""),
    "choice of names": (
        "search: {loss: {choice: [ldam, focal]}}", "loss is a section: its choices are mappings", "{kind: ldam}",
    ),
    "range of a section": (
        "search: {loss: {uniform: [0, 1]}}", "1: loss is a section, which takes a choice alone", "key",
    ),
    "unknown kind": (
        "search:\n  loss: {choice: [{kind: ldma}, {kind: focal}]}", "2: loss.kind must be one of", "'ldam'",
    ),
    "never applies": (
        "base: {loss: {kind: focal}}\nsearch:\n  loss.max_margin: {uniform: [0.1, 1]}",
        "3: loss.max_margin never applies: loss is focal here", "ldam has it",
    ),
    "applies to no choice": (
        "search:\n  loss: {choice: [{kind: focal}, {kind: cross_entropy}]}\n  loss.max_margin: {uniform: [0.1, 1]}",
        "3: loss.max_margin never applies: loss is focal or cross_entropy here", "ldam has it",
    ),
    "searched and chosen": (
        "search:\n  loss: {choice: [{kind: ldam, max_margin: 1}, {kind: focal}]}\n  loss.max_margin: {uniform: [1, 2]}",
        "3: loss.max_margin is searched, and a choice of loss sets it too", "one of them",
    ),
    "parameter twice": (
        "search:\n  optim.lr: {uniform: [1, 2]}\n  optim: {lr: {uniform: [1, 2]}}", "given twice", "once",
    ),
    "section and kind": (
        "search:\n  loss: {choice: [{kind: ldam}, {kind: focal}]}\n  loss.kind: {choice: [ldam, focal]}",
        "3: loss.kind varies the same as loss", "one of them",
    ),
    "epochs": ("search:\n  optim.epochs: {int: [1, 9]}", "2: optim.epochs cannot be searched", "with epochs"),
    "epochs in a choice": (
        "search:\n  optim:\n    choice:\n      - {kind: sgd, lr: 0.1}\n      - {kind: adam, epochs: 9}",
        "5: optim.epochs cannot be searched, nor set by a choice", "with epochs",
    ),
    "rate under one-cycle": (
        "base: {schedule: {kind: one_cycle}}\nsearch:\n  optim.lr: {uniform: [0.1, 0.2]}",
        "3: optim.lr does nothing: schedule is one_cycle here, which brings its own rates", "schedule.max_lr",
    ),
    "rate under chosen schedules": (
        "search:\n  optim.lr: {uniform: [0.1, 0.2]}\n"
        "  schedule: {choice: [{kind: triangular}, {kind: triangular2}, {kind: exp_range}]}",
        "2: optim.lr does nothing: schedule is triangular or triangular2 or exp_range here", "schedule.max_lr",
    ),
    "rate in a choice": (
        "base: {schedule: {kind: triangular}}\nsearch:\n  optim: {choice: [{kind: sgd, lr: 0.1}, {kind: adam}]}",
        "3: optim.lr does nothing: schedule is triangular here", "schedule.max_lr",
    ),
    "early stopping of one epoch": (
        "base: {optim: {epochs: 1}}\n" + LR + "stop: {kind: asha, grace: 0.1}",
        "4: stop: asha stops nothing: at a grace of 0.1, its first look is after the last epoch", "stop.grace",
    ),
    "early stopping at the end": (
        "base: {optim: {epochs: 4}}\n" + LR + "stop: {kind: asha, grace: 0.9}",
        "4: stop: asha stops nothing: at a grace of 0.9, its first look is after the last epoch of 4", "stop.grace",
    ),
    "several seeds": (LR + "seeds: [0, 1, 2]", "3: a search trains every candidate with one seed, got 3", "confirm"),
    "a number of seeds": (LR + "seeds: 5", "3: a search trains every candidate with one seed, got 5", "confirm.seeds"),
    "synthetic parameter": (
        "search:\n  synthetic: {choice: [{kind: none}, {kind: dcgan}]}", "2: synthetic cannot be searched", "add it",
    ),
    "synthetic base": (
        "base:\n  synthetic: {kind: dcgan}\n" + LR, "2: synthetic: a search trains on real patches", "add",
    ),
    "base": ("base:\n  optim: {lr: -1}\n" + LR, "2: optim.lr must be >= 1e-12, got -1 (arm 'base')", ""),
    "budget of nothing": (LR + "budget: {}", "3: budget: give trials, hours or both", ""),
    "budget of one": (LR + "budget: {trials: 1}", "3: budget.trials must be >= 2, got 1", ""),
    "misspelt budget": (LR + "budget: {trial: 9}", "3: unknown key 'budget.trial'", "'trials'"),
    "stopped before a second stage": (
        "base: {second_stage: {kind: crt}}\n" + LR + "stop: {kind: asha}",
        "4: stop: asha compares candidates at equal epochs of one training", "second_stage",
    ),
    "grace of all": (LR + "stop: {kind: asha, grace: 1}", "3: stop.grace must be < 1, got 1", ""),
    "reduction of one": (LR + "stop: {kind: asha, reduction: 1}", "3: stop.reduction must be >= 1.1, got 1", ""),
    "key of another stop": (LR + "stop: {grace: 0.5}", "3: unknown key 'stop.grace'", "kind"),
    "unknown sampler": (LR + "sampler: {kind: tpee}", "3: sampler.kind must be one of tpe, random", "'tpe'"),
    "sampler as a name": (LR + "sampler: tpe", "3: 'sampler' must be a mapping, got 'tpe'", ""),
    "seeds": (LR + "seeds: [-1]", "3: seeds must be different whole numbers", ""),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_one_error_with_its_place(tmp_path: Path, mistake: str) -> None:
    text, message, hint = MISTAKES[mistake]
    with pytest.raises(StudyError) as caught:
        load(tmp_path, text)
    assert re.match(rf"{re.escape(str(tmp_path))}/hpo\.yaml:\d+: ", caught.value.message)
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_wrong_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=re.escape("trials: budget.trials must be >= 2, got 1")):
        load(tmp_path, LR, trials=1)
    with pytest.raises(StudyError, match=re.escape("overrides loss.gamma: unknown key 'loss.gamma'")):
        load(tmp_path, LR, overrides={"loss.gamma": 1})


def test_each_command_refuses_the_other_kind_of_file(raysat: Callable[..., Any], tmp_path: Path) -> None:
    result = raysat("ablate", "--space", SPACES / "hpo.yaml", "--out", tmp_path)
    assert (result.code, result.out) == (2, "")
    assert re.search(r"error: .*hpo\.yaml:\d+: 'search' makes this a search", result.err)
    assert "hint: run it with raysat tune" in result.err
    result = raysat("tune", "--space", SPACES / "table2.yaml", "--out", tmp_path)
    assert (result.code, result.out) == (2, "")
    assert "there is no key 'search', so this is a study of arms" in result.err
    assert "hint: run it with raysat ablate" in result.err
    assert not list(tmp_path.iterdir())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=True) | st.sampled_from(["ldam", "x", "a.b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["optim", "loss", "kind", "lr", "optim.lr", "choice", "uniform", "int", "trials"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@pytest.mark.slow
@given(document=st.dictionaries(st.sampled_from(["base", "search", "sampler", "stop", "budget", "seeds"]), VALUES))
def test_any_document_is_a_search_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    file = tmp_path_factory.mktemp("any") / "any.yaml"
    YAML(typ="safe").dump(document, file)
    message = ""
    try:
        assert load_search(file).parameters
    except RaysatError as error:
        message = error.message
    assert "\n" not in message
