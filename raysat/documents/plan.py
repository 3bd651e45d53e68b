"""What ``raysat plan --json`` prints: what a study would train, what that costs, what it can show."""

from __future__ import annotations

from pydantic import Field

from raysat.documents.base import Count, Document, Part, Real


class TrialPart(Part):
    """One seed of an arm."""

    seed: Count = Field(description="Of all that is random in it.")
    id: str = Field(description="Of the trial: a hash of its configuration, its seed and its data.")


class PlannedArmPart(Part):
    """An arm of a plan."""

    name: str = Field(description="As the study calls it.")
    settings: tuple[str, ...] = Field(description="Those that not all arms have: loss=ldam.")
    epochs: Count = Field(description="Of each trial.")
    images_per_trial: Count = Field(
        description="Passed through the model in training, augmented views and second passes included."
    )
    finished: Count = Field(description="Trials that the run has a record of.")
    trials: tuple[TrialPart, ...] = Field(description="One a seed.")


class VariedPart(Part):
    """A setting that arms differ in."""

    name: str = Field(description="Its key.")
    values: tuple[str, ...] = Field(description="In the order of the arms.")


class PlannedContrastPart(Part):
    """An arm minus another one, in one metric."""

    arm: str = Field(description="Which.")
    to: str | None = Field(description="Minus which; null: the reference, which is not known yet.")
    metric: str = Field(description="As it is called in files.")


class ExpectedSeedsPart(Part):
    """What a study takes that adds seeds until decided, with one effect."""

    effect: str = Field(description="no, small or large.")
    size: Real = Field(description="In standard deviations of paired differences.")
    seeds: Real = Field(description="On average.")
    decided: Real = Field(description="Share of the contrasts that are, 0 to 1.")


class GeneratorPart(Part):
    """A generate job."""

    class_name: str = Field(description="That it makes patches of.")
    bands: tuple[str, ...] = Field(description="Of the patches.")
    arms: tuple[str, ...] = Field(description="That need them.")
    real: Count = Field(description="Training patches of the class.")
    to_make: Count = Field(description="Patches.")
    steps: Count = Field(description="Of its training.")
    finished: bool = Field(description="Its patches are there.")


class StagePart(Part):
    """A path through the tree of epochs that trials have in common; of the first seed alone."""

    id: str = Field(description="Of the job: that of its last trial.")
    parent: str | None = Field(description="The job that it leaves; null of a root.")
    first_epoch: Count = Field(description="After how many epochs of its parent it begins; 0 without one.")
    ends: dict[str, Count] = Field(description="By arm: after how many epochs it is read out.")


class NoEffectPart(Part):
    """A setting that changes nothing."""

    arms: tuple[str, ...] = Field(description="In which.")
    what: str = Field(description="What, in a sentence.")


class EstimatedPart(Part):
    """How long this machine would take, measured by some steps."""

    seconds: Real = Field(description="Of all that is missing.")
    jobs: Count = Field(description="At a time.")
    cpus: Real = Field(description="Of each job.")
    gpus: Real = Field(description="Of each job.")


class TuningPart(Part):
    """What tunes the arms before they are trained."""

    trials: tuple[Count, ...] = Field(description="Of each arm by round, at most.")
    epochs: Count = Field(description="Of all of these, at most.")
    images: Count = Field(description="Of all of these, at most.")


class PlannedCostPart(Part):
    """What is left to train, and what that costs."""

    trials: Count = Field(description="Arms times seeds.")
    equal: Count = Field(description="Of these: those equal to another, which are trained once.")
    missing_trials: Count = Field(description="Without a record.")
    missing_epochs: Count = Field(description="Of these, each trained alone.")
    missing_generators: Count = Field(description="Without patches.")
    missing_steps: Count = Field(description="Of these.")
    images_alone: Count = Field(description="If each missing trial is trained alone.")
    images_shared: Count = Field(description="If epochs that trials have in common are trained once.")
    images_per_s: Real = Field(description="The rate that seconds rest on.")
    measured_on: Count = Field(description="Finished trials that the rate is the mean of; 0: it is assumed.")
    seconds: Real = Field(description="images_shared at that rate, one trial at a time.")
    estimate: EstimatedPart | None = Field(description="With --estimate.")
    tuning: TuningPart | None = Field(description="null where no arm is tuned; on top of all above.")
    gpu_share: str | None = Field(description="How many trials share a GPU, and why; null without one.")


class PlanPart(Part):
    """The plan of a study on one store."""

    study: str = Field(description="Its name.")
    data: str = Field(description="What the store was asked for by.")
    fingerprint: str = Field(description="Hash of the store's content.")
    patches: dict[str, Count] = Field(description="By split, of those that have any.")
    reported_split: str = Field(description="On which arms are compared.")
    seeds: tuple[Count, ...] = Field(description="That every arm runs.")
    arms: tuple[PlannedArmPart, ...] = Field(description="In the order of the study.")
    shared_settings: tuple[str, ...] = Field(description="That all of several arms have.")
    varied: tuple[VariedPart, ...] = Field(description="What arms differ in.")
    every_combination: bool = Field(description="There is an arm for every combination of these.")
    contrasts: tuple[PlannedContrastPart, ...] = Field(description="Planned ones; empty: all with the baseline.")
    seeds_needed: Count = Field(description="Seeds from which the strongest difference can be significant at 5 %.")
    sees: str | None = Field(description="Which differences it can see, in a sentence; null where that is not known.")
    looks: tuple[Count, ...] = Field(description="Seeds at each look; empty without --until-decided.")
    expected_seeds: tuple[ExpectedSeedsPart, ...] = Field(description="What it is likely to take; as looks.")
    no_effects: tuple[NoEffectPart, ...] = Field(description="Settings that change nothing.")
    weights: tuple[str, ...] = Field(
        description="Pretrained ones of satellites: their licence and bands, a sentence each."
    )
    generators: tuple[GeneratorPart, ...] = Field(description="Generate jobs.")
    stages: tuple[StagePart, ...] = Field(description="The tree of epochs, of the first seed.")
    cost: PlannedCostPart = Field(description="Of what is missing.")


class PlanDocument(Document):
    """What a study would train; nothing was trained."""

    plans: tuple[PlanPart, ...] = Field(description="One a store, or a fold, of the study.")
