"""Lines that begin with a word in a margin."""

from __future__ import annotations

import textwrap
from typing import Final

_MARGIN: Final = 11  # columns of the word


def fact_lines(word: str, text: str, width: int) -> list[str]:
    """Return a line that begins with a word in a margin, folded below itself.

    Args:
        word: what the text is on; empty below such a line.
        text: to fold.
        width: columns to fill.

    Returns:
        Lines.
    """
    return textwrap.wrap(
        text,
        width,
        initial_indent=f"{word:{_MARGIN}}",
        subsequent_indent=" " * _MARGIN,
        break_long_words=False,
        break_on_hyphens=False,
    )
