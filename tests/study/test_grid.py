"""Grids: which arms they make, and what each mistake in one says."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.study import assert_one_error, load


@settings(deadline=None)  # times vary on a busy machine
@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_a_grid_is_the_product_of_its_axes(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    keys = ["optim.lr", "optim.batch_size", "optim.epochs"][: len(sizes)]
    axes = {key: [2 + position for position in range(size)] for key, size in zip(keys, sizes, strict=True)}
    study = load(tmp_path_factory.mktemp("grid"), f"grid: {axes}\n")
    seen = [tuple(getattr(arm.config.optim, key.split(".")[1]) for key in keys) for arm in study.arms]
    assert seen == list(itertools.product(*axes.values()))
    assert len({arm.name for arm in study.arms}) == len(study.arms)


def test_zip_moves_axes_together_and_exclude_leaves_combinations_out(tmp_path: Path) -> None:
    text = """
    grid: {average: [{kind: none}, {kind: swa}], data.bands: [all, [6, 5, 2]]}
    zip:
      - {loss: [{kind: cross_entropy}, {kind: ldam}], reweight: [{kind: none}, {kind: drw}]}
    exclude:
      - {average.kind: swa, loss.kind: cross_entropy}
    """
    arms = load(tmp_path, text).arms
    assert len(arms) == 2 * 2 * 2 - 2
    for arm in arms:
        assert (arm.config.loss.kind == "ldam") == (arm.config.reweight.kind == "drw")
        assert not (arm.config.average.kind == "swa" and arm.config.loss.kind == "cross_entropy")
    assert arms[0].name == "average=none, bands=all, loss=cross_entropy, reweight=none"


def test_exclude_sees_defaults_that_the_file_does_not_name(tmp_path: Path) -> None:
    text = "grid: {average: [{kind: none}, {kind: swa}]}\nexclude: [{schedule.kind: constant, average.kind: swa}]\n"
    assert [arm.name for arm in load(tmp_path, text).arms] == ["average=none"]


MISTAKES = {
    "duplicate value of an axis": ("grid: {optim.lr: [1, 1]}", "1: two arms are called 'lr=1'", "name"),
    "axis without values": ("grid:\n  loss: []", "2: axis 'loss' needs a list", ""),
    "axes of unequal length": ("zip: [{optim.lr: [1, 2], optim.epochs: [1]}]", "as many values each", ""),
    "misspelt exclude": ("grid: {optim.lr: [1]}\nexclude: [{los.kind: ldam}]", "2: unknown key 'los'", "'loss'"),
    "misspelt key of an exclude": (
        "grid: {average: [{kind: none}, {kind: swa}]}\nexclude:\n- {average.kind: swa, average.stat: 0}",
        "3: unknown key 'average.stat'",
        "'start'",
    ),
    "misspelt kind key of an exclude": (
        "grid: {average: [{kind: none}, {kind: swa}]}\nexclude: [{average.knd: swa}]",
        "2: unknown key 'average.knd'",
        "'kind'",
    ),
    "misspelt kind of an exclude": (
        "grid: {average: [{kind: none}, {kind: swa}]}\nexclude: [{average.kind: swaa}]",
        "2: average.kind must be one of none, swa, ema, got 'swaa'",
        "'swa'",
    ),
    "exclude of a section's name": (
        "grid: {average: [{kind: none}, {kind: swa}]}\nexclude: [{average: swa}]",
        "2: average must be a mapping, got 'swa'",
        "average.kind: swa",
    ),
    "exclude of what the grid has not": (
        "grid: {optim.lr: [0.1, 0.2]}\nexclude:\n- {optim.lr: 0.1}\n- {optim.lr: '0.2'}",
        "4: exclude matches no combination",
        "optim.lr is 0.1 or 0.2 there, not '0.2'",
    ),
    "exclude of another member's key": (
        "grid: {optim.lr: [0.1, 0.2]}\nexclude: [{average.start: 0.25}]",
        "2: exclude matches no combination",
        "no arm there has average.start",
    ),
    "exclude of values that never meet": (
        "zip: [{optim.lr: [1, 2], optim.epochs: [1, 2]}]\nexclude: [{optim.lr: 1, optim.epochs: 2}]",
        "2: exclude matches no combination",
        "all of its values",
    ),
    "exclude in a section that is no mapping": (
        "base: {loss: 3}\ngrid: {optim.lr: [1]}\nexclude: [{loss.kind: ldam}]",
        "3: exclude matches no combination",
        "",
    ),
    "axis in grid and zip": (
        "grid: {optim.lr: [1, 2]}\nzip:\n- {optim.lr: [3, 4]}",
        "3: axis 'optim.lr' is given twice",
        "one axis",
    ),
    "axis in two groups": (
        "zip:\n- {optim.lr: [3, 4]}\n- {optim.lr: [5, 6]}",
        "3: axis 'optim.lr' is given twice",
        "one axis",
    ),
    "axis within an axis": (
        "grid:\n  optim: [{kind: sgd}]\n  optim.lr: [1, 2]",
        "3: axis 'optim.lr' moves the same as axis 'optim'",
        "one axis",
    ),
    "axis around an axis": (
        "grid: {optim.lr: [1, 2]}\nzip:\n- {optim: [{kind: sgd}]}",
        "3: axis 'optim' moves the same as axis 'optim.lr'",
        "one axis",
    ),
    "exclude of everything": ("grid: {optim.lr: [1]}\nexclude: [{optim.lr: 1}]", "2: exclude leaves no arm", ""),
    "exclude without grid": ("exclude: [{optim.lr: 1}]", "1: exclude needs a grid", ""),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_in_a_grid_is_one_error_with_its_place(tmp_path: Path, mistake: str) -> None:
    assert_one_error(tmp_path, *MISTAKES[mistake])
