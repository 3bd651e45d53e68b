"""What a study can and cannot say: words for each case, by its numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from raysat.data.groups import Grouping, Groups
from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.reporting.analysis.analyze import Analysis, analyze
from raysat.reporting.analysis.looks import looked_at
from raysat.reporting.analysis.near import Near, PlacesFound
from raysat.reporting.analysis.planned import Planned, PlannedDifference
from raysat.reporting.analysis.tuned import TunedAndWritten, TunedComparison
from raysat.reporting.format.limits import limits_sentences
from raysat.reporting.format.pages import report_page
from raysat.storage.looks_file import Look, Looks, Seen
from raysat.storage.plan_file import ContrastEntry, TunedEntry

pytestmark = pytest.mark.slow

FAR = {"good": (0.95,) * 4, "bad": (0.3,) * 4, "as bad": (0.3,) * 4}


@pytest.fixture
def far(make_run) -> Analysis:
    return analyze([make_run(FAR, seeds=range(8)).root])


def sentence(analysis: Analysis, word: str) -> str:
    found = [each for each in limits_sentences(analysis) if each.startswith(f"{word}: ")]
    assert len(found) == 1
    return found[0]


def test_a_usual_study_says_all_five(far):
    said = limits_sentences(far)
    assert [each.partition(":")[0] for each in said] == ["Tuning", "Plan", "Power", "Places", "Data"]
    assert "Tuning: none." in said[0]
    assert "exploratory" in said[1]
    assert "where patches lie is not known" in said[3]
    assert "one data set" in said[4]
    assert "What this study can and cannot say" in [section.title for section in report_page(far).sections]


def test_power_is_that_of_the_intervals(far):
    halves = [(of[BALANCED_ACCURACY].high - of[BALANCED_ACCURACY].low) / 2 for of in far.to_baseline.values()]
    half = float(np.median(halves))
    said = sentence(far, "Power")
    assert f"±{half:.3f}" in said
    assert f"the median of {len(halves)}" in said
    assert f"below some {half * 2.8 / 1.96:.3f}" in said


def test_too_few_seeds_are_said(make_run):
    five = analyze([make_run(FAR, seeds=range(5)).root])
    said = sentence(five, "Power")
    assert "too few seeds. With 5 pairs of seeds and 2 comparisons" in said
    assert "7 can" in said
    one = analyze([make_run(FAR, seeds=[0], folder="one").root])
    assert "nothing is shown" in sentence(one, "Power")
    alone = analyze([make_run({"a": (0.9,) * 4}, seeds=range(3), folder="alone").root])
    assert limits_sentences(alone) == ["One arm alone has finished: nothing is compared."]


def test_planned_contrasts_are_counted(far):
    shown = [
        PlannedDifference(arm="good", to="bad", metric=BALANCED_ACCURACY, estimate=estimate)
        for estimate in (
            replace(far.to_best["bad"][BALANCED_ACCURACY], p_holm=0.01),
            replace(far.to_best["bad"][BALANCED_ACCURACY], p_holm=0.2),
        )
    ]
    said = sentence(replace(far, planned=Planned(differences=tuple(shown))), "Plan")
    assert said.startswith("Plan: 1 of 2 planned contrasts is shown at 5 % after Holm.")


def test_few_seeds_are_judged_by_what_was_planned(make_run):
    five = analyze([make_run(FAR, seeds=range(5), folder="planned").root])
    one = PlannedDifference(arm="good", to="bad", metric=BALANCED_ACCURACY, estimate=None)
    said = sentence(replace(five, planned=Planned(differences=(one,))), "Power")
    assert "1 planned contrast the strongest" in said
    assert "6 can" in said
    seen = Seen(value=0.3, error=0.01, degrees=9.0, p=0.001, pairs=5)
    contrast = ContrastEntry(arm="good", to="bad", metric="balanced_accuracy")
    look = Look(seeds=5, trials="0" * 16, seen=(seen,))
    looked = looked_at(Looks(contrasts=(contrast,), sizes=(5, 10), looks=(look,)))
    grown = replace(five, planned=Planned(differences=(one,), looked=looked))
    assert "too few seeds" not in sentence(grown, "Power")
    assert "over all looks" in sentence(grown, "Plan")


def tuned(tried: tuple[int, ...], failed: int = 0, stopped: int = 0) -> TunedComparison:
    arms = [
        TunedAndWritten(
            arm=f"arm {number}",
            entry=TunedEntry(
                arm=f"arm {number}",
                tried=count,
                failed=failed,
                stopped=stopped,
                chosen=0,
                settings=(),
                val=0.5,
                written_val=0.5,
                trials=(),
            ),
            rank=1,
            written_rank=1,
            mean={},
            written_mean={},
            change={},
        )
        for number, count in enumerate(tried)
    ]
    return TunedComparison(arms=tuple(arms))


def test_tuning_says_how_many_trials_each_arm_had(far):
    assert "each arm by 20 trials on val, so no arm's gain" in sentence(replace(far, tuned=tuned((20, 20))), "Tuning")
    assert "on val, 2 trials of them failed" in sentence(replace(far, tuned=tuned((20, 20), failed=1)), "Tuning")
    halved = tuned((20, 20), stopped=14)
    assert "on val, 28 trials stopped early, which favours what learns" in sentence(
        replace(far, tuned=halved), "Tuning"
    )
    assert "12 to 20 different trials an arm" in sentence(replace(far, tuned=tuned((20, 12))), "Tuning")


def places(groups: int | None, near: int | None, *, resampled: bool = True) -> PlacesFound:
    apart = None if near is None else np.concatenate([np.full(near, 10.0), np.full(100 - near, 9e4)])
    return PlacesFound(
        groups=None if groups is None else Groups(codes=np.arange(100) % groups, grouping=Grouping(by="scene")),
        resampled=resampled,
        lone=(),
        near=None if apart is None else Near(apart=apart, limit=1000.0),
        correlogram=None,
    )


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (places(40, 0), "they speak of other places like these"),
        (places(40, None), "they speak of other places like these"),
        (places(40, 7), "7 of 100 test patches lie near a training patch: it is not other places that were tested"),
        (places(5, 0), "of 5 scenes alone, too few"),
        (places(5, 7), "too few to speak of other places surely; 7 of 100 test patches"),
        (places(1, 7, resampled=False), "as independent; 7 of 100 test patches lie near a training patch"),
        (places(None, 0), "as independent: they hold for these alone"),
        (places(None, None), "where patches lie is not known"),
    ],
)
def test_places_are_spoken_of_by_their_groups_and_distances(far, found, said):
    assert said in sentence(replace(far, places=found), "Places")


def test_simulated_patches_and_folds_are_named(far):
    assert "simulated patches" in sentence(replace(far, board=replace(far.board, synthetic=True)), "Data")
    assert "one fold of a data set" in sentence(replace(far, board=replace(far.board, folds_of="f" * 32)), "Data")
