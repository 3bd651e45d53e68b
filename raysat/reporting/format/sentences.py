"""What a report says of its method in words: facts that are each said once, and notes on design, ranking and cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from raysat.formatting import duration, one_line, plural
from raysat.metrics.catalog import RANKING
from raysat.metrics.power import name_of_test, power_note, seeds_needed
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.combination import Combination
from raysat.reporting.analysis.effects import Effects
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.ranking import ranking_rule, ranking_seeds
from raysat.reporting.format.cells import PARETO, TIED
from raysat.reporting.format.places import groups_sentence, places_sentences, resampled

MAIN: Final = RANKING  # the metrics of comparisons
ICV: Final = "ICV is the sum over classes of (accuracy − recall)²: low where no class is left behind."
ACCURACY: Final = "Accuracy never ranks: on imbalanced data it rewards neglect of the rare classes."
INTERVALS: Final = "Differences with 95 % intervals, bold where they exclude zero; n: pairs of seeds."
YARDSTICK: Final = (
    "In brackets: the same figure of real held-out patches, the yardstick. "
    "KID: on features of a classifier of the real patches. Wasserstein: in deviations of a band, mean of all bands. "
    "Index distance: Wasserstein's of a spectral index. Diversity: 1 as diverse as the real ones, 0 collapsed. "
    "Nearest real: well under 1 would be copies."
)


def sentence(text: str) -> str:
    """A text as a sentence: with a capital and a full stop; empty stays empty."""
    return f"{text[0].upper()}{text[1:].removesuffix('.')}." if text else ""


def spread_note(analysis: Analysis | None) -> str:
    """What stands beside a mean over seeds."""
    spread = "± standard deviation"
    return spread if analysis is None else f"with 95 % intervals; {spread} where there is none"


def name_list(arms: Sequence[str]) -> str:
    """The first few arms; by semicolons, as names hold commas."""
    return "; ".join(map(one_line, arms[:3])) + (f" and {len(arms) - 3} more" if len(arms) > 3 else "")


def arm_label(analysis: Analysis, arm: str) -> str:
    """An arm by its name, and what it is where a publication says so."""
    return next(known.label for known in analysis.board.arms if known.name == arm)


def measured_on(board: Leaderboard) -> str:
    """Split, data and how much of the study is finished."""
    size = "" if board.n_test is None else f", {board.n_test:,} patches"
    made = " (synthetic data)" if board.synthetic else ""
    return f"{board.reported} split of {board.data}{made}{size}; {board.finished} of {board.planned} trials finished"


def page_title(board: Leaderboard) -> str:
    """The study's name; synthetic data are said with it."""
    return one_line(board.study) + (": synthetic data" if board.synthetic else "")


def ranking_sentences(board: Leaderboard, analysis: Analysis | None = None) -> Iterator[str]:
    """How arms are ranked, and what the marks beside them mean."""
    rank_by = analysis.rank_by if analysis else RANKING[0]
    order = [f"{'lower' if metric.lower_is_better else 'higher'} {metric.label}" for metric in ranking_rule(rank_by)]
    yield f"Ranked by {', then '.join(order)}. {ACCURACY} {ICV}"
    seeds = ranking_seeds(board.ranked)
    if any(set(arm.seeds) > set(seeds) for arm in board.ranked if not arm.short):
        if seeds:
            yield f"Ranked on seeds {', '.join(map(str, seeds))}, which all complete arms share. Means are over all n."
        else:
            yield "Complete arms share no seed: each is ranked on its own."
    if any(arm.short for arm in board.ranked):
        yield "Rank in brackets: an arm that lacks seeds of the others, and so ranks below them."
    if analysis is None:
        return
    if analysis.rank_by != analysis.metric:
        yield f"No arm is marked as tied with the best: {rank_by.label} is not resampled."
    elif analysis.tied:
        yield f"{TIED} tied with the best: the 95 % interval of the difference in {rank_by.label} includes zero."
    yield f"{PARETO} no other arm beats it on both balanced accuracy and ICV."
    yield from groups_sentence(analysis)


def combination_note(combination: Combination) -> str:
    """What a combination was compared with, and whether it was named before or after seeing the results."""
    best = "the levels of the grid's best arm, chosen after seeing the results"
    why = "asked for by name" if combination.preplanned else best
    if combination.n_contexts > 1:
        return f"{why}; averaged over {combination.n_contexts} combinations of the other factors"
    return f"{why}; at {combination.at}" if combination.at else why


