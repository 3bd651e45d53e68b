"""How findings read in words, the same in every form of a report: numbers with their intervals, and plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from raysat.formatting import NONE, duration, number, plural
from raysat.metrics.power import name_of_test, power_note, seeds_needed
from raysat.report.analysis.bootstrap import of_class
from raysat.report.analysis.collect import one_line
from raysat.report.analysis.effects import Effects, Together
from raysat.report.analysis.findings import Findings
from raysat.report.analysis.paired import Estimate
from raysat.report.analysis.ranking import LABELS, LOWER_IS_BETTER
from raysat.report.format.text import PARETO, TIED, rank_note

MAIN: Final = ("balanced_accuracy", "icv", "macro_f1")


def measure_label(findings: Findings, measure: str) -> str:
    """``ICV``, ``recall of forest``."""
    if (own := of_class(measure)) is not None:
        return f"{own[0]} of {one_line(findings.board.classes[own[1]])}"
    return LABELS[measure]


def called(findings: Findings, arm: str) -> str:
    """An arm by its name, and what it is where a publication says so."""
    return next(each.label for each in findings.board.arms if each.name == arm)


def signed(value: float | None, measure: str = "", *, digits: int | None = None) -> str:
    """A difference with its sign: ``+0.031``, ``−0.031``; what rounds to zero has none."""
    text = number(value, measure) if digits is None or value is None else f"{value:.{digits}f}"
    if value is None or not float(text):
        return text.lstrip("-")
    return f"−{text[1:]}" if value < 0 else f"+{text}"


def bracketed(estimate: Estimate | None, measure: str = "", *, difference: bool = True) -> str:
    """``+0.031 [−0.001, +0.062]``; ``–`` where there is nothing to estimate, no brackets where n is 1."""
    if estimate is None:
        return NONE
    value = signed(estimate.value, measure) if difference else number(estimate.value, measure)
    if estimate.low is None or estimate.high is None:
        return value
    end = _end if difference else number
    return f"{value} [{end(estimate.low, measure)}, {end(estimate.high, measure)}]"


def _end(value: float, measure: str) -> str:
    """An end of an interval, with its sign even where it rounds to zero: that tells whether zero lies within."""
    if not value or float(number(value, measure)):
        return signed(value, measure)
    return ("+" if value > 0 else "−") + number(0.0, measure)


def p_value(p: float | None) -> str:
    """Three decimals, or ``<0.001``."""
    return NONE if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def headline(findings: Findings) -> list[str]:
    """What the report found, in a few sentences."""
    board, best, measure = findings.board, findings.best, findings.measure
    label, mean = measure_label(findings, measure), findings.means[best].get(measure)
    by = "" if findings.rank_by == measure else f" by {LABELS[findings.rank_by]}"
    first = findings.ranked[0].metrics[findings.rank_by].mean
    said = [
        f"{called(findings, best)} comes first{by}, {f'{number(first, findings.rank_by)}; ' if by else ''}"
        f"{label} {bracketed(mean, measure, difference=False)} "
        f"(n = {plural(findings.ranked[0].n, 'seed')}, {board.n_test:,} {board.reported} patches)."
    ]
    said += _ties(findings, measure)
    if best != findings.baseline and measure in (gained := findings.to_baseline[best]):
        e = gained[measure]
        said.append(
            f"Against the baseline, {called(findings, findings.baseline)}: {label} {bracketed(e, measure)} "
            f"(n = {plural(e.n, 'pair')}; p = {p_value(e.p)}, after Holm {p_value(e.p_holm)})."
        )
    said += [_synergy(each) for each in (findings.effects.together if findings.effects else ())[:1]]
    return said


def _ties(findings: Findings, measure: str) -> Iterator[str]:
    """Which arms the best is tied with, of those that could be compared; and which could not."""
    compared = {arm: each[measure] for arm, each in findings.to_best.items() if measure in each}
    known = [arm for arm, each in compared.items() if each.low is not None]
    tied = [arm.name for arm in findings.ranked if arm.name in findings.tied]
    if tied and len(known) == 1:
        yield "The other arm is tied with it: the interval of the difference includes zero."
    elif tied:
        who = "is tied with it, its" if len(tied) == 1 else "are tied with it, their"
        yield f"{len(tied)} of {len(known)} others {who} interval including zero: {_listed(findings, tied)}."
    elif known and findings.rank_by == measure:
        who = "The other arm is not" if len(known) == 1 else f"None of {len(known)} others is"
        yield f"{who} tied with it: the interval of the difference leaves zero out."
    if alone := [arm for arm in findings.to_best if arm not in compared]:
        yield f"Not compared with it, as they have no seed in common: {_listed(findings, alone)}."
    if single := [arm for arm, each in compared.items() if each.low is None]:
        yield f"Compared on one seed, so without an interval: {_listed(findings, single)}."


def _listed(findings: Findings, arms: Sequence[str]) -> str:
    return _names([called(findings, arm) for arm in arms])


def _synergy(found: Together) -> str:
    """The testable line on a combination: against its best part, and against the sum of its parts."""
    whole, *parts = found.subsets
    measure = MAIN[0]
    best = max(parts, key=lambda part: part.mean[measure].value)
    gain, synergy = best.gain[measure], found.synergy[measure]
    verdict = "beats" if (gain.low or 0) > 0 else "is worse than" if (gain.high or 0) < 0 else "is not told apart from"
    return (
        f"Together, {one_line(whole.label)} {verdict} its best part, {one_line(best.label)}: {LABELS[measure]} "
        f"{bracketed(gain)} "
        f"(p = {p_value(gain.p)}, after Holm {p_value(gain.p_holm)}); "
        f"synergy beyond the sum of its parts: {bracketed(synergy)} (p = {p_value(synergy.p)})."
    )


def together_note(found: Together) -> str:
    """What a combination was compared with, and whether it was named before or after seeing the results."""
    why = "asked for by name" if found.asked else "the levels of the grid's best arm, chosen after seeing the results"
    if found.over > 1:
        return f"{why}; averaged over {found.over} combinations of the other factors"
    return f"{why}; at {found.at}" if found.at else why


def design_note(effects: Effects) -> str:
    """On what arms effects rest, and whether the grid is balanced."""
    design, n = effects.design, len(effects.seeds)
    what = f"{len(design.arms)} arms {'of the grid' if design.grid else 'with named settings'}, n = {plural(n, 'seed')}"
    few = f" {plural(n, 'seed')} can show no effect at 5 % by the sign-flip test." if n < seeds_needed() else ""
    if design.short:
        few += f" Only the seeds that all of these arms have finished count: {_names(design.short)} lacks some."
    if design.left_out:
        few += f" Left out, as too few of their seeds have finished: {_names(design.left_out)}."
    if design.balanced:
        return f"Balanced: every combination of levels is there ({what}). Effects are plain means over the rest.{few}"
    note = (
        f"Not balanced: not every combination of levels is there exactly once ({what}). Effects are adjusted for the "
        f"other factors by least squares, which takes them as additive. Shares of variance need a balanced grid.{few}"
    )
    main, pairs = effects.unknown
    if not main + pairs:
        return note
    left_out = f"{plural(main, 'main effect')}, {plural(pairs, 'interaction')}"
    return f"{note} Left out, as these arms cannot tell them from others: {left_out}."


def _names(arms: Sequence[str]) -> str:
    """The first few arms; by semicolons, as names hold commas."""
    return "; ".join(map(one_line, arms[:3])) + (f" and {len(arms) - 3} more" if len(arms) > 3 else "")


def generators_note(findings: Findings) -> str:
    """What the generators of synthetic patches took, which is no arm's own; empty where there are none."""
    if not findings.generators:
        return ""
    records = [each.record for each in findings.generators]
    took = f"{duration(sum(record.seconds for record in records))}, {sum(record.images for record in records):,} images"
    return f"Not in it: {plural(len(records), 'generator')} ({took}), which arms with synthetic patches share."


