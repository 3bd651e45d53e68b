"""A fitted readout applied to logits: in training, in inference and in exported programs the same operations."""

from __future__ import annotations

from torch import Tensor, tensor

from raysat.metrics.fitted_readout import FittedReadout


def read_logits(readout: FittedReadout | None, logits: Tensor) -> Tensor:
    """Return logits (..., K), float32, as a readout has them; None leaves them as they are.

    Args:
        readout: its scale, offset and temperature; averaging over symmetries is for who has the patches.
        logits: of the posterior that the loss is trained for, float32 (..., K).
    """
    if readout is None:
        return logits
    if readout.scale is not None:
        logits = logits * tensor(readout.scale, dtype=logits.dtype, device=logits.device)
    if readout.offset is not None:
        logits = logits + tensor(readout.offset, dtype=logits.dtype, device=logits.device)
    return logits if readout.temperature == 1 else logits / readout.temperature
