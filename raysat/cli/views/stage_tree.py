"""Shows a stage tree in the terminal: which epochs are trained once, and which trials end where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from raysat.plan.stages import TrainJob


def stage_tree(jobs: Sequence[TrainJob], names: Mapping[str, str]) -> RenderableType | None:
    """Draw the stages of one seed's jobs, those that share nothing left out; None where nothing is shared.

    ``names`` are what to call the arms.
    """
    below: dict[str, list[TrainJob]] = {}
    for job in jobs:
        if job.parent is not None:
            below.setdefault(job.parent, []).append(job)
    roots = [job for job in jobs if job.parent is None and (len(job.trials) > 1 or job.id in below)]
    if not roots:
        return None
    tree = Tree(Text("epochs trained once, and the arms that are read out there", style="bold"), guide_style="dim")
    for root in roots:
        _grow(tree, root, below, names)
    return tree


def _grow(node: Tree, job: TrainJob, below: Mapping[str, list[TrainJob]], names: Mapping[str, str]) -> None:
    """Add a job's stages, each below the one before, and the jobs that leave it where they do."""
    start = job.start_epoch
    for end in sorted({*job.fork_epochs, *(trial.epochs for trial in job.trials)}):
        read = [names[trial.arm] for trial in job.trials if trial.epochs == end]
        label = Text(f"{start + 1}–{end}" if end > start + 1 else f"{end}", style="cyan")
        label.append(f"  {'; '.join(read)}" if read else "", style="default")
        node = node.add(label)
        for other in below.get(job.id, []):
            if other.start_epoch == end:
                _grow(node, other, below, names)
        start = end
