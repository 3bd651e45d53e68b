"""How class scores are read from trained weights, without training: readouts, fitted on val or on the train split."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, field_validator

from raysat.config import limits
from raysat.config.families.base import Fraction, OpenFraction, Spec

_UNEVEN: Final = 1e-3  # that shares may add up to more or less than 1, as people round them


class SharesError(ValueError):
    """What is no list of shares."""


class _Readout(Spec):
    needs_linear: ClassVar[bool] = False  # whether it changes a linear classifier

    @property
    def is_chosen_on_val(self) -> bool:
        """Whether labels of val decide it."""
        return False


class NoReadout(_Readout):
    """The scores as the network gives them.

    Use: the baseline of a comparison.
    Cost: none.
    """

    kind: Literal["none"] = "none"


class Temperature(_Readout):
    """Divides scores so that probabilities are calibrated.

    By one number, that of the least log loss on val (temperature scaling). No prediction changes, so neither do
    balanced accuracy and ICV.

    Use: probabilities shall mean what they say.
    Cost: none: it shares the whole training of the arm without it.
    Paper: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """

    kind: Literal["temperature"] = "temperature"

    @property
    def is_chosen_on_val(self) -> bool:
        """Whether labels of val decide it."""
        return True


class AdjustedLogits(_Readout):
    """Takes the imbalance of training off the scores.

    Post-hoc logit adjustment: each class's score is lowered by tau times the log of its share of training. That share
    is as training presented it: class weights and samplers count, and what a loss has adjusted itself is not taken off
    twice.

    Use: the test split or the world is more balanced than training is; rare classes are missed.
    Cost: none: it shares the whole training of the arm without it.
    Paper: Menon et al. 2021, "Long-Tail Learning via Logit Adjustment".
    """

    kind: Literal["logit_adjustment"] = "logit_adjustment"
    tau: Annotated[float, Field(ge=0, le=limits.EXPONENT)] | None = Field(
        default=1.0,
        description="Strength: 1 aims at the best balanced accuracy (Menon et al. 2021, theorem 1), 0 takes off "
        "nothing; null takes the one of the best balanced accuracy on val among 0, 0.1 ... 2.",
    )

    @property
    def is_chosen_on_val(self) -> bool:
        """Whether labels of val decide it."""
        return self.tau is None


class TauNorm(_Readout):
    """Evens out how long each class's weights are.

    In the last layer a class's weights w become w / |w|^tau (tau-normalised classifier), and the bias is left out, as
    in the authors' code. All are multiplied by one number that keeps the geometric mean of their lengths, which changes
    no prediction.

    Use: large classes have longer weights, and win by that.
    Cost: none: it shares the whole training of the arm without it.
    Paper: Kang et al. 2020, "Decoupling Representation and Classifier for Long-Tailed Recognition".
    """

    kind: Literal["tau_norm"] = "tau_norm"
    needs_linear: ClassVar[bool] = True
    tau: Fraction | None = Field(
        default=None,
        description="Strength: 0 leaves the lengths, 1 makes them equal; null takes the one of the best balanced "
        "accuracy on val among 0, 0.05 ... 1; the code of Kang et al. 2020 looks at 0, 0.1 ... 2.",
    )

    @property
    def is_chosen_on_val(self) -> bool:
        """Whether labels of val decide it."""
        return self.tau is None


class NearestMean(_Readout):
    """Predicts the class whose mean feature is nearest.

    Means are those of training patches. Euclidean distances to them become a linear classifier; their scale, which
    changes no prediction, is that of Gaussians with the spread that training features have between the means.

    Use: features are learned well from all patches, and their classifier favours the large classes.
    Cost: one pass over the training patches, without gradients; it shares the whole training of the arm without it.
    Paper: Kang et al. 2020, "Decoupling Representation and Classifier for Long-Tailed Recognition".
    """

    kind: Literal["nearest_mean"] = "nearest_mean"
    needs_linear: ClassVar[bool] = True


class PriorCorrection(_Readout):
    """Corrects probabilities to stated class shares.

    Those of where the model will be used. Each probability is multiplied by the class's share there over its share in
    training, as training presented it, and all are made to add up to one.

    Use: it is known how common classes are in the area to be mapped.
    Cost: none: it shares the whole training of the arm without it.
    Paper: Saerens et al. 2002, "Adjusting the Outputs of a Classifier to New a Priori Probabilities: A Simple
        Procedure".
    """

    kind: Literal["prior"] = "prior"
    shares: Literal["balanced"] | Annotated[tuple[OpenFraction, ...], Field(min_length=2, strict=False)] = Field(
        default="balanced",
        description="How common each class is there: balanced, or a list of shares in the order of the store's "
        "classes, which add up to 1.",
    )

    @field_validator("shares", mode="before")
    @classmethod
    def _are_shares(cls, shares: Any) -> Any:
        if isinstance(shares, dict) or (isinstance(shares, str) and shares != "balanced"):
            raise SharesError("must be balanced, or a list of a share for each class, in the store's order")
        if isinstance(shares, list | tuple) and any(type(each) in (int, float) and each > 1 for each in shares):
            raise SharesError("must be at most 1 each: these are no percentages")
        return shares

    @field_validator("shares")
    @classmethod
    def _add_up(cls, shares: str | tuple[float, ...]) -> str | tuple[float, ...]:
        if not isinstance(shares, str) and not math.isclose(total := math.fsum(shares), 1, abs_tol=_UNEVEN):
            raise ValueError(f"shares add up to {total:g}, not to 1")
        return shares


class DihedralAverage(_Readout):
    """Averages probabilities over flips and quarter turns.

    Test-time augmentation over the eight symmetries of the square, or over the four that keep the shape of a patch that
    is not square.

    Use: nadir imagery, which has no up and no handedness; not where the sun's direction tells classes apart.
    Cost: a prediction takes eight times as long, four times where patches are not square; training nothing.
    Paper: Dieleman et al. 2015, "Rotation-Invariant Convolutional Neural Networks for Galaxy Morphology Prediction".
    """

    kind: Literal["dihedral"] = "dihedral"


class Thresholds(_Readout):
    """Weighs classes for the best balanced accuracy on val.

    Each class's probability is multiplied by a number (threshold moving). Class by class, each number is the best one
    beside those of the others, until none gets better. With two classes there is no better pair; with more there may
    be.

    Use: what counts are predictions, by balanced accuracy, and val has many patches of every class.
    Cost: none: it shares the whole training of the arm without it.
    Paper: Collell et al. 2018, "A Simple Plug-in Bagging Ensemble Based on Threshold-Moving for Classifying Binary and
    Multiclass Imbalanced Data".
    """

    kind: Literal["thresholds"] = "thresholds"

    @property
    def is_chosen_on_val(self) -> bool:
        """Whether labels of val decide it."""
        return True


Readout = Annotated[
    NoReadout | Temperature | AdjustedLogits | TauNorm | NearestMean | PriorCorrection | DihedralAverage | Thresholds,
    Field(discriminator="kind"),
]
