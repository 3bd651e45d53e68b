"""Several data sets: each is measured as in its own report, together they are draws of all there could be."""

import json

import numpy as np
import pytest

from raysat.errors import UsageError
from raysat.metrics.catalog import BALANCED_ACCURACY, ICV
from raysat.reporting.analysis.across import METRICS, across
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.paired import Contrast, PairedBootstrap
from raysat.reporting.analysis.predictions import read_predictions
from raysat.reporting.analysis.random_effects import pool
from raysat.reporting.format.across import headline
from raysat.storage.ledger import Ledger

pytestmark = pytest.mark.slow

PLAIN, GOOD, MIXED = (0.9, 0.4, 0.4, 0.3), (0.85, 0.8, 0.75, 0.7), (0.9, 0.5, 0.4, 0.4)
SIZES = ((120, 40, 30, 20), (60, 16, 14, 10), (200, 30, 20, 40))


@pytest.fixture
def runs(make_run):
    arms = {"plain": PLAIN, "good": GOOD, "mixed": MIXED}
    return [
        make_run(
            arms,
            folder=folder,
            seeds=range(4),
            sizes=sizes,
            fingerprint=folder * 32,
            first_id=10 * place,
        ).root
        for place, (folder, sizes) in enumerate(zip("abc", SIZES, strict=True))
    ]


def test_each_data_set_is_as_in_its_own_report_and_the_mean_is_over_them(runs) -> None:
    found = across(runs, baseline="plain")
    assert found.baseline == "plain"
    assert [each.name for each in found.data_sets] == ["a", "b", "c"]
    for each, run in zip(found.data_sets, runs, strict=True):
        alone = analyze([run], baseline="plain")
        for arm in ("good", "mixed"):
            assert each.gains[arm] == alone.to_baseline[arm]
    for arm, gains in found.gains.items():
        for metric in METRICS:
            values = [each.gains[arm][metric].value for each in found.data_sets]
            gain = gains[metric]
            assert min(values) <= gain.pooled.value <= max(values)
            better = [value < 0 for value in values] if metric.lower_is_better else [value > 0 for value in values]
            assert gain.ahead == sum(better)
            assert set(gain.without) == {"a", "b", "c"}
            assert all(of.n == 2 for of in gain.without.values())
            assert gain.estimate.n == 3
    assert found.gains["good"][BALANCED_ACCURACY].clearly_ahead == 3
    assert found.gains["good"][ICV].clearly_ahead == 3, "lower is better"


def test_standard_errors_are_those_that_intervals_have_with_many_seeds(make_run) -> None:
    """With many seeds Student's quantiles are the normal ones: an interval is 1.96 standard errors to each side."""
    ledger = make_run({"plain": PLAIN, "good": GOOD}, seeds=range(40))
    bootstrap = PairedBootstrap(read_predictions(collect(ledger)))
    contrast = Contrast.mean(["good"]) - Contrast.mean(["plain"])
    errors, estimates = bootstrap.standard_errors(contrast), bootstrap.difference(contrast)
    for metric in METRICS:
        width = estimates[metric].high - estimates[metric].low
        assert errors[metric] == pytest.approx(width / (2 * 1.96), rel=0.08)


def test_data_sets_are_pooled_by_their_standard_errors(runs) -> None:
    found = across(runs, baseline="plain")
    effects, errors = [], []
    for run in runs:
        bootstrap = PairedBootstrap(read_predictions(collect(Ledger.open(run))))
        contrast = Contrast.mean(["mixed"]) - Contrast.mean(["plain"])
        effects.append(bootstrap.difference(contrast)[BALANCED_ACCURACY].value)
        errors.append(bootstrap.standard_errors(contrast)[BALANCED_ACCURACY])
    gain = found.gains["mixed"][BALANCED_ACCURACY]
    assert gain.pooled == pool(effects, errors)
    assert gain.without["b"] == pool([effects[0], effects[2]], [errors[0], errors[2]])
    assert gain.pooled.value != pytest.approx(np.mean(effects), abs=1e-4), "the errors of these data sets differ"


def test_ranks_are_over_data_sets(runs) -> None:
    ranks = across(runs).ranks[BALANCED_ACCURACY]
    assert ranks.arms[0] == "good"
    assert ranks.ranks[0] == 1.0
    assert ranks.n == 3


@pytest.mark.parametrize("seeds", [(0,), ()])
def test_arms_without_two_seeds_are_left_out(make_run, seeds) -> None:
    missing = [("thin", seed) for seed in range(3) if seed not in seeds]
    arms = {"plain": PLAIN, "good": GOOD, "thin": MIXED}
    runs = [
        make_run(arms, folder="a", fingerprint="a" * 32),
        make_run(arms, folder="b", fingerprint="b" * 32, missing=missing),
    ]
    found = across([run.root for run in runs])
    assert found.left_out == ("thin",)
    assert set(found.arms) == {"plain", "good"}


def test_what_cannot_be_compared_is_refused_with_the_reason(make_run) -> None:
    arms = {"plain": PLAIN, "good": GOOD}
    a, same = (make_run(arms, folder=folder).root for folder in ("a", "same"))
    other = make_run({"x": PLAIN, "y": GOOD}, folder="other", fingerprint="e" * 32).root
    one_seed = make_run(arms, folder="one", fingerprint="d" * 32, seeds=(0,)).root
    cases = [
        ([a], "one data set says nothing"),
        ([a, same], "are of the same patches"),
        ([a, other], "fewer than two arms in common"),
        ([a, one_seed], "fewer than two arms in common"),
    ]
    for runs, message in cases:
        with pytest.raises(UsageError, match=message) as caught:
            across(runs)
        assert caught.value.hint
    with pytest.raises(UsageError, match="god"):
        across([a, make_run(arms, folder="b", fingerprint="b" * 32).root], baseline="god")


def test_arms_of_one_name_with_other_settings_are_refused(make_run) -> None:
    def run(folder: str, loss: str):
        configs = {"plain": {}, "good": {"loss": loss}}
        return make_run({"plain": PLAIN, "good": GOOD}, folder=folder, fingerprint=folder * 32, configs=configs).root

    with pytest.raises(UsageError, match=r"'good' is .*ldam.* in .*focal"):
        across([run("a", "ldam"), run("b", "focal")])


def test_folds_of_one_data_set_are_no_data_sets(runs) -> None:
    assert across(runs, baseline="plain").folds == ()
    for run, of in zip(runs, ("d" * 32, "e" * 32, "d" * 32), strict=True):
        plan = json.loads((run / "plan.json").read_text())
        plan["data"]["folds_of"] = of
        (run / "plan.json").write_text(json.dumps(plan))
    found = across(runs, baseline="plain")
    assert found.folds == ("a", "c")
    assert any(
        line.startswith("Folds of one data set, and not data sets of their own: a; c.") for line in headline(found)
    )
