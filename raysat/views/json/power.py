"""What a study can see, as a document."""

from __future__ import annotations

from raysat.documents.power import ChancePart, ClassPart, PilotPart, PowerDocument, VisiblePart
from raysat.reporting.analysis.study_power import Chance, Design, StudyPower, Visible


def power_document(found: StudyPower) -> PowerDocument:
    """Return the document of what a design can see."""
    design, pilot = found.design, found.pilot
    classes = zip(design.classes, design.patches.sizes, found.behaviour.recall, strict=True)
    return PowerDocument(
        arms=design.arms,
        seeds=design.seeds,
        comparisons=design.comparisons,
        wanted=found.wanted,
        groups=design.groups,
        classes=tuple(ClassPart(name=name, patches=int(size), recall=float(recall)) for name, size, recall in classes),
        pilot=None
        if pilot is None
        else PilotPart(study=pilot.study, arms=pilot.arms, seeds=pilot.seeds, patches=int(sum(pilot.sizes))),
        metrics=tuple(_visible(design, each) for each in found.visible),
    )


def _visible(design: Design, each: Visible) -> VisiblePart:
    index = each.metric.class_index
    return VisiblePart(
        metric=each.metric.name,
        class_name=None if index is None else design.classes[index],
        baseline=each.baseline,
        smallest=each.smallest,
        endless=each.endless,
        chances=tuple(_chance(design, chance) for chance in each.chances),
    )


def _chance(design: Design, chance: Chance) -> ChancePart:
    seeds = chance.seeds
    return ChancePart(
        effect=chance.effect,
        possible=chance.possible,
        power=chance.power,
        seeds=seeds,
        images=None if seeds is None else design.cost(seeds),
        hours=None if seeds is None else design.hours(seeds),
    )
