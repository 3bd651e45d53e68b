"""The report as Markdown, which reads well on a code host: the findings first, figures from files beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from raysat import __version__
from raysat.formatting import NONE, duration, number
from raysat.report.analysis.collect import Arm
from raysat.report.analysis.columns import columns, leading_columns
from raysat.report.analysis.effects import Effects, Together
from raysat.report.analysis.findings import Estimates, Findings
from raysat.report.analysis.generators import QUALITY, YARDSTICK, Generator, figure_text
from raysat.report.analysis.ranking import EXTRA, LABELS
from raysat.report.format.replication import findings_table, published_table, sentences, source_note
from raysat.report.format.sentences import (
    MAIN,
    bracketed,
    called,
    design_note,
    generators_note,
    headline,
    measure_label,
    notes,
    p_value,
    saving_note,
    together_note,
)
from raysat.report.format.text import PARETO, TIED, count, measured_on, printed, rank_text, unfinished
from raysat.report.render.markdown import escape, from_table, table
from raysat.report.render.tables import class_table


def to_markdown(
    findings: Findings, figures: Mapping[str, tuple[str, str]], pictures: Mapping[str, Generator] | None = None
) -> str:
    """Write a report as GitHub-flavoured Markdown.

    Args:
        findings: what to say.
        figures: path, relative to the report -> what the figure shows, and its caption.
        pictures: path, relative to the report -> the generator whose picture lies there.
    """
    board = findings.board
    parts = [
        f"# {escape(board.study)}",
        f"{escape(measured_on(board))}.",
        "\n".join(f"- {escape(sentence)}" for sentence in headline(findings)),
        "## Leaderboard",
        _leaderboard(findings),
        "\n".join(f"- {escape(note)}" for note in notes(findings)),
        *([] if not figures else ["## Figures"]),
        *(f"![{escape(what)}]({path})\n\n_{escape(caption)}_" for path, (what, caption) in figures.items()),
    ]
    if len(findings.ranked) > 1:
        for what, arm, to_one in (
            ("baseline", findings.baseline, findings.to_baseline),
            ("best", findings.best, findings.to_best),
        ):
            parts += [f"## Against the {what}, {escape(called(findings, arm))}", _compared(findings, to_one)]
    if findings.effects is not None:
        parts += ["## Effects", *_effects(findings, findings.effects)]
    parts += ["## Per class", "Recall, with the number of patches of each class:", class_table(board, "recall")]
    parts += ["Precision:", class_table(board, "precision"), "## More metrics", _more(findings)]
    parts += _published(findings)
    if rows := unfinished(board):
        lines = [f"- **{escape(arm.label)}**, {seeds} {escape(reason)}" for arm, seeds, reason in rows]
        parts += ["## Failed or missing", "\n".join(lines)]
    if findings.generators:
        parts += ["## Synthetic patches", *_generators(findings, pictures or {})]
    parts += ["## Cost", *_cost(findings), "## Reproduce", *_reproduce(findings)]
    parts.append(f"_Written by raysat {__version__}._")
    return "\n\n".join(parts) + "\n"


def _leaderboard(findings: Findings) -> str:
    arms = findings.board.arms
    first = leading_columns(findings.rank_by)
    by_metric = {column.metric: column for column in (*first, *columns(findings.board)) if column.position is None}

    def cells(metric: str) -> list[str]:
        column, top = by_metric[metric], by_metric[metric].best(findings.board)
        texts = [number(column.ours(arm).mean, metric) for arm in arms]
        return [f"**{text}**" if text == top and metric != "accuracy" else text for text in texts]

    def compared(arm: Arm) -> str:
        return bracketed(findings.to_best.get(arm.name, {}).get(findings.measure), findings.measure)

    def ends(arm: Arm) -> str:
        own = findings.means.get(arm.name, {}).get("balanced_accuracy")
        return bracketed(own, difference=False).partition(" ")[2]

    marks = [rank_text(arm) + (TIED if arm.name in findings.tied else "") for arm in arms]
    names = [escape(arm.label) + (f" {PARETO}" if arm.name in findings.pareto else "") for arm in arms]
    balanced = [f"{cell} {ends(arm)}".rstrip() for cell, arm in zip(cells("balanced_accuracy"), arms, strict=True)]
    content = [
        ["#", *marks],
        ["arm", *names],
        *([column.label, *cells(column.metric)] for column in first),
        ["balanced accuracy [95 %]", *balanced],
        ["ICV", *cells("icv")],
        ["macro F1", *cells("macro_f1")],
        [f"{measure_label(findings, findings.measure)}, difference to the best [95 %]", *map(compared, arms)],
        ["accuracy", *cells("accuracy")],
        ["n", *map(count, arms)],
    ]
    if len(findings.ranked) < 2:
        del content[-3]
    if (replication := findings.replication) is not None:
        beside = [replication.of(arm.name, "balanced_accuracy") for arm in arms]
        content[-2:-2] = [
            ["published balanced accuracy", *(printed(each.published if each else None) for each in beside)],
            ["ours − published [95 %]", *(bracketed(each.estimate if each else None) for each in beside)],
        ]
    return table(content)


def _compared(findings: Findings, to_one: Mapping[str, Estimates]) -> str:
    """Differences of every other arm to one, best first."""
    arms = [arm for arm in findings.ranked if arm.name in to_one]
    return _estimates(findings, "arm", [(arm.label, to_one[arm.name]) for arm in arms], MAIN)


def _estimates(findings: Findings, what: str, rows: Sequence[tuple[str, Estimates]], measures: Sequence[str]) -> str:
    """A table of differences with their intervals; p and n are those of the first measure."""
    first = measures[0]
    content = [[what, *(escape(name) for name, _ in rows)]]
    for measure in measures:
        heading = escape(measure_label(findings, measure))
        content.append([f"{heading} [95 %]", *(bracketed(each.get(measure), measure) for _, each in rows)])
    for heading, key in (("p", "p"), ("p after Holm", "p_holm")):
        values = [getattr(each[first], key) if first in each else None for _, each in rows]
        content.append([f"{heading}, {escape(measure_label(findings, first))}", *map(p_value, values)])
    content.append(["n", *(str(each[first].n) if first in each else "0" for _, each in rows)])
    return table(content, left=(what,))


def _effects(findings: Findings, effects: Effects) -> Iterator[str]:
    yield escape(design_note(effects))
    yield _estimates(findings, "main effect", [(each.label, each.estimates) for each in effects.main], MAIN)
    yield "An interaction is what a pair does beyond the sum of what each does alone:"
    yield _estimates(findings, "interaction", [(each.label, each.estimates) for each in effects.pairs], MAIN)
    for found in effects.together:
        yield from _together(findings, found)
    if effects.shares:
        yield "Shares of the variance of balanced accuracy over all cells (arm and seed), by functional ANOVA:"
        yield table(
            [
                ["source", *(escape(share.source) for share in effects.shares)],
                ["of arms", *(_percent(share.of_arms) for share in effects.shares)],
                ["of all", *(_percent(share.of_all) for share in effects.shares)],
                ["d.f.", *(str(share.degrees) for share in effects.shares)],
            ],
            left=("source",),
        )


def _together(findings: Findings, found: Together) -> Iterator[str]:
    whole, *parts = found.subsets
    own = bracketed(whole.mean[MAIN[0]], difference=False)
    yield f"**{escape(whole.label)}**, {own}, against each part of it ({escape(together_note(found))}):"
    rows = [(part.label, part.gain) for part in parts]
    yield _estimates(findings, "gain over", [*rows, ("synergy: beyond the sum of its parts", found.synergy)], MAIN)


def _more(findings: Findings) -> str:
    arms = findings.ranked
    content = [["arm", *(escape(arm.label) for arm in arms)]]
    for metric in EXTRA:
        if any(arm.metrics[metric].mean is not None for arm in arms):
            content.append([LABELS[metric], *(number(arm.metrics[metric].mean) for arm in arms)])
    return table([*content, ["n", *map(count, arms)]])


def _published(findings: Findings) -> Iterator[str]:
    """Published numbers beside ours, and the paper's findings answered; nothing for a study without a reference."""
    board, replication = findings.board, findings.replication
    if replication is None:
        return
    yield "## Published"
    if said := [f"- {escape(sentence)}" for sentence in sentences(replication, board)]:
        yield "What the paper found, on these data:"
        yield "\n".join(said)
    for made in (findings_table(replication, board), published_table(replication)):
        if made is not None:
            yield from (escape(made.caption), from_table(made))
    yield escape(source_note(board))


