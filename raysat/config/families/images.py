"""What is done to training images: augmentation, and synthetic patches beside the real ones."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from raysat.config import limits
from raysat.config.families.base import Bands, Concentration, Rate, Spec, Strength
from raysat.config.plugins.settings import AugmentSettings, Family

# --- augmentation


class _Augment(Spec):
    @property
    def forward_passes(self) -> int:
        """Images that pass through the model for each patch of a batch."""
        return 1


class NoAugment(_Augment):
    """Patches as they are.

    Use: the baseline of a comparison.
    Cost: none.
    """

    kind: Literal["none"] = "none"


class Dihedral(_Augment):
    """A random flip and quarter turn of each patch.

    One of the eight symmetries of the square, or of the four that keep the shape of a patch that is not square.

    Use: nadir imagery, which has no up and no handedness; not where the sun's direction tells classes apart.
    Cost: little beside the model.
    """

    kind: Literal["dihedral"] = "dihedral"


class AugMix(_Augment):
    """Mixes chains of random image operations (AugMix).

    A view of a patch mixes chains of contrast, shear, rotation and the like with the patch itself. With jsd the model
    trains on the patch and two views of it, with a loss that makes the three predictions agree; without, on one view in
    the patch's place.

    Use: the model shall be robust and its probabilities calibrated, and training is long; it slows learning at first.
    Cost: with jsd three images pass through the model for each patch, about three times the time and memory of a step.
    Paper: Hendrycks et al. 2020, "AugMix: A Simple Data Processing Method to Improve Robustness and Uncertainty".
    """

    kind: Literal["augmix"] = "augmix"
    width: int = Field(default=3, ge=1, le=10, description="Chains that are mixed in a view. 3 as in the paper.")
    depth: int = Field(
        default=3,
        ge=1,
        le=10,
        description="Most operations in a chain; how many is drawn from 1 on. 3 as in the paper.",
    )
    severity: int = Field(
        default=3, ge=1, le=10, description="Strength of the operations, in tenths of the strongest. 3 as in the paper."
    )
    alpha: Concentration = Field(
        default=1.0,
        description="Concentration of the Dirichlet and Beta distributions that weigh the chains: 1 draws all weights "
        "alike, larger values mix evenly. 1 as in the paper.",
    )
    jsd: bool = Field(
        default=True, description="Whether the predictions of a patch and two views are made to agree, as in the paper."
    )
    jsd_weight: Strength = Field(
        default=12.0,
        le=limits.WEIGHT,
        description="Weight of that agreement (a Jensen-Shannon divergence) beside the loss; jsd: true alone takes it. "
        "12 as in the paper.",
    )

    @property
    def forward_passes(self) -> int:
        """With ``jsd`` the patch and two mixes of it; else one mix alone."""
        return 3 if self.jsd else 1

    @model_validator(mode="after")
    def _weight_needs_jsd(self) -> AugMix:
        if not self.jsd and self.jsd_weight != AugMix.model_fields["jsd_weight"].default:
            raise ValueError("jsd_weight needs jsd: true")
        return self


class MixUp(_Augment):
    """Mixes each patch and its loss with another one (mixup).

    Use: a model that overfits; it makes probabilities less sure.
    Cost: little beside the model.
    Paper: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization".
    """

    kind: Literal["mixup"] = "mixup"
    alpha: Concentration = Field(
        default=0.2,
        description="Parameter of the Beta(alpha, alpha) that the weight of a batch is drawn from: near 0 patches stay "
        "as they are, 1 draws all weights alike. 0.2 as in the paper on ImageNet.",
    )


# --- synthetic training patches


class NoSynthetic(Spec):
    """Real patches alone.

    Use: the baseline of a comparison.
    Cost: none.
    """

    kind: Literal["none"] = "none"
    class_counts: ClassVar[Literal["all"]] = "all"  # the real ones are all there are


class Dcgan(Spec):
    """Adds patches made by a DC-GAN, one generator a class.

    A generator belongs to the store, not to the trial: its own seed decides it, so that all trials, arms and studies
    that ask for the same one share it. Where class_counts is real, a sampler draws real and generated patches of a
    class with the same probability.

    Use: a class has too few patches to learn from, but enough to train a generator (some hundreds).
    Cost: a training of each generator, and longer epochs: with equalise, of the largest class times the classes.
    Paper: Radford et al. 2016, "Unsupervised Representation Learning with Deep Convolutional GANs".
    """

    kind: Literal["dcgan"] = "dcgan"
    classes: Literal["minority"] | Annotated[tuple[int | str, ...], Field(min_length=1, strict=False)] = Field(
        default="minority",
        description="Classes to make patches of, by number or name; minority is every class but the largest, as in "
        "Rawal & Pradhan 2020.",
    )
    bands: Bands | None = Field(
        default=None,
        description="Bands to make, which must be those of the trial (data.bands); null takes them from there.",
    )
    equalise: bool = Field(
        default=True,
        description="Whether each class is filled up to the largest one; else patches says how many to make.",
    )
    patches: Annotated[int, Field(ge=1, le=limits.PATCHES)] | None = Field(
        default=None, description="Patches to make of each class; needed with equalise: false, and refused without."
    )
    class_counts: Literal["all", "real"] = Field(
        default="all",
        description="Which patches the loss's margins, class weights and samplers count: all, or the real ones alone. "
        "Where classes are equal, as equalise makes them, such methods have nothing to do unless they go by the real "
        "ones.",
    )
    steps: int = Field(
        default=2500,
        ge=1,
        le=limits.GAN_STEPS,
        description="Steps of a generator's training; its time is proportional to them.",
    )
    batch_size: int = Field(
        default=16, ge=4, le=limits.GAN_BATCH, description="Real patches in each of these steps, and as many made ones."
    )
    width: int = Field(
        default=32,
        ge=4,
        le=limits.GAN_WIDTH,
        description="Channels of both networks at the finest level. The usual code has 64, at three times the cost.",
    )
    latent: int = Field(
        default=100,
        ge=1,
        le=limits.GAN_LATENT,
        description="Random numbers that a patch is made from. 100 as in the paper.",
    )
    lr: Rate = Field(default=2e-4, description="Learning rate of Adam in both networks. 2e-4 as in the paper.")
    beta1: Strength = Field(
        default=0.5, lt=1, description="Momentum of Adam in both networks. 0.5 as in the paper, for stability."
    )
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**32,
        description="Random seed of a generator; it does not change with the seed of a trial.",
    )

    @model_validator(mode="after")
    def _one_amount(self) -> Dcgan:
        if self.equalise and self.patches is not None:
            raise ValueError("patches needs equalise: false")
        if not self.equalise and self.patches is None:
            raise ValueError("equalise: false needs patches, the number to make of each class")
        return self


Augment = Annotated[NoAugment | Dihedral | AugMix | MixUp | AugmentSettings, Family("augment")]
Synthetic = Annotated[NoSynthetic | Dcgan, Field(discriminator="kind")]
