"""What a study can see before anything is trained: power by its test patches, seeds and arms, and by a pilot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Le
from rich.console import Console
from typing_extensions import override

from raysat.api.compared_patches import compared_patches
from raysat.api.folds import fold_stores
from raysat.api.stores import Store
from raysat.config import limits
from raysat.config.arguments import checked
from raysat.data.importers.source import DEMO
from raysat.errors import UsageError
from raysat.files import AnyPath, as_path, write_atomic
from raysat.formatting import one_line
from raysat.planning.build import Plan
from raysat.reporting.analysis.patch_variance import TestPatches, group_sizes
from raysat.reporting.analysis.study_power import EFFECTS, Design, StudyPower, assumed
from raysat.study.load import Study, load_study
from raysat.study.source import Source
from raysat.views.power import show_power
from raysat.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from raysat.reporting.figures.style import RenderedFigure

Arms = Annotated[int, Ge(2), Le(limits.TRIALS)]
Seeds = Annotated[int, Ge(1), Le(limits.SEEDS)]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Power(Shown):
    """Which differences a study can see, with how many seeds, and what that costs."""

    found: StudyPower

    def __repr__(self) -> str:
        design = self.found.design
        return f"<Power of {design.arms} arms x {design.seeds} seeds on {sum(design.patches.sizes):,} test patches>"

    def to_frame(self) -> pd.DataFrame:
        """A row per metric and difference: power with these seeds, seeds needed, what they cost."""
        from raysat.reporting.render.frames import make_frame
        from raysat.reporting.render.rows import Rows

        design = self.found.design
        rows = [
            {
                "metric": each.metric.name if each.metric.class_index is None else f"recall_{_rarest(design)}",
                "effect": chance.effect,
                "baseline": each.baseline,
                "smallest_seen": each.smallest,
                "smallest_with_endless_seeds": each.endless,
                "power": chance.power,
                "seeds_needed": chance.seeds,
                "images": None if chance.seeds is None else design.cost(chance.seeds),
                "hours": None if chance.seeds is None else design.hours(chance.seeds),
            }
            for each in self.found.visible
            for chance in each.chances
        ]
        return make_frame(Rows(index=("metric", "effect"), columns=tuple(rows[0])[2:], rows=rows))

    def figure(self) -> RenderedFigure:
        """Power against seeds for each difference, a panel for each metric; it has ``svg`` and ``png``."""
        from raysat.reporting.figures.power import draw_power

        return draw_power(self.found)

    def save_figure(self, file: AnyPath | str) -> AnyPath:
        """Write the figure as PNG or SVG, by the end of the file's name.

        Raises UsageError for another end, StorageError where it cannot be written.
        """
        path = as_path(file)
        if path.suffix not in (".png", ".svg"):
            raise UsageError(f"{one_line(str(file))} is no .png or .svg", hint="name the figure so: power.png")
        figure = self.figure()
        write_atomic(path, figure.png if path.suffix == ".png" else figure.svg)
        return path

    @override
    def show(self, console: Console) -> None:
        show_power(self.found, console)


@checked
def power(
    data: Store | Path | str | None = None,
    *,
    study: Study | Source | None = None,
    classes: Sequence[int] = (),
    arms: Arms | None = None,
    seeds: Seeds | None = None,
    effects: Sequence[float] = EFFECTS,
    pilot: AnyPath | str | None = None,
    recall: Sequence[float] = (),
) -> Power:
    """Say which differences a study can see in balanced accuracy, ICV and the recall of its rarest class.

    A difference is seen where the report's test over seeds is significant at 5 % after Holm and its 95 % interval
    leaves zero out (``docs/power.md``). Nothing is trained.

    Args:
        data: the store whose reported patches arms are compared on, its path or URL, or ``demo``;
            of a study its first store where absent, or ``demo``.
        study: that is to be trained on the store: says how many images its trials pass, its arms and its seeds. Of one
            with folds the first fold is looked at: each is a run and a report of its own.
        classes: in place of a store, how many test patches each class has.
        arms: the baseline among them: Holm corrects for the others. By default those of the study, or 2.
        seeds: of every arm; by default those of the study, or 5.
        effects: differences to look at, each above 0 and at most 1.
        pilot: a run of two arms and two seeds or more, which says how arms differ; else that is assumed, and said so.
        recall: of the baseline, in place of what is assumed: one for all classes, or one for each.

    Returns:
        Power, seeds needed and cost.

    Raises:
        UsageError: neither patches nor a pilot, a class without test patches, numbers out of bounds, a pilot of other
            classes or of too few seeds, a study without a store.
        StudyError: a mistake in the study.
        DataError: the store cannot be read.
        StorageError: the pilot is no run, or damaged.
    """
    if study is not None:
        if data is None and (classes or pilot is not None):
            raise UsageError("what a study costs depends on its data", hint="name the store with {--data}")
        study = study if isinstance(study, Study) else load_study(study)
        data = data or (study.stores[0] if study.stores else DEMO)
        data = data if study.folds is None else fold_stores(study, data)[0]
    from raysat.reporting.analysis.pilot import correlation_in, read_pilot

    read = None if pilot is None else read_pilot(as_path(pilot))
    known = compared_patches(data, classes, read)
    for effect in effects or (0.0,):
        if not 0 < effect <= 1:
            raise UsageError(f"a difference is above 0 and at most 1, got {effect:g}", hint="such as 0.02 or 0.05")
    if recall and (len(recall) not in (1, len(known.names)) or not all(0 <= each <= 1 for each in recall)):
        raise UsageError(
            f"recalls are one number from 0 to 1, or one for each of {len(known.names)} classes",
            hint="such as 0.8, or 0.9,0.7,0.6,0.4",
        )
    behaviour = assumed(known.sizes, recall=recall) if read is None else read.behaviour
    if read is not None and known.groups is not None and read.fingerprint == known.fingerprint:
        behaviour = replace(behaviour, correlation=correlation_in(read, known.groups))
    planned = None if study is None or data is None else _planned(study, data)
    images = _images(planned) if planned is not None else None if read is None else read.images
    groups = None if known.groups is None else int(known.groups.max()) + 1
    in_group: tuple[float, ...] = ()
    if known.groups is not None and known.labels is not None:
        in_group = group_sizes(known.labels, known.groups, len(known.names))
    design = Design(
        classes=known.names,
        patches=TestPatches(sizes=known.sizes, in_group=in_group),
        groups=groups if behaviour.correlation else None,
        seeds=seeds or (len(planned.study.seeds) if planned else 5),
        arms=arms or (_comparable(planned) if planned else 2),
        images=images,
        rate=None if read is None else read.rate,
        other_data=read is not None and known.fingerprint not in (None, read.fingerprint),
    )
    return Power(found=StudyPower(design=design, behaviour=behaviour, effects=tuple(effects), pilot=read))


def power_of_plan(plan: Plan) -> StudyPower | None:
    """What a planned study can see, by what is assumed of arms; None of one arm, or without reported patches."""
    sizes = tuple(plan.store.counts(plan.store.reported_split).tolist())
    if len(plan.study.arms) < 2 or not any(sizes):
        return None
    design = Design(
        classes=plan.store.classes,
        patches=TestPatches(sizes=sizes),
        seeds=len(plan.study.seeds),
        arms=len(plan.study.arms),
        images=_images(plan),
    )
    return StudyPower(design=design, behaviour=assumed(sizes), effects=EFFECTS)


def _planned(study: Study | Source, data: Store | Path | str) -> Plan:
    from raysat.api.studies import plan  # that module asks this one for what a plan sees

    return plan(study, data)


def _images(plan: Plan) -> int:
    """That one trial passes through a model, on average over all."""
    return round(plan.samples_seen / len(plan.trials))


def _comparable(plan: Plan) -> int:
    arms = len(plan.study.arms)
    if arms < 2:
        message = f"the study {one_line(plan.study.name)} has one arm, and nothing to compare it with"
        raise UsageError(message, hint="give it another arm, or say how many there are to be with {--arms}")
    return arms


def _rarest(design: Design) -> str:
    return design.classes[design.rarest]