def _generators(findings: Findings, pictures: Mapping[str, Generator]) -> Iterator[str]:
    """What each generator learnt from and made, how good that is, and how it looks."""
    generators = findings.generators
    records = [each.record for each in generators]

    def figures(key: str) -> list[str]:
        return [" / ".join(map(figure_text, each.figures(key))) for each in generators]

    yield f"KID to nearest real: of generated / of real held-out patches, the yardstick. {YARDSTICK}"
    yield table(
        [
            ["class", *(escape(record.class_name) for record in records)],
            ["bands", *("-".join(map(escape, record.bands)) for record in records)],
            ["real patches", *(f"{record.real:,}" for record in records)],
            ["made", *(f"{record.patches:,}" for record in records)],
            ["steps", *(f"{record.steps:,}" for record in records)],
            *([label, *figures(key)] for key, label in QUALITY.items()),
            ["index", *(escape(each.index) or NONE for each in generators)],
            ["seconds", *(f"{record.seconds:,.0f}" for record in records)],
            ["verdict", *(each.verdict for each in generators)],
            ["note", *(escape(record.note) or NONE for record in records)],
        ],
        left=("class", "bands", "index", "verdict", "note"),
    )
    for path, each in pictures.items():
        name = escape(each.record.class_name)
        yield f"![Real and generated patches of {name}]({path})\n\n_{name}. Real patches above, generated ones below._"


