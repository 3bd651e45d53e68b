"""What ``raysat power --json`` prints: which differences a study can see, with how many seeds."""

from __future__ import annotations

from pydantic import Field

from raysat.documents.base import Count, Document, Part, Real


class ClassPart(Part):
    """A class of the test patches."""

    name: str = Field(description="Of the class.")
    patches: Count = Field(description="Of the split that is compared on.")
    recall: Real = Field(description="Of the baseline, assumed or measured, 0 to 1.")


class PilotPart(Part):
    """The run that says how arms differ."""

    study: str = Field(description="Its name.")
    arms: Count = Field(description="Of it.")
    seeds: Count = Field(description="Of the arm that has most.")
    patches: Count = Field(description="That it was tested on.")


class ChancePart(Part):
    """One true difference."""

    effect: Real = Field(description="In the unit of the metric.")
    possible: bool = Field(description="There is room for so large an improvement.")
    power: Real = Field(description="Chance that it is seen with these seeds, 0 to 1.")
    seeds: Count | None = Field(description="For the wanted power; null where none, or too many, are enough.")
    images: Count | None = Field(description="To train on with so many seeds; null where that is not known.")
    hours: Real = Field(description="Of one trial at a time; null where that is not known.")


class VisiblePart(Part):
    """What can be seen in one metric."""

    metric: str = Field(description="As it is called in files, without its class.")
    class_name: str | None = Field(description="The class of a recall; null of others.")
    baseline: Real = Field(description="Its value at the recalls above.")
    smallest: Real = Field(description="Improvement that is seen with the wanted power; null where there is no room.")
    endless: Real = Field(description="The same with seeds without end: the limit that the patches set.")
    chances: tuple[ChancePart, ...] = Field(description="By effect.")


class PowerDocument(Document):
    """Which differences a study can see."""

    arms: Count = Field(description="The baseline among them.")
    seeds: Count = Field(description="Of every arm.")
    comparisons: Count = Field(description="That Holm corrects for.")
    wanted: Real = Field(description="The power that seeds are counted for, 0 to 1.")
    groups: Count | None = Field(description="That patches lie in; null where they are taken as independent.")
    classes: tuple[ClassPart, ...] = Field(description="In the order of labels.")
    pilot: PilotPart | None = Field(description="null: how arms differ is assumed.")
    metrics: tuple[VisiblePart, ...] = Field(description="Balanced accuracy, ICV, and recall of the smallest class.")
