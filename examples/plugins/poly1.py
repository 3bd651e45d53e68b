"""A loss in 20 lines: poly-1, cross-entropy whose first term counts more (Leng et al. 2022)."""

from typing import Literal

import torch.nn.functional as F
from pydantic import Field

from raysat.extend import LossSettings, loss


class Poly1(LossSettings):
    """Cross-entropy plus epsilon times 1 - p, which sharpens what is nearly right (poly-1).

    Use: cross-entropy is the baseline, and one parameter may be tuned.
    Cost: none.
    Paper: Leng et al. 2022, "PolyLoss: A Polynomial Expansion Perspective of Classification Loss Functions".
    """

    kind: Literal["poly1"] = "poly1"
    epsilon: float = Field(default=1.0, ge=-1, le=10, description="Weight of 1 - p; 0 is cross-entropy.")


@loss(Poly1)
def poly1(settings, logits_BK, labels_B, counts_K):
    """Return the loss of each patch (B,)."""
    nats_B = F.cross_entropy(logits_BK, labels_B, reduction="none")  # -log p of the true class
    return nats_B + settings.epsilon * (1 - (-nats_B).exp())
