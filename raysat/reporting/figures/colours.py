"""The colours of figures and pages, apart from what draws them: pages that draw nothing here need no matplotlib."""

from __future__ import annotations

from typing import Final

# Colours on white and on a dark page. Each hex is used once, so that in a page it stands for a CSS variable.
COLOURS: Final[dict[str, tuple[str, str]]] = {
    "ink": ("#1c2229", "#e4e8ec"),
    "muted": ("#59636e", "#9aa5b1"),
    "grid": ("#e1e5e9", "#323a44"),
    "surface": ("#fefefe", "#14181d"),
    "accent": ("#0b62a8", "#6cb2f0"),
    "warn": ("#c2410c", "#f4935a"),
    # lines and points; apart for the colour-blind too (after Okabe & Ito 2008, darker where they were faint on white)
    "series1": ("#0072b2", "#56b4e9"),
    "series2": ("#d55e00", "#f0823c"),
    "series3": ("#009171", "#2fc79f"),
    "series4": ("#b8578f", "#df8fbe"),
    "series5": ("#b07d00", "#e3b33c"),
    "series6": ("#5a4fcf", "#9d95ff"),
}
