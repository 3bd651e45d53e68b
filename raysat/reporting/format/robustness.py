"""Tables and sentences on corruptions: what each arm loses, and which method keeps its gain under haze."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from raysat.data.corruptions import CORRUPTIONS
from raysat.formatting import one_line, plural
from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, Metric
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.model import Arm
from raysat.reporting.analysis.paired import Estimates
from raysat.reporting.analysis.robustness import Robustness, UnderCorruption
from raysat.reporting.format.cells import ARM, arm_cell, difference_cell, estimate_cell, words
from raysat.reporting.format.numbers import format_estimate
from raysat.reporting.format.sentences import arm_label, name_list
from raysat.reporting.format.table import Cell, Column, Heading, Table, make_table

HAZE: Final = "haze"
QUESTION: Final = "Which method keeps its gain under haze?"
_MEANS: Final = "Means over severities and seeds with 95 % intervals, paired by seed and patch"


def robustness_sentences(analysis: Analysis, found: Robustness) -> Iterator[str]:
    """What was found under corruptions, and what is missing."""
    if HAZE in found.under:
        yield haze_sentence(analysis, found)
    others = {arm: ratio for arm, ratio in found.mce.items() if arm != found.baseline}
    if others:
        best = min(others, key=lambda arm: others[arm].value)
        least = f", the least of {len(others)} arms" if len(others) > 1 else ""
        yield (
            f"Under all corruptions {label(analysis, best)} errs {format_estimate(others[best], 2, difference=False)} "
            f"times as often as {label(analysis, found.baseline)} (mCE, n = {plural(others[best].n, 'seed')}, "
            f"{found.patches:,} patches){least}."
        )
    if lacking := [label(analysis, arm) for arm in found.incomplete]:
        yield f"Not evaluated under all of these corruptions and severities with any one seed: {name_list(lacking)}."


def haze_sentence(analysis: Analysis, found: Robustness) -> str:
    """Which method keeps its gain over the baseline under haze."""
    base = label(analysis, found.baseline)
    pairs = {arm: each for arm, each in found.under[HAZE].items() if BALANCED_ACCURACY in each.gain}
    if not pairs:
        return f"{QUESTION} No arm was evaluated beside the baseline, {base}, with a seed of its own."

    def most(arms: dict[str, UnderCorruption]) -> str:
        return max(arms, key=lambda arm: arms[arm].gain[BALANCED_ACCURACY].value)

    counts = [each.gain[BALANCED_ACCURACY].n for each in pairs.values()]
    seeds = plural(counts[0], "seed") if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)} seeds"
    n = f"(n = {seeds}, {found.patches:,} patches)"
    gains = {arm: each for arm, each in pairs.items() if _is_gain(each.clean_gain)}
    if not gains:
        best = most(pairs)
        return (
            f"{QUESTION} No arm has a gain over {base} to keep: without haze no interval lies above zero. Under haze "
            f"{label(analysis, best)} is ahead by the most, {_gain(pairs[best].gain)} {n}."
        )
    kept = {arm: each for arm, each in gains.items() if _is_gain(each.gain)}
    best = most(kept or gains)
    change = f"{_gain(gains[best].gain)} over {base} under haze, {_gain(gains[best].clean_gain)} without {n}"
    if not kept:
        which = "The one arm that has one" if len(gains) == 1 else f"Of {len(gains)} arms that have one, none"
        verb = "does not; it is" if len(gains) == 1 else f"does; {label(analysis, best)} is"
        return f"{QUESTION} {which} {verb} at {change}; the interval under haze does not lie above zero."
    text = f"{QUESTION} {label(analysis, best)}: {change}."
    others = [label(analysis, arm) for arm in kept if arm != best]
    lost = [label(analysis, arm) for arm in gains if arm not in kept]
    text += f" Kept too by {name_list(others)}." if others else ""
    return text + (f" Not by {name_list(lost)}: no interval under haze lies above zero." if lost else "")


def drop_table(analysis: Analysis, found: Robustness) -> Table:
    """What corruptions cost each arm in balanced accuracy, over all and by corruption."""
    return make_table(
        "robustness",
        f"Balanced accuracy under corruptions minus that of the same models on the {found.patches:,} patches as they "
        f"are. {_MEANS}; bold where they exclude zero; n: seeds, the fewest of a corruption. mCE and relative mCE "
        "(Hendrycks & Dietterich 2019) are errors, and what is lost, over the baseline's, of the seeds that both have: "
        "below 1 is more robust; relative mCE has a dash where some corruption costs the baseline too little.",
        [
            *_names(analysis, arms := _arms(analysis, found)),
            (
                Heading(text="all corruptions", key="overall", short="all"),
                [difference_cell(found.overall.get(arm.name, {}).get(BALANCED_ACCURACY)) for arm in arms],
            ),
            (Heading(text="mCE", key="mce", room=18), [estimate_cell(found.mce.get(arm.name), 2) for arm in arms]),
            (
                Heading(text="relative mCE", key="relative_mce", short="rel. mCE", room=19),
                [estimate_cell(found.relative_mce.get(arm.name), 2) for arm in arms],
            ),
            *_by_corruption(found, arms, lambda each: difference_cell(each.drop.get(BALANCED_ACCURACY))),
            _seeds(found, arms),
        ],
    )


def value_table(analysis: Analysis, found: Robustness, metric: Metric) -> Table:
    """What each arm has under each corruption, as it is.

    Args:
        analysis: of the run.
        found: under corruptions.
        metric: balanced accuracy or ICV.

    Returns:
        A row per arm.
    """

    def clean(arm: str) -> Cell:
        each = next(of[arm] for of in found.under.values() if arm in of)
        return estimate_cell(each.by_severity[0].get(metric), metric.digits)

    arms = _arms(analysis, found)
    return make_table(
        f"robustness_{metric.name}",
        f"{metric.label[0].upper()}{metric.label[1:]} of {found.patches:,} patches. {_MEANS}; n: seeds.",
        [
            *_names(analysis, arms),
            (Heading(text="as they are", key="clean", short="clean"), [clean(arm.name) for arm in arms]),
            *_by_corruption(found, arms, lambda each: estimate_cell(each.mean.get(metric), metric.digits)),
            _seeds(found, arms),
        ],
    )


def icv_table(analysis: Analysis, found: Robustness) -> Table:
    """What corruptions add to the ICV of each arm."""
    arms = _arms(analysis, found)
    return make_table(
        "robustness_icv_change",
        f"ICV under corruptions minus that of the same models on the patches as they are. {_MEANS}; n: seeds.",
        [
            *_names(analysis, arms),
            (
                Heading(text="all corruptions", key="overall", short="all"),
                [difference_cell(found.overall.get(arm.name, {}).get(ICV), ICV.digits) for arm in arms],
            ),
            *_by_corruption(found, arms, lambda each: difference_cell(each.drop.get(ICV), ICV.digits)),
            _seeds(found, arms),
        ],
    )


def gain_table(analysis: Analysis, found: Robustness) -> Table:
    """Each arm minus the baseline under each corruption."""
    arms = [arm for arm in _arms(analysis, found) if arm.name != found.baseline]
    return make_table(
        "robustness_gain",
        f"Balanced accuracy of each arm minus that of the baseline, {label(analysis, found.baseline)}, under the same "
        f"corruption. {_MEANS}; bold where they exclude zero.",
        [
            *_names(analysis, arms),
            *_by_corruption(found, arms, lambda each: difference_cell(each.gain.get(BALANCED_ACCURACY))),
            _seeds(found, arms),
        ],
    )


def haze_table(analysis: Analysis, found: Robustness) -> Table:
    """The gain of each arm over the baseline without haze and under it, and what haze does to it."""
    under = found.under[HAZE]
    arms = [arm for arm in _arms(analysis, found) if BALANCED_ACCURACY in under.get(arm.name, _NOTHING).gain]

    def column(text: str, of: Callable[[UnderCorruption], Estimates]) -> Column:
        return Heading(text=text), [difference_cell(of(under[arm.name]).get(BALANCED_ACCURACY)) for arm in arms]

    return make_table(
        "haze",
        f"Balanced accuracy of each arm minus that of the baseline, {label(analysis, found.baseline)}, on "
        f"{found.patches:,} patches. {_MEANS}; bold where they exclude zero; n: pairs of seeds.",
        [
            *_names(analysis, arms),
            column("gain as they are", lambda each: each.clean_gain),
            column("gain under haze", lambda each: each.gain),
            column("change by haze", lambda each: each.gain_change),
            (Heading(text="n", key="n"), [_count(under[arm.name].gain[BALANCED_ACCURACY].n) for arm in arms]),
        ],
    )


def corruption_table(found: Robustness) -> Table:
    """What each corruption does, how strongly, and where it is from."""
    known = [CORRUPTIONS[name] for name in found.under]

    def strengths(name: str) -> str:
        return ", ".join(f"{CORRUPTIONS[name].strength(severity):g}" for severity in found.severities[name])

    return make_table(
        "corruptions",
        f"Strengths are by severity: {_severities(found)}.",
        [
            (Heading(text="corruption", words=True), [words(each.title) for each in known]),
            (Heading(text="what it does", words=True), [words(each.what) for each in known]),
            (Heading(text="strengths", words=True), [words(strengths(each.name)) for each in known]),
            (Heading(text="source", words=True), [words(each.source) for each in known]),
        ],
    )


def label(analysis: Analysis, arm: str) -> str:
    """An arm's name on one line."""
    return one_line(arm_label(analysis, arm))


