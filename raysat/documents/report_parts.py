"""Parts of a report beside its arms: cost, findings of a paper, changes, contrasts, tuning, places."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, JsonValue

from raysat.documents.base import Count, Part, Real
from raysat.documents.estimate import EstimatePart, Estimates

Verdict = Literal["held", "not held", "cannot be told"]


class ArmCostPart(Part):
    """What an arm cost."""

    images: Count = Field(
        description="Passed through the model in training, augmented views and second passes included."
    )
    seconds: Real = Field(description="Of training, over its trials.")
    parameters: Count = Field(description="Of its model.")
    epochs: Count = Field(description="Of its trials together.")


class PlannedImagesPart(Part):
    """Images to train on."""

    alone: Count = Field(description="If every trial is trained alone.")
    shared: Count = Field(description="If epochs that trials have in common are trained once.")


class CostPart(Part):
    """What all arms cost."""

    images: Count = Field(description="Passed through models in training.")
    seconds: Real = Field(description="Of training.")
    planned: PlannedImagesPart | None = Field(description="null in older runs.")
    hardware: tuple[str, ...] = Field(description="That trained.")
    versions: tuple[str, ...] = Field(description="Package and version, two of a package where two trained.")


class ComparedPart(Part):
    """A comparison that a paper's finding rests on."""

    of: str = Field(description="An arm.")
    minus: str = Field(description="Another.")
    measure: str = Field(description="In what.")
    expected: Literal["higher", "lower", "similar"] = Field(description="As in the paper.")
    published: Real = Field(description="The paper's difference.")
    ours: EstimatePart | None = Field(description="null where an arm has not finished.")
    verdict: Verdict = Field(description="Of this comparison.")


class FindingPart(Part):
    """What a paper concludes, and whether it holds here."""

    key: str = Field(description="Its name.")
    text: str = Field(description="As the paper has it.")
    verdict: Verdict = Field(description="Of all its comparisons.")
    comparisons: tuple[ComparedPart, ...] = Field(description="That it rests on.")


class PublishedResultPart(Part):
    """A published result on the same data."""

    label: str = Field(description="Of what.")
    bands: str = Field(description="That it used.")
    split: str = Field(description="That it used.")
    accuracy: Real = Field(description="Share, 0 to 1; null where not printed.")
    balanced_accuracy: Real = Field(description="Share, 0 to 1; null where not printed.")
    macro_f1: Real = Field(description="Share, 0 to 1; null where not printed.")
    source: str = Field(description="Where it is printed.")


class BenchmarkPart(Part):
    """A known data set, and its published results."""

    name: str = Field(description="As --compare-published knows it.")
    title: str = Field(description="In full.")
    page: str = Field(description="Its address.")
    sensor: str = Field(description="Its name.")
    classes: tuple[str, ...] = Field(description="Of it.")
    patches: Count = Field(description="Of it.")
    splits: tuple[Count, Count, Count] = Field(description="Patches in train, val and test of its common split.")
    split_source: str = Field(description="Who made that split.")
    published: tuple[PublishedResultPart, ...] = Field(description="Results.")
    patches_here: tuple[Count, Count, Count] | None = Field(description="Of this run: train, val and test.")
    same_classes: bool = Field(description="As in this run.")
    same_split_sizes: bool = Field(description="As in this run.")


class ClassChangePart(Part):
    """What an arm changes in one class."""

    patches: Count = Field(description="Of the class.")
    right: Count = Field(description="Newly right.")
    wrong: Count = Field(description="Newly wrong.")
    p: Real = Field(description="McNemar's exact test, two-sided.")
    p_holm: Real = Field(description="The same after Holm over the classes.")


class ClassPairPart(Part):
    """Patches of one class that were, or are, taken for another."""

    model_config = ConfigDict(populate_by_name=True)

    class_: str = Field(alias="class", description="That they are of.")
    taken_for: str = Field(description="That they are not of.")
    n: Count = Field(description="Patches.")


class ChangesPart(Part):
    """What an arm newly gets right and wrong against the baseline."""

    arm: str = Field(description="Which.")
    baseline: str = Field(description="Against which.")
    seeds: tuple[Count, ...] = Field(description="That both have finished.")
    by_class: dict[str, ClassChangePart] = Field(description="By class.")
    newly_right: tuple[ClassPairPart, ...] = Field(description="Most patches first.")
    newly_wrong: tuple[ClassPairPart, ...] = Field(description="Most patches first.")


class BandLossPart(Part):
    """What is lost without some bands."""

    name: str = Field(description="A band, or a group of them.")
    bands: tuple[str, ...] = Field(description="That are permuted.")
    balanced_accuracy: EstimatePart = Field(description="Loss of it.")
    rare_recall: EstimatePart = Field(description="Loss of the recall of the rarest class.")


