"""Synthetic training patches, beside the real ones."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from raysat.config import limits
from raysat.config.families.base import Bands, Rate, Spec, Strength


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


Synthetic = Annotated[NoSynthetic | Dcgan, Field(discriminator="kind")]
