"""Contact sheets of what an arm changes: patches that it newly gets right, and newly wrong, by class pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from raysat.data.sample_grid import PatchGroup, draw_grid
from raysat.formatting import elide, plural
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.changes import Changes, ClassPair
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.pixels import Pixels
from raysat.reporting.figures.caption import Caption
from raysat.reporting.figures.page import SCREEN, page
from raysat.reporting.figures.style import INK, MUTED, RenderedFigure, render
from raysat.reporting.format.explanations import arms_compared

_MOST_PAIRS: Final = 8  # of classes in a sheet
_MOST_PATCHES: Final = 6  # of a pair: as many as stand in a row
_FEWEST: Final = 4  # places in a row, which the headings need
_LONGEST: Final = 15  # letters of a class that fit beside the patches
STRETCH: Final = "Colours are stretched between the 2nd and 98th percentile of test patches."
_NO_INTERVAL: Final = "Patches, without intervals: the table by class has those"


def newly_right(analysis: Analysis) -> RenderedFigure | None:
    """Draw the patches that the arm gets right and the baseline does not."""
    return _sheet(analysis, "right")


def newly_wrong(analysis: Analysis) -> RenderedFigure | None:
    """Draw the patches that the arm gets wrong and the baseline does not."""
    return _sheet(analysis, "wrong")


def _sheet(analysis: Analysis, way: str) -> RenderedFigure | None:
    explained = analysis.explained
    if explained is None or not isinstance(explained.pixels, Pixels):
        return None
    changes, pixels = explained.changes, explained.pixels
    pairs: Sequence[ClassPair] = changes.right if way == "right" else changes.wrong
    if not pairs:
        return None
    most, fewest = (2, 2) if page().narrow else (_MOST_PATCHES, _FEWEST)
    groups = [
        PatchGroup(
            name=elide(analysis.board.classes[pair.true], _LONGEST),
            detail=_detail(analysis.board, pair, way),
            images=pixels.read(pair.rows[:most]),
        )
        for pair in pairs[:_MOST_PAIRS]
    ]
    title = f"Newly {way}"
    figure = draw_grid(
        groups,
        reference=pixels.reference(),
        columns=max(fewest, *(len(group.images) for group in groups)),
        title=title,
        channels=f"{pixels.colours}: {', '.join(pixels.bands)}",
        spacing=0.08,
    )
    for text in figure.texts:  # in the colours of the page
        text.set_color(MUTED if text.get_color() == "0.35" else INK)
        if page() != SCREEN:
            text.set_fontsize(max(text.get_fontsize(), 9))
    patches = sum(len(pair.rows) for pair in pairs)
    return render(
        figure,
        f"newly-{way}",
        title=f"{title}: {_patches(patches)}",
        caption=Caption(
            shows=_shows(analysis, changes, way),
            look_for="what the patches of a row have in common: mixed cover, haze, an edge, or a label that is wrong",
            n=f"n = {plural(len(changes.seeds), 'pair')} of seeds",
            interval=_NO_INTERVAL,
            notes=_notes(pairs, most),
        ),
        alt=f"{plural(len(groups), 'row')} of patches, each of a true class and of one that it was taken for.",
    )


def _detail(board: Leaderboard, pair: ClassPair, way: str) -> str:
    """What was predicted before and after, and how many patches there are; below the true class."""
    true, wrong = (elide(board.classes[label], _LONGEST) for label in (pair.true, pair.wrong))
    before, after = (wrong, true) if way == "right" else (true, wrong)
    return f"before: {before}\nafter: {after}\n{_patches(len(pair.rows))}"


def _shows(analysis: Analysis, changes: Changes, way: str) -> str:
    arm, baseline = arms_compared(analysis, changes)
    first, second = ("right", "wrong") if way == "right" else ("wrong", "right")
    return (
        f"Patches that {arm} gets {first} and {baseline} gets {second}, each in more than half of the paired seeds; a "
        "row for each true class and class predicted before and after, beginning with the patches that most seeds "
        "changed"
    )


def _notes(pairs: Sequence[ClassPair], most: int) -> str:
    """What is left out, and how the colours are stretched."""
    rows = "" if len(pairs) <= _MOST_PAIRS else f"Shown: the {_MOST_PAIRS} largest of {len(pairs)} class pairs. "
    some = any(len(pair.rows) > most for pair in pairs[:_MOST_PAIRS])
    few = f"At most {most} patches of a pair. " if some else ""
    return f"{rows}{few}{STRETCH}"


def _patches(count: int) -> str:
    return f"{count:,} patch{'es' * (count != 1)}"
