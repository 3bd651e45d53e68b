"""Shows a plan in the terminal, on one page: what can be learned from it, what it costs, which epochs are shared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from raysat.formatting import duration, elide, plural
from raysat.metrics.power import power_note, seeds_needed
from raysat.planning.no_effect import NoEffect
from raysat.planning.summary import ArmSummary, Estimate, GeneratorSummary, PlanSummary
from raysat.views.facts import fact_lines
from raysat.views.stage_tree import stage_tree
from raysat.views.table import plain_table

_SHORT: Final = 32  # characters of an arm's name: with longer ones, lines and the tree call arms by number or settings
_NAMED: Final = 5  # arms that a line names
_ARM_LINES: Final = 14  # of a page
_TREE_LINES: Final = 7
_GENERATORS: Final = 4
_NO_EFFECTS: Final = 2


def show_plan(summary: PlanSummary, console: Console, *, everything: bool = False) -> None:
    """Print what a plan can show, what it costs, and the tree of its stages.

    Args:
        summary: the plan in numbers.
        console: where to print.
        everything: all arms, generators and stages; otherwise only as many as fit a page of 40 lines at 80 columns.
    """
    arms = summary.arms
    long = any(len(arm.name) > _SHORT for arm in arms)
    numbers = {arm.name: f"#{number}" for number, arm in enumerate(arms, start=1)} if long else {}
    patches = " / ".join(f"{number:,} {split}" for split, number in summary.n_patches.items())
    _print(console, fact_lines("study", f"{summary.study} on {summary.data}: {patches} patches", console.width))
    _head(console, "What it can show")
    for word, text in _learned(summary):
        _print(console, fact_lines(word, text, console.width))
    effects = summary.no_effects if everything else summary.no_effects[:_NO_EFFECTS]
    _print(console, no_effect_lines(effects, console.width, numbers))
    if more := len(summary.no_effects) - len(effects):
        _print(console, fact_lines("no effect", f"... {plural(more, 'more line')}: --all shows them", console.width))
    _show_arms(summary, console, numbered=long, everything=everything)
    _head(console, "What it costs")
    for word, text in _costs(summary):
        _print(console, fact_lines(word, text, console.width))
    shown = summary.generators if everything else summary.generators[:_GENERATORS]
    if shown:
        console.print()
        console.print(_generators(shown))
        _say_more(console, len(summary.generators) - len(shown), "generator")
    names = {arm.name: arm.varied if long else (arm.name,) for arm in arms}
    if lines := stage_tree(summary.stages, names, None if everything else console.width):
        _head(console, "Epochs trained once, and the arms that end there")
        kept = lines if everything or len(lines) <= _TREE_LINES else lines[: _TREE_LINES - 1]
        for line in kept:
            console.print(line)
        _say_more(console, len(lines) - len(kept), "line")


def no_effect_lines(effects: Sequence[NoEffect], width: int, numbers: Mapping[str, str]) -> list[str]:
    """Return the lines on settings of arms that change nothing.

    Args:
        effects: what is to be said.
        width: columns to fill.
        numbers: how arms are called where it is not by their names.
    """
    lines = []
    for effect in effects:
        arms = [numbers.get(arm, repr(arm)) for arm in effect.arms[:_NAMED]]
        more = [f"{len(effect.arms) - _NAMED} more"] if len(effect.arms) > _NAMED else []
        text = f"{'arm' if len(effect.arms) == 1 else 'arms'} {', '.join(arms + more)}: {effect.sentence}"
        lines += fact_lines("note" if effect.acts else "no effect", text, width)
    return lines


def _learned(summary: PlanSummary) -> Iterator[tuple[str, str]]:
    """What the comparisons are, and how surely they can end: the beginning of each line, and the rest."""
    n, names = len(summary.arms), [each.name for each in summary.varied]
    if summary.every_combination:
        yield "arms", f"{n}: every combination of these, so each one's effect is averaged over the others"
        indent = max(map(len, names))
        for each in summary.varied:
            yield "", f"{each.name:{indent}}  {', '.join(each.values)}"
    elif n > 1:
        yield "arms", f"{n}" + (f", which differ in {', '.join(names)}" if names else ", all equal")
    else:
        yield "arms", "1: nothing to compare it with"
    if n > 1:
        split = summary.reported_split
        over = f"over {plural(summary.n_seeds, 'paired seed')}, on {summary.n_patches.get(split, 0):,} {split} patches"
        yield "compares", f"{plural(n - 1, 'arm')} with the baseline, and all with the best, {over}"
        enough = ", enough for the strongest difference to be significant at 5 %"
        m = len(summary.planned) or n - 1
        if summary.planned:
            yield "planned", "; ".join(map(str, summary.planned[:_NAMED])) + _more(len(summary.planned) - _NAMED)
        yield "evidence", power_note(summary.n_seeds, m) + enough * (summary.n_seeds >= seeds_needed(m))
        if summary.sees:
            yield "sees", summary.sees
        if summary.expected:
            yield "grows", _growth(summary)
    if summary.shared_settings:
        yield "all arms", ", ".join(summary.shared_settings)
    for note in summary.weights:
        yield "weights", note


def _growth(summary: PlanSummary) -> str:
    """When a study is looked at that adds seeds until decided, and how many it is likely to take."""
    sizes = [str(size) for size in summary.looks]
    at = ", ".join(sizes) if len(sizes) <= _NAMED else f"{sizes[0]}, {sizes[1]}, ... {sizes[-1]}"
    expected = "; ".join(
        f"{each.seeds:.1f} with {each.effect} effect"
        + (f" ({each.size:g} sd of paired differences, {100 * each.decided:.0f} % decided)" if each.size else "")
        for each in summary.expected
    )
    return f"seeds are added until decided, with looks at {at}; expected seeds: {expected}"


def _more(number: int) -> str:
    return f"; {number} more" if number > 0 else ""


def _show_arms(summary: PlanSummary, console: Console, *, numbered: bool, everything: bool) -> None:
    """List the arms: all that fit, or none where the lines above name every combination and not all fit."""
    arms, shown = summary.arms, len(summary.arms)
    if not everything:
        shown = min(shown, _ARM_LINES)
        while shown > 1 and _height(_arms(arms, shown, numbered=numbered), console) > _ARM_LINES:
            shown -= 1
        if summary.every_combination and shown < len(arms):
            shown = 0
    console.print()
    if shown:
        console.print(_arms(arms, shown, numbered=numbered))
    _say_more(console, len(arms) - shown, "arm")


def _arms(arms: Sequence[ArmSummary], shown: int, *, numbered: bool) -> Table:
    """The first arms; a column only where arms differ in it, and settings only where not all are named after theirs."""
    columns = {
        "epochs": [str(arm.epochs) for arm in arms],
        "images/trial": [f"{arm.samples_per_trial:,}" for arm in arms],
        "finished": [f"{arm.finished}/{arm.trials}" for arm in arms],
    }
    used = {name: cells for name, cells in columns.items() if len(set(cells)) > 1}
    named = not all(arm.in_grid for arm in arms)
    table = plain_table("arm", *(["settings"] if named else []), right=tuple(used), numbered=numbered)
    for position, arm in enumerate(arms[:shown]):
        settings = "" if arm.in_grid else ", ".join(arm.settings)
        texts = [Text(arm.name), *([Text(settings)] if named else [])]
        numbers = [cells[position] for cells in used.values()]
        table.add_row(*([str(position + 1)] if numbered else []), *texts, *numbers)
    return table


def _generators(generators: Sequence[GeneratorSummary]) -> Table:
    """One line per generate job: what it makes, and which arms share it."""
    table = plain_table("generate", "bands", "needed by", right=("real", "to make", "steps", "finished"))
    for job in generators:
        numbers = (f"{job.real:,}", f"{job.to_make:,}", f"{job.steps:,}", f"{job.finished:d}/1")
        arms = ", ".join(job.arms[:_NAMED]) + f", {len(job.arms) - _NAMED} more" * (len(job.arms) > _NAMED)
        table.add_row(Text(job.class_name), elide("-".join(job.bands), _SHORT), Text(arms), *numbers)
    return table


def _costs(summary: PlanSummary) -> Iterator[tuple[str, str]]:
    """What is left to train, and for how long: the beginning of each line, and the rest."""
    n_arms, n_generators = len(summary.arms), summary.missing_generators
    trials = f"{summary.n_trials} ({plural(n_arms, 'arm')} x {plural(summary.n_seeds, 'seed')})"
    finished = summary.n_trials - summary.n_equal - summary.missing_trials
    trials += f", {summary.n_equal} equal to another" if summary.n_equal else ""
    yield "trials", trials + (f", {finished} finished" if finished else "")
    if summary.tuned_by:
        yield "tuning", f"first {_tuning(summary)}, judged on val; the arms as tuned then double what is below, at most"
    if not summary.missing_trials:
        yield "to train", "nothing: all trials are finished"
        return
    generate = f"; {plural(n_generators, 'generator')}, {summary.missing_steps:,} steps" if n_generators else ""
    epochs = f"{summary.missing_epochs:,} epochs, {summary.samples_alone:,} images"
    yield "to train", f"{plural(summary.missing_trials, 'trial')}, {epochs}{generate}"
    if summary.samples_shared < summary.samples_alone:
        times = f"{summary.samples_alone / summary.samples_shared:.1f}x less to train, the same numbers"
        yield "sharing", f"{summary.samples_shared:,} images in fact: {times}"
    else:
        yield "sharing", "none: every trial is trained alone"
    if summary.gpu_share:
        yield "GPU", summary.gpu_share
    on_top = "; generators on top" if n_generators else ""
    if summary.estimate is not None:
        yield "time", _estimated(summary.estimate) + on_top
        return
    source = (
        f"(mean of {summary.measured_on} finished trials)"
        if summary.measured_on
        else "(assumed: ResNet-18 on two CPU cores; finished trials replace it)"
    )
    rate = f"{summary.samples_per_s:,.0f} images/s {source}" + on_top
    yield "time", f"about {duration(summary.seconds)} one at a time, at {rate}"


def _tuning(summary: PlanSummary) -> str:
    """How many trials tune the arms, and how much that is."""
    n_arms, by_round = len(summary.arms), summary.tuned_by
    trials, images = f"{sum(by_round) * n_arms:,} trials", f"{summary.tuning_images:,} images at most"
    if len(by_round) == 1:
        return f"{trials} ({n_arms} arms x {by_round[0]}), {images}"
    each = f"{plural(n_arms, 'arm')} x {' + '.join(map(str, by_round))}"
    return f"{trials} in {len(by_round)} rounds ({each}), {summary.tuning_epochs:,} epochs, {images}"


def _estimated(estimate: Estimate) -> str:
    """How long this machine would take, and how it would go about it."""
    each = f"{estimate.cpus:g} CPU" + (f" + {estimate.gpus:g} GPU" if estimate.gpus else "")
    return (
        f"about {duration(estimate.seconds)} on this machine, {plural(estimate.slots, 'job')} at a time on {each} "
        "each, by some steps of each network measured now"
    )


def _head(console: Console, title: str) -> None:
    console.print()
    console.print(title, style="bold")


def _print(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(line)


def _say_more(console: Console, number: int, noun: str) -> None:
    if number:
        them = "it" if number == 1 else "them"
        console.print(f"... {plural(number, f'more {noun}')}: --all shows {them}", style="dim")


def _height(table: Table, console: Console) -> int:
    return len(console.render_lines(table, console.options, pad=False))
