"""What was found, in a few sentences: whether a difference could be shown, and what it would take where none was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from raysat.formatting import number, one_line, plural
from raysat.metrics.power import power_note, seeds_needed
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.combination import Combination
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.sample_size import MOST_SEEDS
from raysat.reporting.format.numbers import format_estimate, p_value
from raysat.reporting.format.places import near_warning
from raysat.reporting.format.planned import planned_sentences
from raysat.reporting.format.sentences import MAIN, arm_label, name_list, sentence
from raysat.reporting.format.tuned import tuned_sentences

SYNTHETIC: Final = "The patches are simulated: no finding about real imagery can rest on them."
_NONE: Final = "No difference could be shown"


def summary_sentences(analysis: Analysis) -> list[str]:
    """What the report found; first of all, where arms were compared, that no difference could be shown if so."""
    first, *rest = _found(analysis)
    if not analysis.board.synthetic:
        return [first, *rest]
    return [f"On synthetic data: {first.replace(_NONE, _NONE.lower(), 1)}", *rest, SYNTHETIC]


def _found(analysis: Analysis) -> Iterator[str]:
    yield from planned_sentences(analysis)
    metric = analysis.metric
    best, compared = analysis.ranked[0], len(analysis.ranked) > 1
    if compared and not analysis.shown:
        yield f"{_NONE}{_why(analysis)}."
        yield from _by_intervals(analysis)
        yield from _what_it_takes(analysis)
    yield _first(analysis)
    yield from _ties(analysis)
    if best.name != analysis.baseline and (gain := analysis.to_baseline[best.name].get(metric)):
        yield (
            f"Against the baseline, {arm_label(analysis, analysis.baseline)}: {metric.label} "
            f"{format_estimate(gain, metric.digits)} (n = {plural(gain.n, 'pair')}; {_tests(gain)})."
        )
    yield from tuned_sentences(analysis)
    yield from (_synergy(whole) for whole in (analysis.effects.combinations if analysis.effects else ())[:1])
    yield from near_warning(analysis)


def _first(analysis: Analysis) -> str:
    board, metric, rank_by, best = analysis.board, analysis.metric, analysis.rank_by, analysis.ranked[0]
    mean = format_estimate(analysis.means[best.name].get(metric), metric.digits, difference=False)
    first = f"{arm_label(analysis, best.name)} comes first"
    if rank_by != metric:
        first += f" by {rank_by.label}, {number(best.metrics[rank_by].mean, rank_by.digits)};"
    else:
        first += ","
    return f"{first} {metric.label} {mean} (n = {plural(best.n, 'seed')}, {board.n_test:,} {board.reported} patches)."


def _why(analysis: Analysis) -> str:
    """Of how many comparisons none is significant, and on how many pairs of seeds."""
    needed = analysis.needed
    if not needed.comparisons:
        return ": no arm has a seed in common with the baseline"
    if needed.pairs == 1:
        return ": one seed of an arm gives no interval and no test"
    others = "the baseline" if analysis.baseline == analysis.best else "the baseline or from the best"
    n = f"n = {needed.pairs} pairs of seeds"
    return f": in {analysis.metric.label} no arm differs from {others} at 5 % after Holm ({n})"


def _by_intervals(analysis: Analysis) -> Iterator[str]:
    """That intervals, which are not corrected and trust Student's t, leave zero out where the test does not."""
    compared = [
        estimates[analysis.metric] for estimates in analysis.to_baseline.values() if analysis.metric in estimates
    ]
    if clear := sum(estimate.excludes_zero for estimate in compared):
        yield (
            f"By their intervals alone, which are not corrected and trust Student's t, {clear} of "
            f"{plural(len(compared), 'difference')} to the baseline would exclude zero."
        )


def _what_it_takes(analysis: Analysis) -> Iterator[str]:
    """The seeds that a test needs at all, then those that differences of some size need at the observed spread."""
    needed, metric = analysis.needed, analysis.metric
    if needed.pairs < seeds_needed(needed.comparisons):
        yield sentence(power_note(needed.pairs, needed.comparisons))
    if needed.sd is None:
        return
    seeds = {size: f"more than {MOST_SEEDS:,}" if n is None else f"{n:,}" for size, n in needed.seeds.items()}
    sizes = ", one of ".join(f"{size:g} takes {n} seeds" for size, n in seeds.items())
    pooled = "" if needed.comparisons == 1 else f", pooled over {needed.comparisons} comparisons"
    yield (
        f"What it would take: paired differences in {metric.label} to the baseline have a standard deviation of "
        f"{number(needed.sd, metric.digits)} over seeds{pooled}; at that spread a true difference of {sizes} "
        "(80 % power, 5 % two-sided after Holm)."
    )


def _ties(analysis: Analysis) -> Iterator[str]:
    """Which arms the best is tied with, of those that could be compared; and which could not."""
    metric = analysis.metric
    compared = {arm: estimates[metric] for arm, estimates in analysis.to_best.items() if metric in estimates}
    single = [arm for arm, estimate in compared.items() if estimate.low is None]
    known = len(compared) - len(single)
    tied = [arm.name for arm in analysis.ranked if arm.name in analysis.tied]

    def listed(arms: Sequence[str]) -> str:
        return name_list([arm_label(analysis, arm) for arm in arms])

    if tied and known == 1:
        yield "The other arm is tied with it: the interval of the difference includes zero."
    elif tied:
        who = "is tied with it, its" if len(tied) == 1 else "are tied with it, their"
        yield f"{len(tied)} of {known} others {who} interval including zero: {listed(tied)}."
    elif known and analysis.rank_by == metric:
        who = "The other arm is not" if known == 1 else f"None of {known} others is"
        yield f"{who} tied with it: the interval of the difference excludes zero."
    if alone := [arm for arm in analysis.to_best if arm not in compared]:
        yield f"Not compared with it, as they have no seed in common: {listed(alone)}."
    if single:
        yield f"Compared on one seed, so without an interval: {listed(single)}."


def _tests(estimate: Estimate) -> str:
    after = "" if estimate.p_holm is None else f", after Holm {p_value(estimate.p_holm)}"  # a planned one is told above
    return f"p = {p_value(estimate.p)}{after}"


def _synergy(combination: Combination) -> str:
    """The testable line on a combination: against its best part, and against the sum of its parts."""
    whole, *parts = combination.subsets
    metric = MAIN[0]
    best = max(parts, key=lambda part: part.mean[metric].value)
    gain, synergy = best.gain[metric], combination.synergy[metric]
    verdict = "beats" if (gain.low or 0) > 0 else "is worse than" if (gain.high or 0) < 0 else "is not told apart from"
    return (
        f"Together, {one_line(whole.label)} {verdict} its best part, {one_line(best.label)}: {metric.label} "
        f"{format_estimate(gain)} ({_tests(gain)}); "
        f"synergy beyond the sum of its parts: {format_estimate(synergy)} (p = {p_value(synergy.p)})."
    )
