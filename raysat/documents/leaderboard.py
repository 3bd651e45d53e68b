"""``leaderboard.json``: the arms of a run, best first, with every seed's value of every metric."""

from __future__ import annotations

from pydantic import Field, JsonValue

from raysat.documents.base import Count, Document, Part, Real
from raysat.documents.estimate import SeedsPart


class DataPart(Part):
    """The store that was measured on."""

    name: str = Field(description="What it was asked for by.")
    fingerprint: str | None = Field(description="Hash of its content; null in runs of older raysat.")


class ReferencePart(Part):
    """The publication beside whose rows the arms stand."""

    name: str = Field(description="The shipped table.")
    source: str = Field(description="How to cite it.")
    data: str = Field(description="What its rows were measured on.")
    classes: tuple[str, ...] = Field(description="In the order of its per-class numbers.")
    note: str = Field(description="Where the rows differ from print.")


class FailedPart(Part):
    """A trial without a result."""

    seed: Count = Field(description="Of the trial.")
    error: str = Field(description="Why it failed, in a line.")


class PublishedPart(Part):
    """What a publication says of an arm."""

    label: str = Field(description="What it calls the arm.")
    methods: dict[str, JsonValue] = Field(description="How the arm was trained there; null where that is not printed.")
    accuracy: Real = Field(description="Share, 0 to 1.")
    balanced_accuracy: Real = Field(description="Share, 0 to 1.")
    icv: Real = Field(description="Sum over classes of (accuracy - recall) squared.")
    icv_root: Real = Field(description="Its square root.")
    macro_f1: Real = Field(description="Share, 0 to 1.")
    recall: tuple[Real, ...] = Field(description="By class, in the reference's order; empty where not printed.")
    precision: tuple[Real, ...] = Field(description="By class, in the reference's order; empty where not printed.")


class MinusPart(Part):
    """Ours minus a published value."""

    value: Real = Field(description="The difference.")
    low: Real = Field(description="Lower end of the 95 % interval of ours.")
    high: Real = Field(description="Upper end of the 95 % interval of ours.")
    n: Count = Field(description="Seeds of ours.")


def _metric(what: str) -> SeedsPart | None:
    field: SeedsPart | None = Field(None, description=f"{what}; null where no predictions give it.")
    return field


class ArmPart(Part):
    """An arm of the leaderboard."""

    name: str = Field(description="As the study calls it.")
    rank: Count | None = Field(description="1 is the best; null where no seed has finished.")
    short_of_seeds: bool = Field(description="It lacks a seed that others have, and ranks below these.")
    n: Count = Field(description="Finished seeds.")
    n_planned: Count = Field(description="Seeds that the study asks for.")
    seeds: tuple[Count, ...] = Field(description="The finished ones, in the order of all values below.")
    balanced_accuracy: SeedsPart = Field(description="Mean of the recalls of all classes, 0 to 1.")
    icv: SeedsPart = Field(description="Intra-class variance: sum over classes of (accuracy - recall) squared.")
    icv_root: SeedsPart = Field(description="Its square root.")
    macro_f1: SeedsPart = Field(description="Mean of F1 over classes, 0 to 1.")
    accuracy: SeedsPart = Field(description="Share of patches that are right, 0 to 1; nothing is ranked by it.")
    worst_recall: SeedsPart | None = _metric("Recall of the worst class, 0 to 1")
    g_mean: SeedsPart | None = _metric("Geometric mean of the recalls, 0 to 1")
    kappa: SeedsPart | None = _metric("Weighted kappa, -1 to 1; of ordinal classes")
    mae: SeedsPart | None = _metric("Mean absolute error, in classes; of ordinal classes")
    macro_mae: SeedsPart | None = _metric("Mean over classes of their mean absolute error; of ordinal classes")
    within_one: SeedsPart | None = _metric("Share at most one class off, 0 to 1; of ordinal classes")
    ece: SeedsPart | None = _metric("Expected calibration error, 0 to 1")
    nll: SeedsPart | None = _metric("Negative log-likelihood, in nats")
    macro_auroc: SeedsPart | None = _metric("Mean over classes of the area under the ROC curve, 0 to 1")
    macro_average_precision: SeedsPart | None = _metric("Mean over classes of average precision, 0 to 1")
    recall: dict[str, SeedsPart] = Field(description="By class.")
    precision: dict[str, SeedsPart] = Field(description="By class.")
    failed: tuple[FailedPart, ...] = Field(description="Trials that failed, or whose record cannot be used.")
    missing: tuple[Count, ...] = Field(description="Seeds that neither finished nor failed.")
    published: PublishedPart | None = Field(description="What the reference says of it.")
    minus_published: dict[str, MinusPart] = Field(description="Ours minus that, by metric.")


class LeaderboardDocument(Document):
    """The leaderboard of a run, finished or not: what ``raysat ablate`` leaves in its folder."""

    study: str = Field(description="Its name.")
    raysat: str = Field(description="The version that wrote this.")
    data: DataPart = Field(description="What was measured on.")
    reported: str = Field(description="The split that results are of.")
    classes: tuple[str, ...] = Field(description="In the order of labels.")
    n_test: Count | None = Field(description="Patches in that split; null where no trial has finished.")
    n_per_class: dict[str, Count] | None = Field(description="The same by class.")
    reference: ReferencePart | None = Field(description="The publication that the study names.")
    arms: tuple[ArmPart, ...] = Field(description="Best first.")
