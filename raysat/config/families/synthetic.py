"""Synthetic training patches, beside the real ones."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

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


class GeneratorSettings(Spec):
    """What a study asks of any generator: of which classes patches are made, how many, and how they count."""

    kind: str
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
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**32,
        description="Random seed of a generator; it does not change with the seed of a trial.",
    )

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        if self.equalise and self.patches is not None:
            raise ValueError("patches needs equalise: false")
        if not self.equalise and self.patches is None:
            raise ValueError("equalise: false needs patches, the number to make of each class")
        return self


class Dcgan(GeneratorSettings):
    """Adds patches made by a DC-GAN, one generator a class.

    A generator belongs to the store, not to the trial: its own seed decides it, so that all trials, arms and studies
    that ask for the same one share it. Where class_counts is real, a sampler draws real and generated patches of a
    class with the same probability.

    Use: a class has too few patches to learn from, but enough to train a generator (some hundreds).
    Cost: a training of each generator, and longer epochs: with equalise, of the largest class times the classes.
    Paper: Radford et al. 2016, "Unsupervised Representation Learning with Deep Convolutional GANs".
    """

    kind: Literal["dcgan"] = "dcgan"
    steps: int = Field(
        default=2500,
        ge=1,
        le=limits.GENERATOR_STEPS,
        description="Steps of a generator's training; its time is proportional to them.",
    )
    batch_size: int = Field(
        default=16,
        ge=4,
        le=limits.GENERATOR_BATCH,
        description="Real patches in each of these steps, and as many made ones.",
    )
    width: int = Field(
        default=32,
        ge=4,
        le=limits.GENERATOR_WIDTH,
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


class Flow(GeneratorSettings):
    """Adds patches made by flow matching, one flow a class.

    A network carries draws of a Gaussian, which has the mean, the texture and the colours of the class, to patches
    of the class. It is asked for, trained and shared as a DC-GAN is.

    Use: in place of a DC-GAN; of 15 to 22 patches a class it made better ones in equal time.
    Cost: a training of each flow, a step as long as a DC-GAN's, of which it needs fewer; longer epochs as with those.
    Paper: Lipman et al. 2023, "Flow Matching for Generative Modeling"; path of Albergo & Vanden-Eijnden 2023.
    """

    kind: Literal["flow"] = "flow"
    steps: int = Field(
        default=600,
        ge=1,
        le=limits.GENERATOR_STEPS,
        description="Steps of a flow's training; its time is proportional to them. 600 were measured beside the "
        "DC-GAN, of 15 to 22 patches a class; more patches may want more.",
    )
    batch_size: int = Field(
        default=16, ge=4, le=limits.GENERATOR_BATCH, description="Real patches in each of these steps."
    )
    width: int = Field(
        default=24,
        ge=8,
        le=limits.GENERATOR_WIDTH,
        multiple_of=8,
        description="Channels of the network at half the patches' resolution, a multiple of 8.",
    )
    lr: Rate = Field(default=1e-3, description="Learning rate of Adam, after a rise over the first 50 steps.")


Synthetic = Annotated[NoSynthetic | Dcgan | Flow, Field(discriminator="kind")]
