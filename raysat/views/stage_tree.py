"""Draws the tree of a plan's stages: which epochs several arms have in common, and where each arm is read out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from raysat.formatting import elide
from raysat.planning.stages import TrainJob

Names = Mapping[str, tuple[str, ...]]  # arm -> its name, or its settings


def stage_tree(jobs: Sequence[TrainJob], names: Names, width: int | None) -> list[Text]:
    """Draw the jobs of one seed, a line a stage; those that share nothing are left out.

    Args:
        jobs: the train jobs of one seed.
        names: what to call each arm: by its name, or by its settings, of which a line leaves out those that all arms
            of its tree have, which the tree's first line names.
        width: of a line, whose names are cut to fit; None for whole names.

    Returns:
        The lines, indented by depth; none where nothing is shared.
    """
    below: dict[str, list[TrainJob]] = {}
    for job in jobs:
        if job.parent is not None:
            below.setdefault(job.parent, []).append(job)
    roots = [job for job in jobs if job.parent is None and (len(job.trials) > 1 or job.id in below)]
    lines = []
    for root in roots:
        arms = [trial.arm for job in _family(root, below) for trial in job.trials]
        common = set.intersection(*(set(names[arm]) for arm in arms))
        title = ", ".join(text for text in names[arms[0]] if text in common)
        own = {arm: ", ".join(text for text in names[arm] if text not in common) for arm in arms}
        for depth, stage, read in _stages(root, below):
            line = Text("  " * depth).append(stage, style="cyan")
            named = "; ".join(filter(None, [title, *(own[arm] for arm in read)]))
            fitting = named if width is None else elide(named, max(20, width - line.cell_len - 2))
            lines.append(line.append(f"  {fitting}" if named else ""))
            title = ""
    return lines


def _family(root: TrainJob, below: Mapping[str, Sequence[TrainJob]]) -> Iterator[TrainJob]:
    yield root
    for job in below.get(root.id, ()):
        yield from _family(job, below)


def _stages(
    job: TrainJob, below: Mapping[str, Sequence[TrainJob]], depth: int = 0
) -> Iterator[tuple[int, str, list[str]]]:
    """Yield depth, epochs and arms of a job's stages, each below the one before, and of the jobs that leave there."""
    start = job.start_epoch
    for end in sorted({*job.fork_epochs, *(trial.epochs for trial in job.trials)}):
        read = [trial.arm for trial in job.trials if trial.epochs == end]
        yield depth, f"{start + 1}–{end}" if end > start + 1 else f"{end}", read
        depth += 1
        for other in below.get(job.id, ()):
            if other.start_epoch == end:
                yield from _stages(other, below, depth)
        start = end
