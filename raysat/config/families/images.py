"""What is done to training images: augmentation; those that mix patches are in ``mixing.py``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from raysat.config import limits
from raysat.config.families.base import Concentration, Strength
from raysat.config.families.mixing import BalancedMixUp, CutMix, Flips, MixUp, OneView, Remix
from raysat.config.plugins.settings import AugmentSettings, Family


class NoAugment(OneView):
    """Patches as they are.

    Use: the baseline of a comparison.
    Cost: none.
    """

    kind: Literal["none"] = "none"


class Dihedral(OneView):
    """A random flip and quarter turn of each patch.

    One of the eight symmetries of the square, or of the four that keep the shape of a patch that is not square.

    Use: nadir imagery, which has no up and no handedness; not where the sun's direction tells classes apart.
    Cost: little beside the model.
    """

    kind: Literal["dihedral"] = "dihedral"


class AugMix(OneView):
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


class TrivialAugment(OneView):
    """One random image operation a patch (TrivialAugment).

    Contrast, brightness, sharpness, levels, rotation, shear or translation, of random strength in the paper's wide
    ranges and on every band by itself. Of the paper's operations colour is left out, which needs red, green and blue.

    Use: augmentation without a parameter to tune; not where absolute brightness tells classes apart.
    Cost: 3 to 4 % of a step of ResNet-18 on a CPU core (65 x 65 pixels, 11 bands; median of 9).
    Paper: Müller & Hutter 2021, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation".
    """

    kind: Literal["trivial_augment"] = "trivial_augment"
    flips: Flips = False


class BandDropout(OneView):
    """Leaves out whole bands of each patch at random.

    A band that is left out is its mean over the training patches everywhere; at least one band stays.

    Use: a model that leans on few of many bands, or shall bear a missing one; not with few bands that all matter.
    Cost: within noise (2 %) of a step of ResNet-18 on a CPU core (65 x 65 pixels, 11 bands; median of 9).
    Paper: Yang et al. 2018, "DropBand: A Simple and Effective Method for Promoting the Scene Classification Accuracy
    of Convolutional Neural Networks for VHR Remote Sensing Imagery".
    """

    kind: Literal["band_dropout"] = "band_dropout"
    probability: Strength = Field(
        default=0.2,
        lt=1,
        description="Probability that a band is left out, each by itself. The paper leaves out every set of bands "
        "alike; 0.2 is raysat's.",
    )
    flips: Flips = False


class SpectralJitter(OneView):
    """Changes the level and contrast of bands, and adds noise.

    Each band of each patch gets a gain and an offset of its own, and each pixel a noise. All are in the band's
    standard deviation over the training patches, and the gain is about the band's mean, so that any unit will do.

    Use: light, haze or calibration differ between scenes more than in training.
    Cost: 2 to 4 % of a step of ResNet-18 on a CPU core (65 x 65 pixels, 11 bands; median of 9); none without noise.
    Paper: Chen et al. 2016, "Deep Feature Extraction and Classification of Hyperspectral Images Based on Convolutional
    Neural Networks".
    """

    kind: Literal["spectral_jitter"] = "spectral_jitter"
    gain: Strength = Field(
        default=0.1,
        lt=1,
        description="Gains are uniform in 1 - gain to 1 + gain. 0.1 as in the usual code after the paper, whose gains "
        "are the same for all bands.",
    )
    offset: Strength = Field(
        default=0.1,
        le=limits.JITTER,
        description="Offsets are uniform in -offset to offset standard deviations. The paper has none.",
    )
    noise: Strength = Field(
        default=0.04,
        le=limits.JITTER,
        description="Standard deviation of the normal noise of each pixel, in the band's. 0.04 as in the usual code "
        "after the paper.",
    )
    flips: Flips = False


Augment = Annotated[
    NoAugment
    | Dihedral
    | AugMix
    | MixUp
    | BalancedMixUp
    | Remix
    | CutMix
    | TrivialAugment
    | BandDropout
    | SpectralJitter
    | AugmentSettings,
    Family("augment"),
]
