"""The part of a report on what was evaluated after training: under corruptions, calibrated, on other data."""

from __future__ import annotations

from pydantic import Field

from raysat.documents.base import Count, Part, Real
from raysat.documents.estimate import EstimatePart, Estimates


class UnderPart(Part):
    """An arm under one corruption."""

    seeds: tuple[Count, ...] = Field(description="Whose models were evaluated.")
    by_severity: dict[str, Estimates] = Field(description="By severity, 0 being the patches as they are; then metric.")
    mean: Estimates = Field(description="Over severities but 0, by metric.")
    minus_clean: Estimates = Field(description="That minus the patches as they are.")
    gain: Estimates = Field(description="Over the baseline under this corruption; empty of itself.")
    gain_clean: Estimates = Field(description="Over the baseline on the patches as they are.")
    gain_change: Estimates = Field(description="gain minus gain_clean.")


class RobustnessPart(Part):
    """Arms under corruptions of the test patches."""

    patches: Count = Field(description="Evaluated on.")
    draws: Count = Field(description="Resamples of the bootstrap.")
    baseline: str = Field(description="The arm that gains are over.")
    severities: dict[str, tuple[Count, ...]] = Field(description="By corruption.")
    all: dict[str, Estimates] = Field(description="By arm and metric: minus clean, over all corruptions.")
    mce: dict[str, EstimatePart] = Field(description="By arm: mean corruption error; 1 is the baseline's.")
    relative_mce: dict[str, EstimatePart] = Field(description="By arm: the same of what is lost; 1 is the baseline's.")
    corruptions: dict[str, dict[str, UnderPart]] = Field(description="By corruption and arm.")


class BeforeAfterPart(Part):
    """A measure before and after temperature scaling."""

    before: EstimatePart = Field(description="As trained.")
    after: EstimatePart = Field(description="Scaled.")


class CalibratedPart(Part):
    """An arm after temperature scaling."""

    seeds: tuple[Count, ...] = Field(description="Whose models were calibrated.")
    temperatures: tuple[Real, ...] = Field(description="By seed.")
    ece: BeforeAfterPart = Field(description="Expected calibration error, 0 to 1.")
    nll: BeforeAfterPart = Field(description="Negative log-likelihood, in nats.")
    aurc: EstimatePart = Field(description="Area under the curve of risk against coverage, after.")
    coverage: dict[str, EstimatePart | None] = Field(description="Of conformal sets by class; null without patches.")
    classes_in_a_set: EstimatePart = Field(description="Mean size of a conformal set.")


class CalibrationPart(Part):
    """Arms after temperature scaling."""

    fitted_to: Count = Field(description="Patches.")
    patches: Count = Field(description="Evaluated on.")
    halves_of_val: bool = Field(description="Both are halves of val.")
    arms: dict[str, CalibratedPart] = Field(description="By arm.")


class ElsewhereArmPart(Part):
    """An arm on other data, by metric."""

    mean: Estimates = Field(description="There.")
    minus_here: Estimates = Field(description="There minus on the study's own data.")
    gain: Estimates = Field(description="Over the baseline there.")


class ElsewherePart(Part):
    """Arms on another store."""

    store: str = Field(description="Which.")
    split: str = Field(description="Of it.")
    patches: Count = Field(description="Of that split.")
    baseline: str = Field(description="The arm that gains are over.")
    arms: dict[str, ElsewhereArmPart] = Field(description="By arm.")


class LaterPart(Part):
    """What ``raysat evaluate`` added."""

    robustness: RobustnessPart | None = Field(description="null where it was not evaluated.")
    calibration: CalibrationPart | None = Field(description="null where it was not evaluated.")
    elsewhere: tuple[ElsewherePart, ...] = Field(description="A store each.")
