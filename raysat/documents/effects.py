"""The part of a report on factors: what each does, with which others, and what it is a share of."""

from __future__ import annotations

from pydantic import Field

from raysat.documents.base import Count, Part, Real
from raysat.documents.estimate import Estimates


class FactorPart(Part):
    """A setting that arms differ in."""

    name: str = Field(description="Its key, such as loss.")
    levels: tuple[str, ...] = Field(description="Its values; the first is what others are compared with.")


class EffectPart(Part):
    """What it changes to set some levels in place of others."""

    factors: tuple[str, ...] = Field(description="One of a main effect, two of an interaction.")
    levels: tuple[str, ...] = Field(description="What is tried, of each factor.")
    first: tuple[str, ...] = Field(description="What it is compared with, of each factor.")
    estimates: Estimates = Field(description="By metric.")


class SubsetPart(Part):
    """A part of a combination."""

    label: str = Field(description="Its levels.")
    mean: Estimates = Field(description="What it reaches, by metric.")
    whole_over_it: Estimates = Field(description="The whole minus this part, by metric; empty of the whole.")


class TogetherPart(Part):
    """A combination of levels and its parts."""

    label: str = Field(description="Its levels.")
    asked: bool = Field(description="It was named before; else it is that of the best arm.")
    over: Count = Field(description="Combinations of the other factors that are averaged.")
    synergy: Estimates = Field(description="What it reaches beyond the sum of its levels' own effects, by metric.")
    subsets: tuple[SubsetPart, ...] = Field(description="The whole first.")


class SharePart(Part):
    """A share of the variance of balanced accuracy."""

    source: str = Field(description="A factor, an interaction, seeds or noise.")
    degrees: Count = Field(description="Of freedom.")
    of_arms: Real = Field(description="Share of the variance between arms, 0 to 1; null for seeds and noise.")
    of_all: Real = Field(description="Share of the variance between all trials, 0 to 1.")


class EffectsPart(Part):
    """What factors do."""

    balanced: bool = Field(description="Every combination of levels is there, once.")
    arms: tuple[str, ...] = Field(description="Over which effects are averaged.")
    factors: tuple[FactorPart, ...] = Field(description="What arms differ in.")
    seeds: tuple[Count, ...] = Field(description="That all of these arms have finished.")
    main: tuple[EffectPart, ...] = Field(description="Of one factor each.")
    interactions: tuple[EffectPart, ...] = Field(description="Of two factors each.")
    together: tuple[TogetherPart, ...] = Field(description="Combinations and their parts.")
    shares_of_balanced_accuracy: tuple[SharePart, ...] = Field(description="Empty where the grid is not balanced.")
