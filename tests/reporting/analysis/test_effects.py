"""Effects of a factorial against statsmodels' least squares and ANOVA, and against plain means."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.anova import anova_lm

from raysat.metrics.catalog import BALANCED_ACCURACY, ICV
from raysat.reporting.analysis.bootstrap import observed
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.effects import LeastSquares, design_matrix, estimate_effects
from raysat.reporting.analysis.factors import Design, Factor, design
from raysat.reporting.analysis.paired import PairedBootstrap
from raysat.reporting.analysis.predictions import TrialPredictions, read_predictions
from raysat.reporting.format.sentences import combination_note, design_note
from tests.helpers.report import GRID, GRID_CONFIGS

pytestmark = pytest.mark.slow

LEVELS = {"loss": ("cross_entropy", "ldam", "focal"), "average": ("none", "swa"), "sampler": ("uniform", "square_root")}
ARMS = {
    ", ".join(f"{name}={level}" for name, level in zip(LEVELS, levels, strict=True)): dict(
        zip(LEVELS, levels, strict=True)
    )
    for levels in itertools.product(*LEVELS.values())
}


def recall(levels: dict[str, str]) -> tuple[float, ...]:
    rare = 0.3 + 0.2 * (levels["loss"] == "ldam") + 0.1 * (levels["average"] == "swa")
    return 0.9, 0.6, rare + 0.3 * (levels["loss"] == "ldam" and levels["average"] == "swa"), rare


@pytest.fixture
def made(make_run):
    """PairedBootstrap, design and a table of cells of a three-way grid; some arms may be left out."""

    def make(
        *left_out: str, seeds=(0, 1, 2, 3), **options
    ) -> tuple[PairedBootstrap, Design, pd.DataFrame, TrialPredictions]:
        arms = {name: levels for name, levels in ARMS.items() if name not in left_out}
        ledger = make_run({n: recall(v) for n, v in arms.items()}, seeds=seeds, configs=arms, grid=True, **options)
        board = collect(ledger)
        cells = read_predictions(board)
        balanced = observed(cells)[0]
        rows = [
            {**arms[arm], "arm": arm, "seed": seed, "y": balanced[row]}
            for arm, by_seed in cells.rows.items()
            for seed, row in by_seed.items()
        ]
        return PairedBootstrap(cells, n_resamples=200), design(board.arms), pd.DataFrame(rows), cells

    return make


def test_main_effects_of_a_balanced_grid_are_plain_means_over_the_rest(made):
    blocks, plan, table, _ = made()
    found = estimate_effects(blocks, plan, None)
    assert plan.balanced
    for effect in found.main:
        (name,), (level,), (first,) = effect.factors, effect.levels, effect.first
        means = table.groupby(name)["y"].mean()
        assert effect.estimates[BALANCED_ACCURACY].value == pytest.approx(means[level] - means[first])
        assert effect.estimates[BALANCED_ACCURACY].n == 4
    assert [effect.label for effect in found.main][:2] == [
        "loss: ldam instead of cross_entropy",
        "loss: focal instead of cross_entropy",
    ]


def test_an_interaction_of_a_balanced_grid_is_a_difference_of_differences(made):
    blocks, plan, table, _ = made()
    means = table.groupby(["loss", "average"])["y"].mean()
    found = next(e for e in estimate_effects(blocks, plan, None).pairs if e.levels == ("ldam", "swa"))
    expected = (
        means["ldam", "swa"] - means["ldam", "none"] - means["cross_entropy", "swa"] + means["cross_entropy", "none"]
    )
    assert found.estimates[BALANCED_ACCURACY].value == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")  # in what nothing is asked of
def test_an_unbalanced_grid_is_adjusted_by_least_squares_as_statsmodels_does(made):
    left_out = [name for name in ARMS if "focal" in name and "swa" in name]
    blocks, plan, table, _ = made(*left_out)
    assert not plan.balanced
    found = estimate_effects(blocks, plan, None)
    means = table.groupby(["arm", *LEVELS])["y"].mean().reset_index()
    fitted = smf.ols(
        "y ~ C(loss, Treatment('cross_entropy')) + C(average, Treatment('none')) + C(sampler, Treatment('uniform'))",
        means,
    ).fit()
    for effect in found.main:
        term = next(key for key in fitted.params.index if f"[T.{effect.levels[0]}]" in key)
        assert effect.estimates[BALANCED_ACCURACY].value == pytest.approx(fitted.params[term])
    pair = next(e for e in found.pairs if e.levels == ("ldam", "swa"))
    model = "y ~ C(loss, Treatment('cross_entropy')) * C(average, Treatment('none')) + C(sampler, Treatment('uniform'))"
    fitted = smf.ols(model, means).fit()
    term = next(key for key in fitted.params.index if "[T.ldam]:" in key)
    assert pair.estimates[BALANCED_ACCURACY].value == pytest.approx(fitted.params[term])
    assert not any(e.levels == ("focal", "swa") for e in found.pairs)  # the arms do not tell
    assert found.unknown == (0, 1)
    assert found.components == ()


def test_shares_of_a_balanced_grid_are_the_sums_of_squares_of_an_anova(made):
    blocks, plan, table, _ = made()
    found = {share.source: share for share in estimate_effects(blocks, plan, None).components}
    fitted = anova_lm(smf.ols("y ~ C(loss) * C(average) * C(sampler) + C(seed)", table).fit())
    total = ((table["y"] - table["y"].mean()) ** 2).sum()
    terms = {name: f"C({name})" for name in LEVELS} | {
        f"{a} × {b}": f"C({a}):C({b})" if (a, b) in itertools.combinations(LEVELS, 2) else f"C({b}):C({a})"
        for a, b in itertools.combinations(("loss", "sampler", "average"), 2)
    }
    terms |= {"three or more together": "C(loss):C(average):C(sampler)", "seed": "C(seed)", "noise": "Residual"}
    assert set(found) == set(terms)
    for source, term in terms.items():
        assert found[source].degrees == fitted["df"][term]
        assert found[source].of_all == pytest.approx(fitted["sum_sq"][term] / total), source
    assert sum(share.of_all for share in found.values()) == pytest.approx(1)
    assert sum(share.of_arms for share in found.values() if share.of_arms is not None) == pytest.approx(1)


def test_factors_that_the_arms_confound_are_not_estimated():
    arms = ("a", "b", "c")
    one = Factor(name="one", levels=("0", "1"), of={"a": "0", "b": "1", "c": "1"})
    two = Factor(name="two", levels=("0", "1"), of={"a": "0", "b": "1", "c": "0"})
    both = Factor(name="both", levels=("0", "1"), of={"a": "0", "b": "0", "c": "1"})
    assert LeastSquares.solve(arms, (one, two)).contrast([one], ["1"]).weights == pytest.approx({"a": -1, "c": 1})
    assert LeastSquares.solve(arms, (one, two, both)).contrast([one], ["1"]) is None
    assert LeastSquares.solve(arms, (one, two), (one, two)).contrast([one, two], ["1", "1"]) is None


def test_a_combination_is_compared_with_each_of_its_parts_over_the_rest(made):
    blocks, plan, table, _ = made()
    found = estimate_effects(blocks, plan, None, [{"loss": "ldam", "average": "swa"}]).combinations
    assert len(found) == 1
    (together,) = found
    assert (together.label, together.n_contexts, together.preplanned) == ("loss=ldam + average=swa", 2, True)
    means = table.groupby(["loss", "average"])["y"].mean()
    whole, none = means["ldam", "swa"], means["cross_entropy", "none"]
    expected = {
        "loss=ldam": whole - means["ldam", "none"],
        "average=swa": whole - means["cross_entropy", "swa"],
        "none of them": whole - none,
    }
    gains = {part.label: part.gain[BALANCED_ACCURACY].value for part in together.subsets[1:]}
    assert gains == pytest.approx(expected)
    alone = (means["ldam", "none"] - none) + (means["cross_entropy", "swa"] - none)
    assert together.synergy[BALANCED_ACCURACY].value == pytest.approx(whole - none - alone)
    assert together.subsets[0].mean[BALANCED_ACCURACY].value == pytest.approx(whole)
    smallest = min(part.gain[BALANCED_ACCURACY].p for part in together.subsets[1:])
    assert min(part.gain[BALANCED_ACCURACY].p_holm for part in together.subsets[1:]) == pytest.approx(3 * smallest)


def test_the_best_arms_combination_is_compared_unless_it_was_asked_for(made):
    blocks, plan, _, _ = made()
    best = "loss=ldam, average=swa, sampler=uniform"
    (own,) = estimate_effects(blocks, plan, best).combinations
    assert (own.label, own.preplanned) == ("loss=ldam + average=swa", False)
    assert len(estimate_effects(blocks, plan, best, [{"loss": "ldam", "average": "swa"}]).combinations) == 1
    assert estimate_effects(blocks, plan, "loss=ldam, average=none, sampler=uniform").combinations == ()


def test_a_combination_is_averaged_over_settings_of_the_rest_that_have_all_of_its_parts(made):
    left_out = "loss=cross_entropy, average=swa, sampler=square_root"
    blocks, plan, _, _ = made(left_out)
    (found,) = estimate_effects(blocks, plan, None, [{"loss": "ldam", "average": "swa"}]).combinations
    assert (found.n_contexts, found.at) == (1, "sampler=uniform")
    assert combination_note(found) == "asked for by name; at sampler=uniform"


def test_seeds_that_some_arm_lacks_take_no_part(made):
    blocks, plan, _, _ = made(missing=[(next(iter(ARMS)), 2)])
    found = estimate_effects(blocks, plan, None)
    assert found.seeds == (0, 1, 3)
    assert plan.balanced
    assert {effect.estimates[ICV].n for effect in found.main} == {3}
    assert {share.degrees for share in found.components if share.source == "seed"} == {2}


def test_an_arm_that_would_cost_the_others_half_of_their_seeds_is_left_out_and_named(made):
    short = next(iter(ARMS))
    blocks, plan, _, _ = made(seeds=(0, 1, 2, 3), missing=[(short, seed) for seed in (1, 2)])
    assert plan.left_out == (short,)
    assert short not in plan.arms
    found = estimate_effects(blocks, plan, None)
    assert found.seeds == (0, 1, 2, 3)
    assert {effect.estimates[ICV].n for effect in found.main} == {4}
    assert f"Left out, as too few of their seeds have finished: {short}." in design_note(found)


def test_an_arm_that_costs_few_seeds_stays_and_is_named(made):
    short = next(iter(ARMS))
    blocks, plan, _, _ = made(missing=[(short, 2)])
    assert (plan.short, plan.left_out) == ((short,), ())
    said = design_note(estimate_effects(blocks, plan, None))
    assert f"Only the seeds that all of these arms have finished count: {short} lacks some." in said


def test_one_factor_or_no_common_seed_has_no_effects(make_run):
    board = collect(make_run(dict(list(GRID.items())[:2]), configs=GRID_CONFIGS))
    assert estimate_effects(PairedBootstrap(read_predictions(board), n_resamples=200), design(board.arms), None) is None
    a, *_ = GRID
    unlike = [(a, 0), (list(GRID)[1], 1)]
    board = collect(make_run(GRID, seeds=(0, 1), configs=GRID_CONFIGS, missing=unlike, folder="other"))
    assert estimate_effects(PairedBootstrap(read_predictions(board), n_resamples=200), design(board.arms), None) is None


def test_one_seed_has_shares_without_noise(made):
    blocks, plan, _, _ = made(seeds=(0,))
    found = estimate_effects(blocks, plan, None)
    assert {share.source for share in found.components}.isdisjoint({"seed", "noise"})
    assert found.main[0].estimates[ICV].low is None
    assert np.isfinite(found.main[0].estimates[ICV].value)


def test_columns_of_least_squares_are_named_by_factors_and_levels():
    arms = ("w", "x", "y", "z")
    loss = Factor(name="loss", levels=("ce", "ldam"), of=dict(zip(arms, ("ce", "ldam", "ce", "ldam"), strict=True)))
    average = Factor(
        name="average", levels=("none", "swa"), of=dict(zip(arms, ("none", "none", "swa", "swa"), strict=True))
    )
    columns = design_matrix(arms, (loss, average), (loss, average))
    assert list(columns) == [(), (("loss", "ldam"),), (("average", "swa"),), (("loss", "ldam"), ("average", "swa"))]
    assert [column.tolist() for column in columns.values()] == [
        [1, 1, 1, 1],
        [0, 1, 0, 1],
        [0, 0, 1, 1],
        [0, 0, 0, 1],
    ]
    assert len(design_matrix(arms, (loss, average))) == 3
