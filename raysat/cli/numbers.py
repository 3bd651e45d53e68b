"""Numbers on the command line: within bounds, and one error with a hint where they are not."""

from __future__ import annotations

import math
from typing import Any

import click

from raysat.errors import UsageError
from raysat.formatting import one_line


class Whole(click.IntRange):
    """A whole number from a least to a greatest one."""

    name = "n"

    def __init__(self, low: int, high: int) -> None:
        super().__init__(low, high)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of an option.

        Args:
            value: as written.
            param: the option.
            ctx: of the command.

        Raises:
            UsageError: it is none, or out of bounds.
        """
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            raise _error(param, "a whole number", self, value) from None


class Decimal(click.FloatRange):
    """A number from a least to a greatest one."""

    name = "number"

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number of an option.

        Args:
            value: as written.
            param: the option.
            ctx: of the command.

        Raises:
            UsageError: it is none, or out of bounds.
        """
        try:
            number = float(super().convert(value, param, ctx))
        except click.BadParameter:
            number = math.nan
        if math.isnan(number):
            raise _error(param, "a number", self, value)
        return number


def _error(
    param: click.Parameter | None, what: str, bounds: click.IntRange | click.FloatRange, value: object
) -> UsageError:
    name = param.opts[0] if param else "the option"
    low, high = f"{bounds.min:,}", f"{bounds.max:,}"
    message = f"{name} must be {what} from {low} to {high}, got {one_line(str(value))}"
    return UsageError(message, hint=f"give {what} within these bounds")
