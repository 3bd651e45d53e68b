"""Which tables, figures and sentences stand on which page, in which order."""

from __future__ import annotations

from collections.abc import Iterator

from raysat import __version__
from raysat.formatting import one_line
from raysat.metrics.catalog import AUROC, AVERAGE_PRECISION, BALANCED_ACCURACY, PRECISION, RECALL
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.effects import Effects
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.pixels import NoPixels
from raysat.reporting.analysis.replication import Replication
from raysat.reporting.format.arms import arms_table, name_notes
from raysat.reporting.format.benchmark import benchmark_sentences, benchmark_table
from raysat.reporting.format.comparisons import arm_differences, combination_table, effect_table, variance_table
from raysat.reporting.format.document import (
    Block,
    Bullets,
    Code,
    Document,
    Figure,
    Fold,
    Picture,
    Section,
    Subtitle,
    Text,
)
from raysat.reporting.format.evaluations import calibration_blocks, elsewhere_blocks, robustness_blocks
from raysat.reporting.format.explanations import changes_table, importance_table, no_pixels_sentence
from raysat.reporting.format.generators import generator_notes, generator_table
from raysat.reporting.format.headline import summary_sentences
from raysat.reporting.format.leaderboard import (
    area_table,
    class_table,
    cost_table,
    leaderboard,
    more_table,
    unfinished_table,
)
from raysat.reporting.format.limits import limits_sentences
from raysat.reporting.format.places import places_blocks
from raysat.reporting.format.planned import EXPLORATORY, OVER_LOOKS, looks_sentence, looks_table, planned_table
from raysat.reporting.format.readouts import readout_blocks
from raysat.reporting.format.replication import finding_sentences, findings_table, published_table, source_note
from raysat.reporting.format.sentences import (
    arm_label,
    cost_sentences,
    design_note,
    measured_on,
    method_sentences,
    page_title,
    ranking_sentences,
)
from raysat.reporting.format.tuned import tuned_sentences, tuned_table


def report_page(analysis: Analysis) -> Document:
    """The page of a report."""
    board, effects, replication = analysis.board, analysis.effects, analysis.replication
    ranks = Bullets(list(ranking_sentences(board, analysis)))
    arms = Fold("What each arm is", [arms_table(board)])
    folds = [
        Fold(f"{metric.label.capitalize()} as a table", [class_table(board, metric, analysis)])
        for metric in (RECALL, PRECISION)
    ]
    areas = [
        Fold(f"{name} of each class", [area_table(analysis, metric)])
        for name, metric in (("AUROC", AUROC), ("Average precision", AVERAGE_PRECISION))
    ]
    sections = [
        Section("leaderboard", "Leaderboard", [leaderboard(board, replication, analysis), ranks, arms], essential=True),
        Section("limits", "What this study can and cannot say", [Bullets(limits_sentences(analysis))], essential=True),
        Section("planned", "Planned contrasts", list(_planned(analysis)), essential=True),
        Section("tuned", "Tuned and as written", list(_tuned(analysis)), essential=True),
        Section("differences", "Paired differences", [Figure("differences")], essential=True),
        Section("tradeoff", "Accuracy against balanced accuracy", [Figure("tradeoff")]),
        Section("baseline", "Against the baseline", list(_compared(analysis)), essential=True),
        Section("classes", "Per class", [Figure("classes"), *folds], essential=True),
        Section("effects", "Effects", list(_effects(effects)) if effects else []),
        Section("curves", "Learning curves", [Figure("curves")]),
        Section("confusion", "Confusion", [Figure("confusion")]),
        Section("changed", "What changed, patch by patch", list(_changed(analysis))),
        Section("bands", "What each band is worth", list(_bands(analysis))),
        Section("calibration", "Reliability", [Figure("calibration")]),
        Section("robustness", "Robustness", list(robustness_blocks(analysis))),
        Section("calibrated", "Calibration", list(calibration_blocks(analysis))),
        Section("readouts", "Readouts", list(readout_blocks(analysis))),
        Section("places", "Places", list(places_blocks(analysis))),
        Section("elsewhere", "Other data", list(elsewhere_blocks(analysis))),
        Section("more", "More metrics", [more_table(analysis), *areas]),
        Section("published", "The paper's numbers and findings", list(_published(board, replication))),
        Section("benchmark", "Published results on the same data", list(_benchmark(analysis))),
        Section("generated", "Synthetic patches", list(_generated(analysis))),
        Section("unfinished", "Failed or missing", [unfinished_table(board)], essential=True),
        Section("cost", "Cost", [*map(Text, cost_sentences(analysis)), cost_table(analysis)]),
        Section("reproduce", "How to reproduce", list(_reproduce(analysis))),
        Section("method", "Notes on method", [Bullets(list(method_sentences(analysis)))], essential=True),
    ]
    return Document(
        title=page_title(board),
        subtitle=f"{one_line(measured_on(board))}.",
        headline=summary_sentences(analysis),
        sections=sections,
    )


