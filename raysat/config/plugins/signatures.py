"""What the function of a plugin's method must take: asked when the plugin is loaded, not when it is first called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

# By section, as a function would be written; what follows the star is given by name. The protocols say what each is.
_TAKES: Final[Mapping[str, str]] = {
    "loss": "settings, logits_BK, labels_B, counts_K",
    "posterior": "settings, logits_BK",  # of a loss, beside its function
    "sampler": "settings, labels_N, counts_K, rng, *, epoch, epochs",
    "augment": "settings, patches_BCHW, random_BR",
    "schedule": "settings, step, steps, *, steps_per_epoch, lr",
    "average": "settings, epoch, epochs",
    "model": "settings, *, bands, classes, size",
}


def unfit(section: str, function: Callable[..., Any]) -> str | None:
    """Say what a function must take that cannot be called as raysat calls it.

    Args:
        section: of the method; or ``posterior``, for a loss's.
        function: of the plugin.

    Returns:
        What is wrong; None where nothing is, or where Python knows no signature.
    """
    positional, _, named = _TAKES[section].partition(", *, ")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*positional.split(", "), **dict.fromkeys(named.split(", ") if named else ()))
    except TypeError as error:
        return f"{getattr(function, '__name__', 'its function')} must take ({_TAKES[section]}): {error}"
    return None
