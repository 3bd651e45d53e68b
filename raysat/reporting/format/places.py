"""What a report says of places: what was resampled, what few groups mean, and test patches near training ones."""

from __future__ import annotations

from collections.abc import Iterator

from raysat.data.lengths import length
from raysat.formatting import one_line, plural
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.clusters import FEW
from raysat.reporting.format.document import Block, Bullets, Figure


def resampled(analysis: Analysis) -> str:
    """What was drawn, after "resamples of": ``whole groups: 23 scenes``."""
    found = analysis.places
    if found is None or not found.resampled or found.groups is None:
        return "patches within their class"
    return f"whole groups of them: {found.groups.in_words}"


def groups_sentence(analysis: Analysis) -> Iterator[str]:
    """What intervals rest on, where that is groups."""
    found = analysis.places
    if found is not None and found.resampled and found.groups is not None:
        n = len(analysis.predictions.labels)
        yield f"Intervals draw whole groups of the {n:,} patches: {found.groups.in_words}."


def places_sentences(analysis: Analysis) -> Iterator[str]:
    """How sure intervals by group are, and what they leave out."""
    found = analysis.places
    if found is None or found.groups is None:
        return
    if not found.resampled:
        yield (
            f"All test patches are of one group ({found.groups.in_words}): intervals draw patches as if they were "
            "independent, and say nothing of other places."
        )
        return
    if (groups := len(found.groups)) < FEW:
        yield (
            f"{plural(groups, 'group')} say little of how places differ: intervals are widened by Student's t for it, "
            "and are rough still."
        )
    yield (
        "p knows of seeds alone: whether a difference would be seen again with other seeds on these patches. Whether "
        "it would in other places is for the intervals to say."
    )
    if found.lone:
        names = ", ".join(one_line(analysis.board.classes[k]) for k in found.lone)
        yield f"All in one group, so that intervals of their recall take patches as independent: {names}."
    if analysis.later.elsewhere:
        yield "On other data no groups are known: intervals there draw patches."


def near_warning(analysis: Analysis) -> Iterator[str]:
    """Warn of test patches that lie near training ones, where any do."""
    near = None if analysis.places is None else analysis.places.near
    if near is not None and near.within:
        n = len(near.apart)
        yield (
            f"{near.within:,} of {n:,} {analysis.board.reported} patches ({100 * near.within / n:.0f} %) lie within "
            f"{length(near.limit)} of a training patch: results elsewhere may be worse. raysat data split "
            "--split spatial keeps them apart."
        )


def places_blocks(analysis: Analysis) -> Iterator[Block]:
    """The section on places; empty where none are known."""
    found = analysis.places
    if found is None or (found.near is None and found.correlogram is None):
        return
    said = list(near_warning(analysis))
    if found.near is not None and not said:
        said = [f"No {analysis.board.reported} patch lies within {length(found.near.limit)} of a training patch."]
    if (by_distance := found.correlogram) is not None:
        near, value = length(by_distance.metres[0]), f"{by_distance.correlation[0]:.2f}"
        said.append(
            f"Errors on patches about {near} apart are alike (correlation {value}, {by_distance.pairs[0]:,} pairs): "
            "patches are fewer samples than they seem."
            if by_distance.together
            else f"Errors on patches about {near} apart are no more alike than by chance (correlation {value}, "
            f"{by_distance.pairs[0]:,} pairs)."
        )
    yield Bullets(said)
    yield Figure("near-training")
    yield Figure("error-correlation")
