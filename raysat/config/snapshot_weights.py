"""What the weights after each epoch count in a plugin's average. No torch: the planner asks here too."""

from __future__ import annotations

import math
from numbers import Real

from raysat.config.plugins.settings import AverageSettings
from raysat.config.plugins.use import call, wrong_result


def snapshot_weights(average: AverageSettings, epochs: int) -> dict[int, float]:
    """Return what each epoch (1-based) counts that counts at all, in their order.

    Raises:
        PluginError: what an epoch counts is no number from 0 on, or none counts.
    """
    found: dict[int, float] = {}
    for epoch in range(1, epochs + 1):
        weight = call(average, epoch, epochs)
        if not isinstance(weight, Real) or not (math.isfinite(float(weight)) and float(weight) >= 0):
            raise wrong_result(average, f"gives {weight!r} for epoch {epoch}: a weight is a number from 0 on")
        found |= {epoch: float(weight)} if weight else {}
    if not found:
        raise wrong_result(average, f"gives no epoch of {epochs} a weight above 0")
    return found