def _cost(findings: Findings) -> Iterator[str]:
    cost = findings.cost
    yield (
        f"The finished trials pass {cost.images:,} images in {duration(cost.seconds)} of training, each counted as if "
        f"it were trained alone, on {escape('; '.join(cost.hardware))}."
    )
    for note in (saving_note(findings), generators_note(findings)):
        if note:
            yield note
    arms = [arm for arm in findings.ranked if arm.name in cost.arms]
    rows = [cost.arms[arm.name] for arm in arms]
    yield table(
        [
            ["arm", *(escape(arm.label) for arm in arms)],
            ["images", *(f"{row.images:,}" for row in rows)],
            ["seconds", *(f"{row.seconds:,.0f}" for row in rows)],
            ["parameters", *(f"{row.parameters:,}" for row in rows)],
            ["epochs", *(str(row.epochs) for row in rows)],
            ["n", *map(count, arms)],
        ]
    )


def _reproduce(findings: Findings) -> Iterator[str]:
    board = findings.board
    fingerprint = "" if board.fingerprint is None else f", fingerprint `{board.fingerprint}`"
    yield f"Data: {escape(board.data)}{fingerprint}. Versions: {escape(', '.join(findings.cost.versions))}."
    for run in findings.runs:
        if run.command:
            yield f"With this study as {escape(run.study)}.yaml:"
            yield _fenced(run.command, "bash")
        if run.text:
            yield _fenced(run.text, "yaml")


def _fenced(text: str, language: str) -> str:
    """A block of code, fenced by more backticks than it has in a row."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.1f} %"
