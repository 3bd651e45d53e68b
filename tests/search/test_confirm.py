"""The study that a search writes: it loads, and its arms are the candidates."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raysat.search.confirm import confirming_study
from raysat.search.load import Search
from raysat.study.distribution import ParamValue
from raysat.study.load import Study, load_study
from tests.helpers.search import candidate, finished, load, log_of

TEXT = """
study: hunt
base:
  data: {bands: [6, 5, 2]}
  optim: {kind: adamw, lr: 0.00001, weight_decay: 0.3, epochs: 7, clip_norm: 1.0}
  schedule: {kind: multistep, milestones: [0.5, 0.75]}
  augment: {kind: augmix, jsd: false}
search:
  optim.lr: {log_uniform: [1.0e-7, 1.0e+3]}
  optim: {choice: [{kind: adamw}, {kind: sgd}, {kind: sgd, clip_norm: null}]}
  optim.momentum: {uniform: [0, 0.9]}
  optim.batch_size: {int: [2, 99]}
  schedule: {choice: [{kind: multistep}, {kind: cosine}, {kind: multistep, milestones: [0.2]}]}
  data.bands: {choice: [all, [6, 5, 2], agriculture]}
  augment: {choice: [{kind: none}, {kind: augmix}]}
confirm: {best: 2, seeds: 3}
"""


def study_of(folder: Path, text: str) -> Study:
    file = folder / "best.yaml"
    file.write_text(text, encoding="utf-8")
    return load_study(file)


def any_of(search: Search, pick: st.DataObject) -> dict[str, ParamValue]:
    params: dict[str, ParamValue] = {}
    while parameter := search.next_parameter(params):
        low, high = parameter.distribution.boundary()[0], parameter.distribution.boundary()[-1]
        whole = isinstance(low, int)
        params[parameter.name] = pick.draw(st.integers(low, int(high)) if whole else st.floats(low, high))
    return params


@pytest.mark.slow
@settings(max_examples=40)
@given(pick=st.data())
def test_any_candidate_is_an_arm_again(tmp_path_factory: pytest.TempPathFactory, pick: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("any")
    search = load(folder, TEXT, overrides={"model.name": "resnet34"}, epochs=4)
    first, second = (finished(search, n, any_of(search, pick), 0.9 - n / 10, 0.0) for n in (1, 2))
    log = log_of(search, [finished(search, 0, None, 0.95, 0.0), second, first])
    study = study_of(folder, confirming_study(search, log))
    assert [arm.name for arm in study.arms] == ["base", "best-1", "best-2"]
    assert [arm.config for arm in study.arms] == [search.base, first.config, second.config]


@pytest.mark.parametrize(("seed", "seeds"), [(0, (1, 2, 3)), (1, (0, 2, 3)), (7, (0, 1, 2))])
def test_it_confirms_with_seeds_that_chose_nothing(tmp_path: Path, seed: int, seeds: tuple[int, ...]) -> None:
    search = load(tmp_path, TEXT, seed=seed)
    study = study_of(tmp_path, confirming_study(search, log_of(search, [finished(search, 0, None, 0.5, 0.0)])))
    assert (study.name, study.seeds) == ("hunt-confirm", seeds)


def test_it_says_what_was_found(tmp_path: Path) -> None:
    search = load(tmp_path, TEXT)
    params: dict[str, Any] = {
        "optim": 0,
        "schedule": 0,
        "augment": 1,
        "optim.lr": 0.1,
        "optim.batch_size": 5,
        "data.bands": 1,
    }
    tried = [
        finished(search, 0, None, 0.5, 0.25),
        finished(search, 4, params, 0.75, 0.125),
        candidate(search, 5, params, state="stopped", curve=(0.99,)),
        candidate(search, 6, params, state="failed"),
    ]
    text = confirming_study(search, log_of(search, tried))
    assert "'hunt': 4 candidates, one training seed (0)" in text
    assert "# val balanced accuracy 0.500, ICV 0.2500 (n = 1 seed, 50 patches)\n  base: {}" in text
    assert "# candidate 4: val balanced accuracy 0.750, ICV 0.1250 (n = 1 seed, 50 patches)\n  best-1:\n" in text
    assert text.endswith("  best-1:\n    optim: {lr: 0.1, batch_size: 5}\n")  # neither what was stopped nor what failed
