"""How class scores are read from trained weights, without training: readouts, fitted on val or on the train split."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from raysat.config.families.base import Spec


class NoReadout(Spec):
    """The scores as the network gives them.

    Use: the baseline of a comparison.
    Cost: none.
    """

    kind: Literal["none"] = "none"


class Temperature(Spec):
    """Divides scores so that probabilities are calibrated.

    By one number, that of the least log loss on val (temperature scaling). No prediction changes, so neither do
    balanced accuracy and ICV.

    Use: probabilities shall mean what they say.
    Cost: none: it shares the whole training of the arm without it.
    Paper: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """

    kind: Literal["temperature"] = "temperature"


Readout = Annotated[NoReadout | Temperature, Field(discriminator="kind")]