_NOTHING: Final = UnderCorruption(
    seeds=(), by_severity={}, mean={}, drop={}, gain={}, clean_gain={}, gain_change={}
)  # of an arm that was not evaluated


def _severities(found: Robustness) -> str:
    different = {", ".join(map(str, severities)) for severities in found.severities.values()}
    return f"severities {different.pop()}" if len(different) == 1 else "the severities that were evaluated"


def _gain(estimates: Estimates) -> str:
    return format_estimate(estimates.get(BALANCED_ACCURACY))


def _is_gain(estimates: Estimates) -> bool:
    estimate = estimates.get(BALANCED_ACCURACY)
    return estimate is not None and estimate.value > 0 and estimate.excludes_zero


def _arms(analysis: Analysis, found: Robustness) -> list[Arm]:
    return [arm for arm in analysis.ranked if arm.name in found.arms]


def _names(analysis: Analysis, arms: Sequence[Arm]) -> list[Column]:
    return [(ARM, [arm_cell(arm, pareto=analysis.pareto, baseline=analysis.baseline) for arm in arms])]


def _by_corruption(found: Robustness, arms: Sequence[Arm], cell: Callable[[UnderCorruption], Cell]) -> list[Column]:
    """A column for each corruption; the later ones leave a narrow table first."""
    return [
        (
            Heading(text=CORRUPTIONS[name].title, key=name, room=20 + place, inline=False),
            [cell(of_arm.get(arm.name, _NOTHING)) for arm in arms],
        )
        for place, (name, of_arm) in enumerate(found.under.items())
    ]


def _seeds(found: Robustness, arms: Sequence[Arm]) -> Column:
    def fewest(arm: str) -> int:
        return min(len(of_arm[arm].seeds) for of_arm in found.under.values() if arm in of_arm)

    return Heading(text="n", key="n"), [_count(fewest(arm.name)) for arm in arms]


def _count(n: int) -> Cell:
    return Cell(text=str(n), value=n)