def leaderboard_page(board: Leaderboard, replication: Replication | None) -> Document:
    """The page of a leaderboard, which needs no finished trial."""
    ranks = Bullets(list(ranking_sentences(board)))
    arms = Fold("What each arm is", [arms_table(board)])
    sections = [
        Section("leaderboard", "Leaderboard", [leaderboard(board, replication), ranks, arms]),
        Section("published", "Published", list(_published(board, replication))),
        Section("classes", "Per class", [class_table(board, metric) for metric in (RECALL, PRECISION)]),
        Section("unfinished", "Failed or missing", [unfinished_table(board)]),
    ]
    data = "" if board.fingerprint is None else f" Data fingerprint {board.fingerprint[:8]}."
    return Document(
        title=page_title(board),
        subtitle=f"{one_line(measured_on(board))}.",
        sections=sections,
        footer=f"Written by raysat {__version__}.{data} Every seed's values are in leaderboard.json.",
    )


def overview(board: Leaderboard, replication: Replication | None, analysis: Analysis | None = None) -> list[Block]:
    """Return the blocks that a terminal shows of a leaderboard or a report.

    Args:
        board: the arms.
        replication: published numbers beside ours, where they could be compared.
        analysis: the report's, where there is one.
    """
    blocks: list[Block] = [
        Text(f"{page_title(board)}  {measured_on(board)}"),
        leaderboard(board, replication, analysis),
        Bullets([*name_notes(board), *ranking_sentences(board, analysis)]),
    ]
    if replication is not None:
        blocks += [published_table(board, replication, BALANCED_ACCURACY), Text(source_note(board), hint=True)]
    blocks.append(unfinished_table(board))
    if analysis is not None:
        blocks += map(Text, summary_sentences(analysis))
        if replication is not None and replication.findings:
            blocks.append(Subtitle("What the paper found, on these data"))
            blocks += map(Text, finding_sentences(replication, board))
        if analysis.benchmark is not None:
            blocks.append(Subtitle(f"Published results on {analysis.benchmark.benchmark.title}"))
            blocks += _benchmark(analysis)
    return blocks


def _planned(analysis: Analysis) -> Iterator[Block]:
    """What was planned, apart from what was found afterwards."""
    if analysis.planned is None:
        return
    yield planned_table(analysis)
    if analysis.planned.looked is not None:
        yield Text(f"{looks_sentence(analysis.planned.looked)} {OVER_LOOKS}")
        yield looks_table(analysis)
    yield Text(EXPLORATORY)


def _tuned(analysis: Analysis) -> Iterator[Block]:
    """What tuning each arm changed, where they were tuned."""
    if analysis.tuned is not None:
        yield tuned_table(analysis)
        yield Bullets(list(tuned_sentences(analysis)))


