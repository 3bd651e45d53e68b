"""What readouts of a plan do in vain, or leave as it is: by their settings, and by the class counts of a store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.config.families.readouts import AdjustedLogits, NoReadout, PriorCorrection, Readout, TauNorm, Temperature
from raysat.config.schema import Config
from raysat.config.trained_prior import trained_prior

_EQUAL: Final = 1e-6  # logs of shares that differ by less move no score that anybody sees


def readout_effects(config: Config, patches: npt.NDArray[Any], counts: npt.NDArray[Any]) -> Iterator[str]:
    """Yield a sentence on each thing that an arm's readout does not change.

    Args:
        config: of the arm.
        patches: its training patches of each class, generated ones included.
        counts: those that methods go by.
    """
    readout = config.readout
    match readout:
        case Temperature():
            yield "readout: temperature changes probabilities alone: balanced accuracy and ICV stay"
        case TauNorm(tau=0):
            yield "readout: tau_norm leaves out the classifier's biases alone: readout.tau is 0"
        case AdjustedLogits() | PriorCorrection():
            shares = readout.shares if isinstance(readout, PriorCorrection) else "balanced"
            wanted = np.ones(len(patches)) if isinstance(shares, str) else np.array(shares)
            moved = np.log(wanted / wanted.sum()) - np.log(trained_prior(config, patches, counts))
            if np.abs(moved).max() < _EQUAL:
                is_balanced = isinstance(shares, str)
                why = _alike(config, patches) if is_balanced else "readout.shares are those of training"
                yield f"readout: {readout.kind} changes nothing: {why}"


def plain_readout(readout: Readout) -> Readout:
    """Return the simplest readout of the same numbers: a prior of equal shares is logit adjustment with tau 1."""
    if isinstance(readout, PriorCorrection) and (isinstance(readout.shares, str) or len(set(readout.shares)) == 1):
        return AdjustedLogits()
    return NoReadout() if readout == AdjustedLogits(tau=0) else readout


def _alike(config: Config, patches: npt.NDArray[Any]) -> str:
    """Say why training presents all classes alike, which it does."""
    default = Config()
    made = [
        f"{section}: {kind}"
        for section in ("loss", "reweight", "sampler", "second_stage")
        if (kind := getattr(config, section).kind) != getattr(default, section).kind
    ]
    if patches.min() == patches.max():
        return f"every class has {patches[0]:,} training patches"
    return f"training balances classes already ({', '.join(made)})"