def design_note(effects: Effects) -> str:
    """On what arms effects rest, and whether the grid is balanced."""
    design, n = effects.design, len(effects.seeds)
    what = f"{len(design.arms)} arms {'of the grid' if design.grid else 'with named settings'}, n = {plural(n, 'seed')}"
    few = f" {plural(n, 'seed')} can show no effect at 5 % by the sign-flip test." if n < seeds_needed() else ""
    if design.short:
        few += f" Only the seeds that all of these arms have finished count: {name_list(design.short)} lacks some."
    if design.left_out:
        few += f" Left out, as too few of their seeds have finished: {name_list(design.left_out)}."
    if design.balanced:
        return f"Balanced: every combination of levels is there ({what}). Effects are plain means over the rest.{few}"
    note = (
        f"Not balanced: not every combination of levels is there exactly once ({what}). Effects are adjusted for the "
        f"other factors by least squares, which takes them as additive. Shares of variance need a balanced grid.{few}"
    )
    main, pairs = effects.unknown
    if main + pairs:
        left_out = f"{plural(main, 'main effect')}, {plural(pairs, 'interaction')}"
        note += f" Left out, as these arms cannot tell them from others: {left_out}."
    return note


def cost_sentences(analysis: Analysis) -> Iterator[str]:
    """What the trials took and on what, what shared epochs save, and what generators took beside them."""
    cost = analysis.cost
    yield (
        f"The finished trials pass {cost.images:,} images in {duration(cost.seconds)} of training, each counted as if "
        f"it were trained alone, on {one_line('; '.join(cost.hardware))}."
    )
    if cost.planned is not None and cost.saving is not None:
        alone, shared = cost.planned
        less = f"{shared:,} images instead of {alone:,}, {cost.saving:.2f} times fewer"
        none = "No two trials share an epoch."
        yield none if shared == alone else f"Epochs that trials share are trained once: {less}."
    if records := [generator.record for generator in analysis.generators]:
        images = sum(record.images for record in records)
        took = f"{duration(sum(record.seconds for record in records))}, {images:,} images"
        yield f"Not in it: {plural(len(records), 'generator')} ({took}), which arms with synthetic patches share."


def method_sentences(analysis: Analysis) -> Iterator[str]:
    """How to read the numbers: the rule, intervals, tests and what they cannot show."""
    board = analysis.board
    yield from ranking_sentences(board, analysis)
    yield "The best was chosen by looking at these numbers, so its own figure is somewhat too good."
    compared = [*analysis.to_best.values(), *analysis.to_baseline.values()]
    pairs = sorted({estimate.n for estimates in compared for estimate in estimates.values()})
    yield (
        "Intervals hold 95 %: a hierarchical bootstrap over seeds and test patches "
        f"({analysis.n_resamples:,} resamples of {resampled(analysis)}, paired over all arms; Student's t over "
        "seeds). "
        f"p is from the {name_of_test(pairs[-1] if pairs else 0)} over seeds, two-sided; Holm corrects it for the "
        "comparisons of a metric. Where all seeds agree on every patch there is nothing to resample, and no interval "
        "of the mean."
    )
    if pairs:
        yield (
            "An interval and a p-value may disagree: an interval is that of one comparison alone and trusts Student's "
            "t, p trusts the signs of a few seeds only. What is clear by its interval but not by p wants more seeds."
        )
        note = sentence(power_note(pairs[-1], len(analysis.ranked) - 1))
        yield note + (f" Some pairs have {pairs[0]} alone." if pairs[0] < pairs[-1] else "")
    if len(analysis.design.factors) > 1 and analysis.effects is None:
        yield "No effects of the factors: the arms have no seed in common."
    if len(analysis.runs) > 1:
        yield "A trial that several runs have counts once."
    yield from places_sentences(analysis)
    support = [(one_line(name), n) for name, n in zip(board.classes, board.support or (), strict=False)]
    if single := [name for name, n in support if n == 1]:
        yield f"With one test patch alone, so that intervals of their recall know of seeds only: {', '.join(single)}."
    if empty := [name for name, n in support if n == 0]:
        yield f"Without patches in the {board.reported} split, and so no part of any mean: {', '.join(empty)}."
