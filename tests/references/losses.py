"""Losses beside formulas written anew, in float64."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import log_softmax, softmax

from raysat.training.class_constants import class_constants
from raysat.training.losses import patch_losses
from tests.helpers.training import config
from tests.references.registry import Pair, compared

COUNTS_K = np.array([600, 160, 150, 90])


def _inputs(patches: int = 64, spread: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    return rng.normal(size=(patches, 4)) * spread, rng.integers(0, 4, patches)


def _ours(loss: dict[str, object], classifier: str = "linear", spread: float = 3.0) -> torch.Tensor:
    logits, labels = _inputs(spread=spread)
    own = config(loss=loss, model={"classifier": classifier})
    constants = torch.tensor(class_constants(own.loss, COUNTS_K), dtype=torch.float32)
    return patch_losses(own, torch.tensor(logits).float(), torch.tensor(labels), constants, torch.ones(4))


def _own(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What is of the true class."""
    return values[np.arange(len(labels)), labels]


@compared("loss.cross_entropy", by="PyTorch", within=1e-5)
def _cross_entropy() -> Pair:
    logits, labels = map(torch.tensor, _inputs())
    theirs = F.cross_entropy(logits, labels, reduction="none", label_smoothing=0.1)
    return _ours({"kind": "cross_entropy", "label_smoothing": 0.1}), theirs


@compared("loss.focal", by="Lin et al. 2017, eq. 4", within=1e-5)
def _focal() -> Pair:
    logits, labels = _inputs()
    p = _own(softmax(logits, axis=1), labels)
    return _ours({"kind": "focal", "gamma": 2.0}), -((1 - p) ** 2) * np.log(p)


@compared("loss.ldam", by="Cao et al. 2019, section 3.2 and code", within=1e-4)
def _ldam() -> Pair:
    cosines, labels = _inputs(spread=0.3)
    margins = COUNTS_K**-0.25
    margins *= 0.5 / margins.max()
    lowered = cosines - np.eye(4)[labels] * margins
    ours = _ours({"kind": "ldam"}, classifier="cosine", spread=0.3)
    return ours, -_own(log_softmax(30 * lowered, axis=1), labels)


@compared("loss.balanced_softmax", by="Ren et al. 2020, theorem 1", within=1e-5)
def _balanced_softmax() -> Pair:
    logits, labels = _inputs()
    counted = COUNTS_K * np.exp(logits)
    return _ours({"kind": "balanced_softmax"}), -np.log(_own(counted, labels) / counted.sum(axis=1))


@compared("loss.logit_adjustment", by="Menon et al. 2021, eq. 11 (pairwise margins)", within=1e-5)
def _logit_adjustment() -> Pair:
    logits, labels = _inputs()
    share = COUNTS_K / COUNTS_K.sum()
    margins = (share / share[labels][:, None]) ** 1.5
    theirs = np.log((margins * np.exp(logits - _own(logits, labels)[:, None])).sum(axis=1))
    return _ours({"kind": "logit_adjustment", "tau": 1.5}), theirs


@compared("loss.vector_scaling", by="Kini et al. 2021, the multiclass VS loss", within=1e-5)
def _vector_scaling() -> Pair:
    logits, labels = _inputs()
    raised = []
    for row in logits:  # Delta_c as a divisor, as their code has it
        divisors = (1 / COUNTS_K) ** 0.4
        raised.append(row / (divisors / divisors.min()) + 1.25 * np.log(COUNTS_K / COUNTS_K.sum()))
    exponents = np.exp(raised)
    theirs = -np.log(_own(exponents, labels) / exponents.sum(axis=1))
    return _ours({"kind": "vector_scaling", "gamma": 0.4, "tau": 1.25}), theirs


@compared("loss.asymmetric", by="Ridnik et al. 2021, code for one label", within=1e-5)
def _asymmetric() -> Pair:
    logits, labels = _inputs()
    theirs = []
    for p, label in zip(softmax(logits, axis=1), labels, strict=True):
        loss = 0.0
        for k in range(4):
            target = 0.9 * (k == label) + 0.1 / 4
            focus = (1 - p[k]) ** 1.0 if k == label else p[k] ** 3.0
            loss -= target * focus * np.log(p[k])
        theirs.append(loss)
    return _ours({"kind": "asymmetric", "gamma_pos": 1.0, "gamma_neg": 3.0}), theirs


@compared("loss.label_aware_smoothing", by="Zhong et al. 2021, eq. 6; spread as in their code", within=1e-5)
def _label_aware_smoothing() -> Pair:
    logits, labels = _inputs()
    head, tail, most, least = 0.4, 0.1, 600, 90
    shares = [tail + (head - tail) * np.sin(np.pi * (n - least) / (2 * (most - least))) for n in COUNTS_K]
    share = np.array(shares)[labels][:, None]
    targets = (1 - share) * np.eye(4)[labels] + share / 4
    ours = _ours({"kind": "label_aware_smoothing", "head": head, "tail": tail})
    return ours, -(targets * log_softmax(logits, axis=1)).sum(axis=1)