def _compared(analysis: Analysis) -> Iterator[Block]:
    if len(analysis.ranked) > 1:
        main, recalls = arm_differences(analysis, "baseline")
        yield main
        yield Fold("Recall of each class, against the baseline", [recalls])
        yield Fold(f"Against the best, {arm_label(analysis, analysis.best)}", arm_differences(analysis, "best"))


def _changed(analysis: Analysis) -> Iterator[Block]:
    """The patches that an arm newly gets right and wrong, or why they cannot be shown."""
    if (explained := analysis.explained) is None:
        return
    yield changes_table(analysis, explained.changes)
    if isinstance(explained.pixels, NoPixels):
        yield Text(no_pixels_sentence(explained.pixels), hint=True)
    yield Figure("newly-right")
    yield Figure("newly-wrong")
    yield Figure("occlusion")


def _bands(analysis: Analysis) -> Iterator[Block]:
    """What each band is worth, where that was evaluated."""
    yield Figure("importance")
    for arm in analysis.importance:
        title = f"What each band is worth to {arm_label(analysis, arm.arm)}, as a table"
        yield Fold(title, [importance_table(analysis, arm)])


def _effects(effects: Effects) -> Iterator[Block]:
    yield Text(design_note(effects))
    if effects.main:
        yield Subtitle("Main effects")
        yield Figure("main-effects")
        yield effect_table("main_effects", "Main effects", effects.main)
    if effects.pairs:
        yield Subtitle("Interactions")
        yield Figure("interactions")
        caption = "Interactions: what a pair does beyond the sum of what each does alone"
        yield effect_table("interactions", caption, effects.pairs)
    if effects.combinations:
        yield Subtitle("Combinations against their parts")
        yield Figure("combination")
        yield from map(combination_table, effects.combinations)
    if effects.components:
        yield Subtitle("Shares of variance")
        yield Figure("variance")
        yield Fold("Shares as a table", [variance_table(effects)])


def _published(board: Leaderboard, replication: Replication | None) -> Iterator[Block]:
    if board.reference is None:
        return
    if replication is not None and replication.findings:
        yield Text("What the paper found, on these data:")
        yield Bullets(list(finding_sentences(replication, board)))
        yield Fold("The comparisons that they rest on", [findings_table(replication, board)])
    yield published_table(board, replication)
    yield Text(source_note(board), hint=True)


def _benchmark(analysis: Analysis) -> Iterator[Block]:
    if (compared := analysis.benchmark) is not None:
        yield Bullets(list(benchmark_sentences(analysis.board, compared)))
        yield benchmark_table(analysis.board, compared)


def _generated(analysis: Analysis) -> Iterator[Block]:
    """How good generated patches are, and the last picture of each generator's beside real ones, where there is one."""
    yield generator_table(analysis.generators)
    yield Bullets(generator_notes(analysis.generators))
    for number, generator in enumerate(analysis.generators, 1):
        if png := generator.picture:
            name = one_line(generator.record.class_name)
            caption = (
                f"{name}. Real patches above, generated ones below. Look for patches that repeat and for textures that "
                f"no real patch has. n = {generator.record.real:,} real patches to learn from, one generator; no "
                "interval."
            )
            alt = f"Real and generated patches of {name}"
            yield Picture(name=f"generated-{number}", png=png, alt=alt, caption=caption)


def _reproduce(analysis: Analysis) -> Iterator[Block]:
    board = analysis.board
    for run in analysis.runs:
        if run.command:
            yield Text(f"With this study as {one_line(run.study)}.yaml:")
            yield Code(run.command, "bash")
        if run.text:
            yield Fold(f"{one_line(run.study)}.yaml", [Code(run.text, "yaml")])
    yield Bullets(
        [
            f"Data: {one_line(board.data)}, fingerprint {one_line(board.fingerprint or 'not recorded')}",
            f"Trained with {one_line(', '.join(analysis.cost.versions))}",
        ]
    )
