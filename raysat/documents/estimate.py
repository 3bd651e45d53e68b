"""A number with its 95 % interval, as every document has it."""

from __future__ import annotations

from pydantic import Field

from raysat.documents.base import Count, Part, Real


class EstimatePart(Part):
    """A mean over seeds, or a difference of two, with the interval and the tests that a page shows beside it."""

    value: Real = Field(description="The estimate, in the unit of its metric.")
    low: Real = Field(description="Lower end of the 95 % interval; null with fewer than two seeds.")
    high: Real = Field(description="Upper end of the 95 % interval; null with fewer than two seeds.")
    n: Count = Field(description="Seeds that it is the mean of; of a difference, pairs of seeds.")
    p: Real = Field(description="Two-sided p of no difference; null where nothing is tested.")
    p_holm: Real = Field(description="The same after Holm over its comparisons; null where it is not one of several.")


Estimates = dict[str, EstimatePart]  # by metric: icv; of a class recall_<class>


class SeedsPart(Part):
    """One metric of an arm over its finished seeds."""

    mean: Real = Field(description="Mean over seeds; null without a value.")
    sd: Real = Field(description="Sample standard deviation (n - 1); null for fewer than two values.")
    values: tuple[Real, ...] = Field(description="A value per finished seed, in the order of the arm's seeds.")
