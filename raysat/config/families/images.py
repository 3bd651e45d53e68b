"""What is done to training images: augmentation, and synthetic patches beside the real ones."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from raysat.config import limits
from raysat.config.families.base import Bands, Positive, Spec

# --- augmentation


class _Augment(Spec):
    @property
    def forward_passes(self) -> int:
        """Images that pass through the model for each patch of a batch."""
        return 1


class NoAugment(_Augment):
    """Patches as they are."""

    kind: Literal["none"] = "none"


class Dihedral(_Augment):
    """A random symmetry of the square for each patch: nadir imagery has no up and no handedness."""

    kind: Literal["dihedral"] = "dihedral"


class AugMix(_Augment):
    """AugMix (Hendrycks et al. 2020); chains are 1 to ``depth`` long.

    With ``jsd`` it trains on the patch and two views of it with the Jensen-Shannon consistency loss; without, on one
    view in the patch's place.
    """

    kind: Literal["augmix"] = "augmix"
    width: Annotated[int, Field(ge=1, le=10)] = 3
    depth: Annotated[int, Field(ge=1, le=10)] = 3
    severity: Annotated[int, Field(ge=1, le=10)] = 3
    alpha: Positive = 1.0
    jsd: bool = True
    jsd_weight: Annotated[float, Field(ge=0)] = 12.0

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
    """Mixup (Zhang et al. 2018): two patches and their losses combined, by a weight drawn from Beta(alpha, alpha)."""

    kind: Literal["mixup"] = "mixup"
    alpha: Positive = 0.2


# --- synthetic training patches


class NoSynthetic(Spec):
    """Real patches alone."""

    kind: Literal["none"] = "none"
    class_counts: ClassVar[Literal["all"]] = "all"  # the real ones are all there are


class Dcgan(Spec):
    """Patches of a DC-GAN (Radford et al. 2016) added to the train split: one generator a class.

    A generator belongs to the store, not to the trial: its own ``seed`` decides it, so that all trials share it.

    ``class_counts``: which training patches are counted for the margins of the loss, class weights and samplers:
    ``all``, generated ones included, or the ``real`` ones alone. Equal classes, as ``equalise`` makes them, leave such
    methods nothing to do, unless they go by the real ones. A sampler then draws real and generated patches of a class
    with the same probability, proportional to its weight by real patches.
    """

    kind: Literal["dcgan"] = "dcgan"
    classes: Literal["minority"] | Annotated[tuple[int | str, ...], Field(min_length=1, strict=False)] = "minority"
    bands: Bands | None = None  # those of the trial
    equalise: bool = True  # up to the largest class; else ``patches`` of each class
    patches: Annotated[int, Field(ge=1, le=limits.PATCHES)] | None = None
    class_counts: Literal["all", "real"] = "all"
    steps: Annotated[int, Field(ge=1, le=limits.GAN_STEPS)] = 2500
    batch_size: Annotated[int, Field(ge=4, le=limits.GAN_BATCH)] = 16
    # Channels at the finest level; 64 is the usual code's, at 3 times the cost.
    width: Annotated[int, Field(ge=4, le=limits.GAN_WIDTH)] = 32
    latent: Annotated[int, Field(ge=1, le=limits.GAN_LATENT)] = 100
    lr: Positive = 2e-4
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.5
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @model_validator(mode="after")
    def _one_amount(self) -> Dcgan:
        if self.equalise and self.patches is not None:
            raise ValueError("patches needs equalise: false")
        if not self.equalise and self.patches is None:
            raise ValueError("equalise: false needs patches, the number to make of each class")
        return self


Augment = Annotated[NoAugment | Dihedral | AugMix | MixUp, Field(discriminator="kind")]
Synthetic = Annotated[NoSynthetic | Dcgan, Field(discriminator="kind")]
