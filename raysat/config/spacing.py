"""How far apart the checkpoints of a training are: by what they cost, by time or by epochs, as users write it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from raysat.config import limits
from raysat.errors import UsageError
from raysat.formatting import echo

AUTO: Final = "auto"
_FORM: Final = re.compile(r"([0-9]{1,9})(s|epochs?)")
_LONGEST_S: Final = 86_400  # a day


@dataclass(frozen=True, slots=True, kw_only=True)
class Spacing:
    """What lies between two checkpoints at least; where neither is said, their cost decides."""

    seconds: int | None = None
    epochs: int | None = None


def read_spacing(text: str, name: str) -> Spacing:
    """Read ``auto``, seconds as in ``30s``, or epochs as in ``1epoch``.

    Args:
        text: as written.
        name: of the option, for an error.

    Returns:
        What it means.

    Raises:
        UsageError: it means nothing, or is out of bounds.
    """
    if text == AUTO:
        return Spacing()
    if match := _FORM.fullmatch(text):
        count, is_time = int(match[1]), match[2] == "s"
        if 1 <= count <= (_LONGEST_S if is_time else limits.EPOCHS):
            return Spacing(seconds=count) if is_time else Spacing(epochs=count)
    raise UsageError(
        f"{name} must be {AUTO}, seconds from 1s to {_LONGEST_S}s, or epochs from 1epoch to {limits.EPOCHS}epochs, "
        f"got {echo(text)}",
        hint=f"give {AUTO}, or a whole number and its unit without a space, such as 30s or 1epoch",
    )
