"""What an arm changes patch by patch, as a table by class and in sentences."""

from __future__ import annotations

from typing import Final

from raysat.formatting import one_line, plural
from raysat.metrics.catalog import RECALL
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.changes import Changes
from raysat.reporting.analysis.importance import ALL_BANDS, ArmImportance, BandLoss, rarest
from raysat.reporting.analysis.pixels import NoPixels, Why
from raysat.reporting.format.cells import difference_cell, p_cell, whole_cell, words
from raysat.reporting.format.document import Block, Text
from raysat.reporting.format.sentences import arm_label
from raysat.reporting.format.table import Cell, Heading, Table, make_table

_MOST_ARMS: Final = 2
_WHY: Final[dict[Why, str]] = {
    "missing": "there is no patch store at {path}",
    "other": "the store at {path} is not the one that was measured on",
    "remote": "the store lies at {path}, which a report does not fetch unasked",
    "unknown": "the records do not say where their store is",
}


def arms_compared(analysis: Analysis, changes: Changes) -> tuple[str, str]:
    """How the arm and the baseline are called."""
    arm, baseline = (arm_label(analysis, name) for name in (changes.arm, changes.baseline))
    return arm, baseline


def no_pixels_sentence(missing: NoPixels) -> str:
    """Why the patches themselves are not shown, and what to do."""
    why = _WHY[missing.why].format(path=one_line(missing.path))
    return f"The patches themselves are not shown: {why}. Name the store with --data."


def changes_table(analysis: Analysis, changes: Changes) -> Table:
    """A row per class: patches newly right and newly wrong, McNemar's test, and the difference of recall."""
    arm, baseline = arms_compared(analysis, changes)
    names, by_class = analysis.board.classes, changes.by_class
    recalls = analysis.to_baseline.get(changes.arm, {})
    differences = [difference_cell(recalls.get(RECALL.of_class(label))) for label in range(len(names))]
    sums = [sum(getattr(change, key) for change in by_class) for key in ("patches", "right", "wrong")]
    net = [change.right - change.wrong for change in by_class]
    none = Cell(text="")
    return make_table(
        "changed",
        f"{arm} against {baseline}: newly right or wrong is what more than half of "
        f"{plural(len(changes.seeds), 'paired seed')} say. p: McNemar's exact test within a class, which takes patches "
        "as independent; Holm over classes. Difference of recall: mean over seeds, with the 95 % interval over seeds "
        "and patches.",
        [
            (Heading(text="class", words=True), [words(name) for name in names]),
            (Heading(text="patches", room=16), [whole_cell(change.patches) for change in by_class]),
            (Heading(text="newly right", short="right"), [whole_cell(change.right) for change in by_class]),
            (Heading(text="newly wrong", short="wrong"), [whole_cell(change.wrong) for change in by_class]),
            (Heading(text="net"), [_signed(value) for value in net]),
            (Heading(text="p", room=14), [p_cell(change.p) for change in by_class]),
            (Heading(text="p", below="Holm", room=12), [p_cell(change.p_holm) for change in by_class]),
            (Heading(text="recall", below="difference"), differences),
        ],
        total=[words("all"), *map(whole_cell, sums), _signed(sum(net)), none, none, none],
    )


def band_name(loss: BandLoss) -> str:
    """A band by its name, a group with the number of its bands."""
    return loss.name if len(loss.bands) == 1 or loss.name == ALL_BANDS else f"{loss.name} ({len(loss.bands)})"


def rarest_name(analysis: Analysis) -> str:
    """The class with the fewest test patches."""
    label = rarest(analysis.board)
    return "" if label is None else analysis.board.classes[label]


def importance_arms(analysis: Analysis) -> list[ArmImportance]:
    """The arms whose bands a figure shows: the explained one and the baseline, else the first that were evaluated."""
    found = analysis.importance
    wanted = () if analysis.explained is None else (analysis.explained.changes.arm, analysis.baseline)
    shown = [arm for name in wanted for arm in found if arm.arm == name]
    return shown or list(found[:_MOST_ARMS])


def importance_table(analysis: Analysis, arm: ArmImportance) -> Table:
    """A row per band and group of bands: what the arm loses without what they say."""
    losses = arm.losses
    name = arm_label(analysis, arm.arm)
    return make_table(
        "importance",
        f"{one_line(name)}: what is lost where these bands are those of another test patch, mean of "
        f"{plural(arm.repeats, 'permutation')} and {plural(len(arm.seeds), 'seed')}, with 95 % intervals over seeds "
        "and patches.",
        [
            (Heading(text="bands", words=True), [words(band_name(loss)) for loss in losses]),
            (
                Heading(text="balanced accuracy", below="lost", short="bal. acc."),
                [difference_cell(loss.balanced_accuracy) for loss in losses],
            ),
            (
                Heading(text="recall of the rarest", below=one_line(rarest_name(analysis)), short="rarest"),
                [difference_cell(loss.rare_recall) for loss in losses],
            ),
            (Heading(text="n"), [whole_cell(len(arm.seeds)) for _ in losses]),
            (Heading(text="of", words=True, room=30), [words(_members(loss)) for loss in losses]),
        ],
    )


def explanation_blocks(analysis: Analysis) -> list[Block]:
    """What a terminal shows of what was evaluated: the worth of bands to the explained arm and the baseline."""
    blocks: list[Block] = [importance_table(analysis, arm) for arm in importance_arms(analysis)]
    if analysis.explained is not None and analysis.explained.maps is not None:
        blocks.append(Text("Occlusion maps are in the report: raysat report draws them.", hint=True))
    return blocks


def _signed(value: int) -> Cell:
    return Cell(text=f"{value:+,}".replace("-", "−") if value else "0", value=value)


def _members(loss: BandLoss) -> str:
    return ", ".join(loss.bands) if len(loss.bands) > 1 else ""
