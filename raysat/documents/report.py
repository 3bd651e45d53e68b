"""``report.json``, and what ``raysat report --json`` prints: all that a report says."""

from __future__ import annotations

from pydantic import Field

from raysat.documents.base import Count
from raysat.documents.effects import EffectsPart
from raysat.documents.estimate import Estimates, SeedsPart
from raysat.documents.later import LaterPart
from raysat.documents.leaderboard import ArmPart, LeaderboardDocument
from raysat.documents.report_parts import (
    ArmCostPart,
    BenchmarkPart,
    ChangesPart,
    CostPart,
    FindingPart,
    Generators,
    ImportancePart,
    PlacesPart,
    PlannedPart,
    StudyPart,
    TunedPart,
)


class ReportedArmPart(ArmPart):
    """An arm of a report; what follows the leaderboard's keys is null of an arm without a finished seed."""

    tied_with_best: bool | None = Field(None, description="The interval of its difference to the best includes zero.")
    pareto: bool | None = Field(None, description="No arm is both cheaper and better.")
    interval: Estimates | None = Field(None, description="Mean over seeds with interval, by metric.")
    to_best: Estimates | None = Field(None, description="It minus the best arm, by metric; empty of the best.")
    to_baseline: Estimates | None = Field(None, description="It minus the baseline, by metric; empty of the baseline.")
    auroc: dict[str, SeedsPart] | None = Field(None, description="Area under the ROC curve by class, 0 to 1.")
    average_precision: dict[str, SeedsPart] | None = Field(None, description="By class, 0 to 1.")
    confusion: tuple[tuple[Count, ...], ...] | None = Field(
        None, description="Patches over all seeds: a row per true class, a column per predicted one."
    )
    cost: ArmCostPart | None = Field(None, description="Of its trials.")


class ReportDocument(LeaderboardDocument):
    """A report: which arms are best, by how much and how surely."""

    arms: tuple[ReportedArmPart, ...] = Field(description="Best first.")
    rank_by: str = Field(description="The metric that ranks.")
    best: str = Field(description="The first arm.")
    baseline: str = Field(description="The arm that others are compared with, beside the best.")
    draws: Count = Field(description="Resamples of the bootstrap.")
    effects: EffectsPart | None = Field(description="Of factors; null where arms make none.")
    cost: CostPart = Field(description="Of all arms.")
    findings_of_the_paper: tuple[FindingPart, ...] = Field(description="And whether they hold; empty without one.")
    benchmark: BenchmarkPart | None = Field(description="Published results on the same data, where asked for.")
    changes: ChangesPart | None = Field(description="What the explained arm changes, patch by patch.")
    importance: tuple[ImportancePart, ...] = Field(description="Of bands, of arms for which it was evaluated.")
    runs: tuple[StudyPart, ...] = Field(description="That the report is of.")
    later: LaterPart = Field(description="What was evaluated after training.")
    generators: Generators = Field(description="As generated/<id>/record.json has them, without the store.")
    planned: PlannedPart | None = Field(description="Contrasts that the study planned; null where it planned none.")
    tuned: tuple[TunedPart, ...] | None = Field(description="Arms as tuned and as written; null where none was tuned.")
    places: PlacesPart | None = Field(description="Of the test patches; null where none are known.")
