"""How findings read in words, the same in every form of a report: numbers with their intervals, and plain sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from raysat.power import power_note
from raysat.report.effects import Effects, Together
from raysat.report.findings import Findings
from raysat.report.frame import one_line
from raysat.report.ranking import LABELS, LOWER_IS_BETTER
from raysat.report.stats import Estimate
from raysat.report.text import NONE, PARETO, TIED, number
from raysat.textual import plural

MAIN: Final = ("balanced_accuracy", "icv", "macro_f1")


def measure_label(findings: Findings, measure: str) -> str:
    """``ICV``, ``recall of forest``."""
    if measure.startswith("recall_"):
        return f"recall of {one_line(findings.board.classes[int(measure.removeprefix('recall_'))])}"
    return LABELS[measure]


def signed(value: float | None, measure: str = "") -> str:
    """A difference with its sign: ``+0.031``, ``−0.031``; what rounds to zero has none."""
    text = number(value, measure)
    if value is None or not float(text):
        return text.lstrip("-")
    return f"−{text[1:]}" if value < 0 else f"+{text}"


def interval(estimate: Estimate | None, measure: str = "", *, difference: bool = True) -> str:
    """``+0.031 [−0.001, +0.062]``; ``–`` where there is nothing to estimate, no brackets where n is 1."""
    if estimate is None:
        return NONE
    form = signed if difference else number
    if estimate.low is None or estimate.high is None:
        return form(estimate.value, measure)
    return f"{form(estimate.value, measure)} [{form(estimate.low, measure)}, {form(estimate.high, measure)}]"


def p_value(p: float | None) -> str:
    """Three decimals, or ``<0.001``."""
    return NONE if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def headline(findings: Findings) -> list[str]:
    """What the report found, in a few sentences."""
    board, best = findings.board, findings.best
    measure = findings.tie_measure
    label, mean = measure_label(findings, measure), findings.means[best].get(measure)
    n_test = (
        f"{board.n_test:,} test patches" if board.reported == "test" else f"{board.n_test:,} {board.reported} patches"
    )
    said = [
        f"{one_line(best)} comes first, {label} {interval(mean, measure, difference=False)} "
        f"(n = {plural(findings.ranked[0].n, 'seed')}, {n_test})."
    ]
    others = len(findings.ranked) - 1
    if findings.tied:
        tied = [arm.name for arm in findings.ranked if arm.name in findings.tied]
        shown = ", ".join(one_line(name) for name in tied[:3]) + (f" and {len(tied) - 3} more" if len(tied) > 3 else "")
        verb = "is" if len(tied) == 1 else "are"
        said.append(f"{len(tied)} of {others} others {verb} tied with it, their interval including zero: {shown}.")
    elif others and findings.ranked[0].n > 1:
        said.append("No other arm is tied with it: every interval of a difference to it leaves zero out.")
    if best != findings.baseline and measure in (gained := findings.to_baseline[best]):
        e = gained[measure]
        said.append(
            f"Against the baseline, {one_line(findings.baseline)}: {interval(e, measure)} "
            f"(n = {plural(e.n, 'pair')}; p = {p_value(e.p)}, after Holm {p_value(e.p_holm)})."
        )
    said += [_synergy(each) for each in (findings.effects.together if findings.effects else ())[:1]]
    return said


def _synergy(found: Together) -> str:
    """The testable line on a combination: against its best part, and against the sum of its parts."""
    whole, *parts = found.subsets
    measure = MAIN[0]
    best = max(parts, key=lambda part: part.mean[measure].value)
    gain, synergy = best.gain[measure], found.synergy[measure]
    verdict = "beats" if (gain.low or 0) > 0 else "is worse than" if (gain.high or 0) < 0 else "is not told apart from"
    return (
        f"Together, {one_line(whole.label)} {verdict} its best part, {one_line(best.label)}: {interval(gain)} "
        f"(p = {p_value(gain.p)}, after Holm {p_value(gain.p_holm)}); "
        f"synergy beyond the sum of its parts: {interval(synergy)} (p = {p_value(synergy.p)})."
    )


def together_note(found: Together) -> str:
    """What a combination was compared with, and whether it was named before or after seeing the results."""
    why = "asked for by name" if found.asked else "the levels of the grid's best arm, chosen after seeing the results"
    over = "no other factor" if found.over == 1 else f"averaged over {found.over} combinations of the other factors"
    return f"{why}; {over}"


def design_note(effects: Effects) -> str:
    """On what arms effects rest, and whether the grid is balanced."""
    design, n = effects.design, len(effects.seeds)
    what = f"{len(design.arms)} arms {'of the grid' if design.grid else 'with named settings'}, n = {plural(n, 'seed')}"
    if design.balanced:
        return f"Balanced: every combination of levels is there ({what}). An effect is the plain mean over the rest."
    return (
        f"Not balanced: some combinations of levels are not there ({what}). Effects are adjusted for the other factors "
        "by least squares, which takes them as additive; what the arms cannot tell apart is left out. "
        "Shares of variance need a balanced grid."
    )


def notes(findings: Findings) -> Iterator[str]:
    """How to read the numbers: the rule, intervals, tests and what they cannot show."""
    first = LABELS[findings.rank_by]
    way = "lower" if findings.rank_by in LOWER_IS_BETTER else "higher"
    rest = [LABELS[name] for name in MAIN if name != findings.rank_by]
    yield (
        f"Ranked by {first}, {way} first, then {' and '.join(rest)}. Accuracy never ranks: on imbalanced data it "
        "rewards neglect of the rare classes. ICV is the sum over classes of (accuracy − recall)²: low where no class "
        "is left behind."
    )
    yield (
        f"{PARETO} no other arm beats it on both balanced accuracy and ICV. {TIED} tied with the best: the 95 % "
        f"interval of the difference in {measure_label(findings, findings.tie_measure)} includes zero. The best was "
        "chosen by looking at these numbers, so its own figure is somewhat too good."
    )
    yield (
        "Intervals hold 95 %: a hierarchical bootstrap over seeds and test patches "
        f"({findings.draws:,} draws of patches within their class, paired over all arms; Student's t over seeds). "
        "p is from the exact sign-flip test over seeds, two-sided; Holm corrects it for the comparisons of one metric."
    )
    comparisons = len(findings.ranked) - 1
    if comparisons:
        n = max(arm.n for arm in findings.ranked)
        yield power_note(n, comparisons)[0].upper() + power_note(n, comparisons)[1:] + "."
    empty = [
        one_line(name) for name, n in zip(findings.board.classes, findings.board.support or (), strict=False) if not n
    ]
    if empty:
        yield f"Without patches in the {findings.board.reported} split, and so no part of any mean: {', '.join(empty)}."
