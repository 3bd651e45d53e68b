"""Several runs in one leaderboard: by name, by configuration, and only on the same data."""

from __future__ import annotations

import pytest

from raysat.errors import UsageError
from raysat.metrics.catalog import ICV, RECALL
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.merge import merge
from raysat.reporting.analysis.model import Leaderboard

LOW, HIGH = (0.6, 0.4, 0.4, 0.4), (0.9, 0.8, 0.8, 0.8)


def merged(*ledgers) -> Leaderboard:
    return merge([collect(ledger) for ledger in ledgers], [str(ledger.root) for ledger in ledgers])


def test_arms_stand_side_by_side_and_are_ranked_together(make_run):
    board = merged(make_run({"low": LOW}, study="one"), make_run({"high": HIGH}, study="two", first_id=7))
    assert [(arm.name, arm.rank, arm.n) for arm in board.arms] == [("high", 1, 3), ("low", 2, 3)]
    assert board.study == "one + two"
    assert [arm.name for arm in sorted(board.arms, key=lambda arm: arm.position)] == ["low", "high"]
    assert board.images == (6000, 4000)


def test_an_arm_of_the_same_name_and_settings_is_one_over_the_seeds_of_both(make_run):
    one = make_run({"a": HIGH}, study="one", seeds=(0, 1))
    two = make_run({"a": HIGH}, study="two", seeds=(1, 2), failed={("a", 2): "out of memory"})
    three = make_run({"a": HIGH}, study="three", seeds=(2, 3))
    board = merged(one, two)
    (arm,) = board.arms
    assert (arm.seeds, [cell.seed for cell in arm.failed]) == ((0, 1), [2])
    (arm,) = merged(one, two, three).arms
    assert (sorted(arm.seeds), arm.failed, arm.missing) == ([0, 1, 2, 3], (), ())
    assert len(arm.sources) == len(arm.metrics[ICV].values) == len(arm.by_class(RECALL)[0].values) == 4
    assert merged(one, two).images is None  # what both have would count twice
    found = analyze([one.root, three.root])
    assert found.means["a"][ICV].n == 4


def test_an_arm_of_the_same_name_and_other_settings_is_called_after_its_study(make_run):
    one = make_run({"a": HIGH, "b": LOW}, study="one", configs={"a": {"loss": "ldam"}})
    two = make_run({"a": LOW}, study="two", configs={"a": {"loss": "focal"}})
    assert {arm.name for arm in merged(one, two).arms} == {"a [one]", "b", "a [two]"}
    again = make_run({"a": LOW}, study="one", folder="again", configs={"a": {"loss": "focal"}})
    names = {arm.name for arm in merged(one, again).arms}
    assert names == {f"a [{one.root}]", "b", f"a [{again.root}]"}


@pytest.mark.parametrize(
    ("options", "what"),
    [({"fingerprint": "e" * 32}, "data"), ({"classes": ("crop_grass", "built", "water", "wood")}, "classes")],
)
def test_runs_on_other_data_are_no_one_report(make_run, options, what):
    one, two = make_run({"a": HIGH}, study="one"), make_run({"b": HIGH}, study="two", **options)
    with pytest.raises(UsageError, match=f"cannot be one report: they differ in {what}") as caught:
        analyze([one.root, two.root])
    assert str(two.root) in caught.value.message
    assert "raysat.compare" in caught.value.hint


def test_runs_measured_on_other_patches_of_the_same_store_are_no_one_report(make_run):
    one = make_run({"a": HIGH}, study="one")
    two = make_run({"b": HIGH}, study="two", sizes=(20, 10, 10, 10))
    with pytest.raises(UsageError, match="measured on other patches"):
        analyze([one.root, two.root])


def test_classes_have_an_order_if_any_run_says_so(make_run):
    one, two = make_run({"a": HIGH}, study="one"), make_run({"b": LOW}, study="two", ordinal=True)
    assert merged(one, two).ordinal
    assert merged(two, one).ordinal


def test_another_trial_of_the_same_seed_is_another_arm(make_run):
    one = make_run({"x": LOW, "a": HIGH}, study="one", seeds=(0,))
    two = make_run({"a": HIGH}, study="two", seeds=(0,))  # its trial has another id: made by other code, say
    assert {arm.name for arm in merged(one, two).arms} == {"x", "a [one]", "a [two]"}


def test_two_classes_are_said_as_classes(make_run):
    one = make_run({"a": (0.9, 0.5)}, study="one", classes=("x", "y"))
    two = make_run({"a": (0.9, 0.5)}, study="two", classes=("x", "z"))
    with pytest.raises(UsageError, match=r"differ in classes \(x, y and x, z\)"):
        merged(one, two)


def test_compact_names_stay_where_no_arm_of_another_run_goes_by_them(make_run):
    one = {f"loss={loss}": {"loss": loss} for loss in ("cross_entropy", "ldam")}
    two = {f"average={average}": {"average": average} for average in ("none", "swa")}
    runs = [
        make_run(dict.fromkeys(configs, HIGH), study=study, configs=configs, grid=True, first_id=first)
        for study, configs, first in (("one", one, 0), ("two", two, 7))
    ]
    assert {arm.label for arm in collect(runs[0]).arms} == {"cross-entropy", "LDAM"}
    assert {arm.label for arm in collect(runs[1]).arms} == {"cross-entropy", "SWA"}
    board = merged(*runs)
    assert {arm.label for arm in board.arms} == {"loss=cross_entropy", "LDAM", "average=none", "SWA"}
    for arm in board.arms:  # what all arms of one run have is one of the settings in which they differ now
        settings = [*arm.own_settings, *board.shared_settings]
        assert len(settings) == len(set(settings))
        assert ("loss=ldam" in settings) == (arm.name == "loss=ldam")
        assert ("average=swa" in settings) == (arm.name == "average=swa")
        assert any(text.startswith("loss=") for text in arm.own_settings)
        assert any(text.startswith("average=") for text in arm.own_settings)


def test_a_compact_name_is_called_after_its_study_where_the_name_is(make_run):
    def configs(start: float) -> dict[str, dict[str, object]]:
        return {"average=none": {}, "average=swa": {"average": {"kind": "swa", "start": start}}}

    made = {study: configs(start) for study, start in (("one", 0.25), ("two", 0.5))}
    runs = [make_run(dict.fromkeys(each, HIGH), study=study, configs=each, grid=True) for study, each in made.items()]
    assert {arm.label for arm in merged(*runs).arms} == {"cross-entropy", "SWA [one]", "SWA [two]"}
