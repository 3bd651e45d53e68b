"""What a study can and cannot say, in one sentence each: tuning, plan, power, places and data sets.

Each sentence is chosen by the numbers of the report; none says more than they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Final

from raysat.formatting import number, plural
from raysat.metrics.power import seeds_needed
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.clusters import FEW
from raysat.reporting.format.readouts import readout_sentences
from raysat.reporting.format.sentences import arm_label

_SEEN: Final = (1.96 + 0.84) / 1.96  # a difference that is seen with 80 % power, in half widths of its 95 % interval


def limits_sentences(analysis: Analysis) -> list[str]:
    """Return the sentences, in the order in which a reviewer asks."""
    if len(analysis.ranked) < 2:
        return ["One arm alone has finished: nothing is compared."]
    said = [*_tuning(analysis), *readout_sentences(analysis), *_plan(analysis), *_power(analysis)]
    return [*said, *_places(analysis), *_data(analysis)]


def _tuning(analysis: Analysis) -> Iterator[str]:
    """Whether each arm was tuned as hard as the others."""
    if (tuned := analysis.tuned) is None:
        yield (
            "Tuning: none. All arms run with the settings that the study gives them, which may suit one better than "
            "another; whether a gain would outlast tuning each arm, this study does not say (tune: in the study)."
        )
        return
    tried = sorted({each.entry.tried for each in tuned.arms})
    if len(tried) > 1:
        yield (
            f"Tuning: {tried[0]} to {tried[-1]} different trials an arm, from as many draws; some draws were equal "
            "where an arm has few values to choose from."
        )
        return
    failed = sum(each.entry.failed for each in tuned.arms)
    ends = f", {plural(failed, 'trial')} of them failed" if failed else ""
    stopped = sum(each.entry.stopped for each in tuned.arms)
    ends += f", {plural(stopped, 'trial')} stopped early, which favours what learns fast" if stopped else ""
    yield (
        f"Tuning: each arm by {tried[0]} trials on val{ends}, so no arm's gain is that of more tuning; gains hold "
        "for the settings that were tuned and the ranges that were drawn from."
    )


def _plan(analysis: Analysis) -> Iterator[str]:
    """What was asked before, and what was found afterwards."""
    if (planned := analysis.planned) is None:
        yield (
            "Plan: no contrast was planned, so every difference here was found by looking: exploratory, to be "
            "confirmed by a study that names it (compare: in the study)."
        )
        return
    shown = sum(each.shown for each in planned.differences)
    if planned.looked is not None:
        shown = sum(each.decided for each in planned.looked.decisions)
    of = plural(len(planned.differences), "planned contrast")
    how = "over all looks" if planned.looked is not None else "after Holm"
    rest = "All other comparisons are exploratory."
    yield f"Plan: {shown} of {of} {'is' if shown == 1 else 'are'} shown at 5 % {how}. {rest}"


def _power(analysis: Analysis) -> Iterator[str]:
    """How large a difference could have been shown."""
    metric, needed = analysis.metric, analysis.needed
    estimates = [of[metric] for of in analysis.to_baseline.values() if metric in of]
    halves = [(each.high - each.low) / 2 for each in estimates if each.low is not None and each.high is not None]
    if not halves:
        yield "Power: no arm shares two seeds with the baseline, so no difference has an interval: nothing is shown."
        return
    half = median(halves)
    known = (
        f"differences to {arm_label(analysis, analysis.baseline)} in {metric.label} are known to "
        f"±{number(half, metric.digits)} (half of a 95 % interval, the median of {len(halves)})"
    )
    planned = analysis.planned  # whose looks test by Student's t, for which few seeds are enough
    comparisons = len(planned.differences) if planned is not None else needed.comparisons
    if needed.pairs < (least := seeds_needed(comparisons)) and (planned is None or planned.looked is None):
        of = plural(comparisons, "planned contrast" if planned else "comparison")
        yield (
            f"Power: too few seeds. With {plural(needed.pairs, 'pair')} of seeds and {of} the strongest cannot be "
            f"significant after Holm, however large; {least} can. By intervals alone, {known}."
        )
        return
    yield (
        f"Power: {known}; one below some {number(_SEEN * half, metric.digits)} is more likely missed than the usual "
        "one in five. What is not shown is not shown to be nothing."
    )


def _places(analysis: Analysis) -> Iterator[str]:
    """Whether other places can be spoken of."""
    found = analysis.places
    if found is None or (found.groups is None and found.near is None):
        yield (
            "Places: where patches lie is not known. Neighbours may be in both splits and count as independent: "
            "intervals may then be too narrow, and results elsewhere worse."
        )
        return
    near = found.near
    close = near is not None and near.within > 0
    where = f"{near.within:,} of {len(near.apart):,} test patches lie near a training patch" if near and close else ""
    if found.groups is None or not found.resampled:
        told = f"; {where}" if where else ""
        yield f"Places: intervals take patches as independent{told}: they hold for these alone."
        return
    words = found.groups.in_words
    if len(found.groups) < FEW:
        yield (
            f"Places: intervals draw whole groups, but of {words} alone, too few to speak of other places surely"
            f"{f'; {where}' if where else ''}."
        )
    elif close:
        yield f"Places: intervals draw whole groups ({words}), but {where}: it is not other places that were tested."
    else:
        yield f"Places: intervals draw whole groups ({words}); they speak of other places like these."


def _data(analysis: Analysis) -> Iterator[str]:
    """On which data it holds."""
    board = analysis.board
    if board.synthetic:
        yield "Data: simulated patches. Nothing follows for real imagery."
    elif board.folds_of is not None:
        yield "Data: one fold of a data set; raysat across combines it with the others."
    else:
        yield (
            f"Data: one data set, {board.data}. Whether it holds on others, a study of several says (stores: in the "
            "study, raysat across)."
        )
