"""The headline: what was found, and where nothing was, that and what it would take."""

from __future__ import annotations

import re

import pytest

from raysat.reporting.analysis.analyze import Analysis, analyze
from raysat.reporting.format.headline import SYNTHETIC, summary_sentences
from raysat.reporting.format.pages import report_page
from raysat.reporting.format.sentences import measured_on, page_title

ALIKE = {"a": (0.8, 0.7, 0.7, 0.6), "b": (0.8, 0.7, 0.7, 0.6), "c": (0.8, 0.7, 0.7, 0.6)}
FAR = {"good": (0.95,) * 4, "bad": (0.3,) * 4, "as bad": (0.3,) * 4}


@pytest.fixture
def found(make_run):
    def make(arms, seeds: int, **options) -> Analysis:
        return analyze([make_run(arms, seeds=range(seeds), folder=f"{len(arms)}-{seeds}", **options).root])

    return make


def test_where_nothing_differs_it_says_so_first_and_what_it_would_take(found):
    analysis = found(ALIKE, 8)
    first, takes, *rest = report_page(analysis).headline
    assert first.startswith("No difference could be shown: in balanced accuracy no arm differs from the baseline")
    assert first.endswith("at 5 % after Holm (n = 8 pairs of seeds).")
    needed = analysis.needed
    sd, *sizes = re.findall(r"standard deviation of ([\d.]+)|of ([\d.]+) takes ([\d,]+) seeds", takes)
    assert float(sd[0]) == pytest.approx(needed.sd, abs=5e-4)
    assert {float(size): int(seeds.replace(",", "")) for _, size, seeds in sizes} == needed.seeds
    assert "pooled over 2 comparisons" in takes
    assert takes.endswith("(80 % power, 5 % two-sided after Holm).")
    assert "comes first" in rest[0]


def test_where_something_differs_the_best_comes_first(found):
    first, *rest = summary_sentences(found(FAR, 8))
    assert first.startswith("good comes first, balanced accuracy")
    assert not any("could be shown" in sentence for sentence in rest)


def test_seeds_too_few_for_any_test_are_said_beside_what_intervals_show(found):
    first, intervals, few, takes, *_ = summary_sentences(found(FAR, 5))
    assert first.startswith("No difference could be shown: in balanced accuracy no arm differs from the baseline at")
    assert "2 of 2 differences to the baseline would exclude zero" in intervals
    assert "so no difference can be significant at 5 %; 6 seeds can show one, 7 for the strongest of 2" in few
    assert takes.startswith("What it would take: ")


def test_one_seed_or_seeds_apart_have_nothing_to_tell_a_spread_by(found, make_run):
    first, few, *rest = summary_sentences(found(ALIKE, 1))
    assert first == "No difference could be shown: one seed of an arm gives no interval and no test."
    assert few.startswith("1 seed: ")
    assert not any("standard deviation" in sentence for sentence in rest)
    apart = make_run(ALIKE, seeds=(0, 1), missing=[("a", 0), ("b", 1), ("c", 1)], folder="apart")
    first, *_ = summary_sentences(analyze([apart.root]))
    assert first == "No difference could be shown: no arm has a seed in common with the baseline."


def test_one_arm_alone_is_compared_with_nothing(found):
    first, *rest = summary_sentences(found({"only": (0.8,) * 4}, 3))
    assert first.startswith("only comes first")
    assert not rest


@pytest.mark.parametrize(("arms", "first"), [(ALIKE, "no difference could be"), (FAR, "")], ids=["alike", "far"])
def test_synthetic_data_are_said_in_title_and_headline(found, arms, first):
    analysis = found(arms, 8, synthetic=True)
    page = report_page(analysis)
    assert page.title == "table2: synthetic data"
    assert page.subtitle.startswith("test split of demo (synthetic data), 50 patches;")
    assert page.headline[0].startswith(f"On synthetic data: {first}")
    assert page.headline[-1] == SYNTHETIC


def test_real_data_are_not_called_synthetic(found):
    analysis = found(ALIKE, 2)
    said = [page_title(analysis.board), measured_on(analysis.board), *summary_sentences(analysis)]
    assert not any("ynthetic" in text or "simulated" in text for text in said)