class ImportancePart(Part):
    """Which bands an arm rests on."""

    arm: str = Field(description="Which.")
    seeds: tuple[Count, ...] = Field(description="Whose models were explained.")
    repeats: Count = Field(description="Permutations.")
    losses: tuple[BandLossPart, ...] = Field(description="Each band, then groups.")


class StudyPart(Part):
    """A run that the report is of."""

    study: str = Field(description="Its name.")
    command: str | None = Field(description="That trained it.")
    text: str = Field(description="Its study file, word for word.")


class ContrastPart(Part):
    """A contrast that was planned before anything was trained."""

    arm: str = Field(description="Which.")
    to: str = Field(description="Minus which.")
    metric: str = Field(description="In what.")
    difference: EstimatePart | None = Field(description="null where the arms have no seed in common.")


class LookPart(Part):
    """What looks at a growing study have decided of one contrast."""

    arm: str = Field(description="Which.")
    to: str = Field(description="Minus which.")
    metric: str = Field(description="In what.")
    value: Real = Field(description="The difference at the last look.")
    low: Real = Field(description="Of the interval that holds over all looks.")
    high: Real = Field(description="Of the interval that holds over all looks.")
    pairs: Count = Field(description="Of seeds.")
    p: Real = Field(description="That holds over all looks so far.")
    p_holm: Real = Field(description="The same after Holm over the contrasts.")
    decided_at: Count | None = Field(description="Seeds at the look that decided; null while it is open.")


class LooksPart(Part):
    """Looks at a study that adds seeds until its contrasts are decided."""

    seeds: tuple[Count, ...] = Field(description="At each look so far.")
    planned_seeds: tuple[Count, ...] = Field(description="At each look that was laid down.")
    contrasts: tuple[LookPart, ...] = Field(description="In the order of the study.")


class PlannedPart(Part):
    """The contrasts that a study planned."""

    contrasts: tuple[ContrastPart, ...] = Field(description="In the order of the study.")
    looks: LooksPart | None = Field(description="null where seeds were not added.")


class TunedPart(Part):
    """An arm as tuned, and as written."""

    arm: str = Field(description="Which.")
    rank: Count | None = Field(description="As tuned.")
    rank_as_written: Count | None = Field(description="As written.")
    trials: Count = Field(description="That tuned it.")
    failed: Count = Field(description="Of them.")
    stopped: Count = Field(description="Of them, before the last round.")
    chosen: Count = Field(description="Number of the best; 0 is as written.")
    settings: tuple[str, ...] = Field(description="That it sets.")
    val: Real = Field(description="Balanced accuracy on val of the chosen one, with the seed that tuned.")
    val_as_written: Real = Field(description="The same as written.")
    mean: Estimates = Field(description="As tuned, by metric.")
    mean_as_written: Estimates = Field(description="As written, by metric.")
    change: Estimates = Field(description="As tuned minus as written.")


class GroupsPart(Part):
    """Groups of test patches that are alike."""

    n: Count = Field(description="How many.")
    by: Literal["column", "scene", "block"] = Field(description="What makes them.")
    metres: Real = Field(description="Side of a block; null of others.")


class NearPart(Part):
    """How many test patches lie near a training patch."""

    metres: Real = Field(description="Nearer than this.")
    within: Count = Field(description="Test patches that are.")
    of: Count = Field(description="Test patches.")


class CorrelogramPart(Part):
    """Correlation of errors by distance."""

    arm: str = Field(description="Whose errors.")
    patches: Count = Field(description="Whose pairs were taken.")
    metres: tuple[Real, ...] = Field(description="Mean distance of the pairs of each class of distances.")
    pairs: tuple[Count, ...] = Field(description="Of each.")
    correlation: tuple[Real, ...] = Field(description="Of each, -1 to 1.")
    low: tuple[Real, ...] = Field(description="Of the middle 95 % of permutations.")
    high: tuple[Real, ...] = Field(description="Of the middle 95 % of permutations.")


class PlacesPart(Part):
    """Where the test patches lie."""

    resampled: Literal["groups", "patches"] = Field(description="What the bootstrap draws.")
    groups: GroupsPart | None = Field(description="null where none are known.")
    classes_in_one_group: tuple[str, ...] = Field(description="Whose intervals say little.")
    near: NearPart | None = Field(description="null where places are not known.")
    correlation_of_errors: CorrelogramPart | None = Field(description="null where places are not known.")


Generators = tuple[dict[str, JsonValue], ...]
