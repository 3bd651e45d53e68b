"""What a model's probabilities mean, in words: which class shares they go by, and whether they are calibrated."""

from __future__ import annotations

from collections.abc import Iterator

from raysat.config.families.losses import BalancedSoftmax, LogitAdjustment, VectorScaling
from raysat.config.families.readouts import (
    AdjustedLogits,
    NearestMean,
    PriorCorrection,
    TauNorm,
    Temperature,
    Thresholds,
)
from raysat.config.schema import Config
from raysat.config.stages import final_config


def said_of_probabilities(config: Config) -> Iterator[str]:
    """Yield sentences on what probabilities are, by the readout, else by the last stage of training."""
    loss = final_config(config).loss
    match config.readout:
        case PriorCorrection(shares="balanced"):
            yield "Its scores were corrected: its probabilities are those where all classes are equally common."
        case AdjustedLogits():
            yield "Its scores were corrected towards equal classes: rare ones are likelier in them than among patches."
        case PriorCorrection(shares=shares):
            written = ", ".join(f"{share:g}" for share in shares)
            yield f"Its probabilities are those where the classes have the shares {written}."
        case Thresholds() | TauNorm() | NearestMean():
            yield f"Its predictions were moved by readout: {config.readout.kind}, and its probabilities with them."
        case _ if config.second_stage.epochs and config.synthetic.class_counts == "all":
            yield "Its classifier learned from balanced classes: its probabilities are those where all are as common."
        case _ if isinstance(loss, BalancedSoftmax | LogitAdjustment):
            yield "Its loss balances the classes: its probabilities are those where all classes are equally common."
        case _ if isinstance(loss, VectorScaling):
            yield "Its loss raises rare classes: its probabilities are higher for these than their share among patches."
    if isinstance(config.readout, Temperature):
        yield "Its probabilities were calibrated by one temperature, on val: elsewhere they may be too sure again."
    else:
        yield "Its probabilities are not calibrated: 0.9 need not mean right nine times out of ten."