def saving_note(findings: Findings) -> str:
    """What shared epochs save of the planned images; empty where that is not known."""
    cost = findings.cost
    if cost.planned is None or cost.saving is None:
        return ""
    alone, shared = cost.planned
    if shared == alone:
        return "No two trials share an epoch."
    less = f"{shared:,} images instead of {alone:,}, {cost.saving:.2f} times fewer"
    return f"Epochs that trials share are trained once: {less}."


def notes(findings: Findings) -> Iterator[str]:
    """How to read the numbers: the rule, intervals, tests and what they cannot show."""
    rule = [
        f"{'lower' if name in LOWER_IS_BETTER else 'higher'} {LABELS[name]}"
        for name in dict.fromkeys((findings.rank_by, *MAIN))
    ]
    yield (
        f"Ranked by {', then '.join(rule)}. Accuracy never ranks: on imbalanced data it rewards neglect of the rare "
        "classes. ICV is the sum over classes of (accuracy − recall)²: low where no class is left behind."
    )
    if ranked_on := rank_note(findings.board):
        yield f"{ranked_on[0].upper()}{ranked_on[1:]}. Means are over all n seeds of an arm."
    tied = (
        f"{TIED} tied with the best: the 95 % interval of the difference in {LABELS[findings.rank_by]} includes zero."
        if findings.rank_by == findings.measure
        else f"No arm is marked as tied with the best: {LABELS[findings.rank_by]} is not resampled."
    )
    yield (
        f"{PARETO} no other arm beats it on both balanced accuracy and ICV. {tied} The best was chosen by looking at "
        "these numbers, so its own figure is somewhat too good."
    )
    compared = [*findings.to_best.values(), *findings.to_baseline.values()]
    pairs = sorted({each.n for estimates in compared for each in estimates.values()})
    yield (
        "Intervals hold 95 %: a hierarchical bootstrap over seeds and test patches "
        f"({findings.draws:,} draws of patches within their class, paired over all arms; Student's t over seeds). "
        f"p is from the {name_of_test(pairs[-1] if pairs else 0)} over seeds, two-sided; Holm corrects it for the "
        "comparisons of a metric. Where all seeds agree on every patch there is nothing to resample, and no interval "
        "of the mean."
    )
    if pairs:
        yield (
            "An interval and a p-value may disagree: an interval is that of one comparison alone and trusts Student's "
            "t, p trusts the signs of a few seeds only. What is clear by its interval but not by p wants more seeds."
        )
        note = power_note(pairs[-1], len(findings.ranked) - 1)
        yield f"{note[0].upper()}{note[1:]}." + (f" Some pairs have {pairs[0]} alone." * (pairs[0] < pairs[-1]))
    if len(findings.design.factors) > 1 and findings.effects is None:
        yield "No effects of the factors: the arms have no seed in common."
    if len(findings.runs) > 1:
        yield "A cell (arm and seed) that several runs have counts once."
    empty = [
        one_line(name) for name, n in zip(findings.board.classes, findings.board.support or (), strict=False) if not n
    ]
    support = zip(findings.board.classes, findings.board.support or (), strict=False)
    if single := [one_line(name) for name, n in support if n == 1]:
        yield f"With one test patch alone, so that intervals of their recall know of seeds only: {', '.join(single)}."
    if empty:
        yield f"Without patches in the {findings.board.reported} split, and so no part of any mean: {', '.join(empty)}."
