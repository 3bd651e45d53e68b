r"""What a single value of a file may be: ids, lines of text, counts, shares, times; each bounded, none NaN or infinite.

Text from files reaches terminals and pages: what a terminal would obey is written out (``\x1b``) when it is read, and
already when it is written.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from raysat.files.names import SAFE_NAME
from raysat.formatting import visible, visible_text

MAX_CLASSES: Final = 256  # a label is one byte
_LONGEST_LINE: Final = 150_000  # characters: a name is part of a study file, which has no more
_LONGEST_TEXT: Final = 1_000_000  # characters of a traceback or a note; what is beyond is cut off


def _as_line(value: object) -> object:
    return visible(value) if isinstance(value, str) else value


def _as_text(value: object) -> object:
    return visible_text(value[:_LONGEST_TEXT]) if isinstance(value, str) else value


Id = Annotated[str, Field(pattern=f"^{SAFE_NAME.pattern}$")]  # names a file or folder
Line = Annotated[str, BeforeValidator(_as_line), Field(max_length=_LONGEST_LINE)]
Text = Annotated[str, BeforeValidator(_as_text)]  # of several lines
Count = Annotated[int, Field(ge=0, le=10**15)]  # sums of a million of these fit 64 bits
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Whole = Annotated[int, Field(ge=-(10**308), le=10**308)]  # what a float holds too
Number = Annotated[float, Field(allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]  # seconds, losses, distances
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Time = Annotated[float, Field(ge=0, le=253_402_300_799, allow_inf_nan=False)]  # seconds since 1970, to 9999, UTC
