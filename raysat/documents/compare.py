"""What ``raysat compare --json`` prints: what changed from one run to another, arm by arm."""

from __future__ import annotations

from pydantic import Field

from raysat.documents.base import Count, Document, Part, Real
from raysat.documents.estimate import Estimates


class DiffersPart(Part):
    """What the runs as wholes differ in."""

    what: str = Field(description="Such as data, seeds, hardware, or a package.")
    a: str = Field(description="In A.")
    b: str = Field(description="In B.")


class SidePart(Part):
    """An arm in one of the runs."""

    seeds: Count = Field(description="Finished.")
    balanced_accuracy: Real = Field(description="Mean, 0 to 1; where runs are paired, over the seeds in common.")


class ChangePart(Part):
    """An arm in both runs."""

    arm: str = Field(description="Its name, by which arms are the same.")
    a: SidePart = Field(description="In A.")
    b: SidePart = Field(description="In B.")
    change: Estimates = Field(description="B minus A by metric; empty where paired runs have no seed of it in common.")
    settings: tuple[str, ...] = Field(description="That are not the same in both.")
    identical: bool = Field(description="The same predictions, patch by patch, for every seed in common.")


class CompareDocument(Document):
    """Run B against run A."""

    a: str = Field(description="The folder of A.")
    b: str = Field(description="The folder of B.")
    paired: bool = Field(description="By seeds and test patches; else the runs are independent samples.")
    differs: tuple[DiffersPart, ...] = Field(description="What the runs as wholes differ in.")
    arms: tuple[ChangePart, ...] = Field(description="In both runs, in the order of A's ranking.")
    only_a: tuple[str, ...] = Field(description="Arms of A alone.")
    only_b: tuple[str, ...] = Field(description="Arms of B alone.")
