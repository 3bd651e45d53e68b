"""The end of a training: a network, what it says of whole splits, and how the trials that end there read it.

Trials that end at one state with one average differ in their readouts alone: they share the network's forward passes.
Nothing here changes the network; a readout that needs another classifier gets a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import numpy as np
import torch
from torch import nn

from raysat.config.families.readouts import (
    AdjustedLogits,
    DihedralAverage,
    NearestMean,
    NoReadout,
    PriorCorrection,
    Readout,
    TauNorm,
    Temperature,
    Thresholds,
)
from raysat.config.heads import LinearNeed
from raysat.config.score_factor import score_factor
from raysat.config.trained_prior import trained_prior
from raysat.data.store import Split
from raysat.metrics.fitted_readout import FittedReadout
from raysat.training.engine import Engine
from raysat.training.models.last_layer import linear_layer, with_linear_weights
from raysat.training.readout.features import nearest_mean
from raysat.training.readout.fit import ByScores, ClassWeights, Scores, fit
from raysat.training.results import Logits, Probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A network as a trial reads it."""

    network: nn.Module  # whose weights are the trial's
    fitted: FittedReadout | None  # None where its scores are read as they are
    probabilities: Mapping[Split, Probabilities]


class Ending:
    """A network that trials end with."""

    def __init__(self, engine: Engine, network: nn.Module) -> None:
        """Begin without a forward pass.

        Args:
            engine: whose patches; it trains no further while this is of use.
            network: its own, or an average of it.
        """
        self._engine, self.network = engine, network
        self._logits: dict[Split, Logits] = {}

    def logits(self, split: Split) -> Logits:
        """Return the network's posterior logits (N, K) of a split, computed once. Raises DivergedError."""
        if split not in self._logits:
            self._logits[split] = self._engine.logits(self.network, split)
        return self._logits[split]

    def read(self, readout: Readout) -> Reading:
        """Fit a readout and predict all evaluation splits with it.

        Raises:
            DivergedError: scores that are not finite.
            PlanError: the network does not end with the linear classifier that the readout needs.
        """
        match readout:
            case NoReadout():
                return self._of_logits(None)
            case Temperature() | AdjustedLogits() | TauNorm() | PriorCorrection() | Thresholds():
                return self._of_logits(self._fitted(readout))
            case DihedralAverage():
                return self._anew(self.network, FittedReadout(kind=readout.kind, dihedral=True))
            case NearestMean():
                return self._anew(self._of_means(readout), FittedReadout(kind=readout.kind))
            case _:
                assert_never(readout)

    def _of_logits(self, fitted: FittedReadout | None) -> Reading:
        engine = self._engine
        found = {split: engine.predictor.read(self.logits(split), fitted) for split in engine.evaluation_splits}
        return Reading(network=self.network, fitted=fitted, probabilities=found)

    def _anew(self, network: nn.Module, fitted: FittedReadout) -> Reading:
        engine, found = self._engine, {}
        for split in engine.evaluation_splits:
            if fitted.dihedral:
                found[split] = engine.predictor.views(engine.stage_config, network, split, fitted)
                engine.check_scores(found[split], split)
            else:
                found[split] = engine.predict(network, split)
        return Reading(network=network, fitted=fitted, probabilities=found)

    def _fitted(self, readout: ByScores) -> FittedReadout:
        engine = self._engine
        patches = np.bincount(engine.patches["train"].labels, minlength=len(engine.counts))
        return fit(
            readout,
            classes=engine.classes,
            # The engine's configuration may be that of a longer trial, which has the same epochs until here.
            prior_K=trained_prior(engine.config, patches, engine.counts, epochs=engine.epochs_done),
            val=lambda: Scores(labels=engine.patches["val"].labels, logits=self.logits("val")),
            classifier=lambda: self._class_weights(readout.kind),
        )

    def _classifier(self, kind: str) -> tuple[str, nn.Linear]:
        """Where the network's linear classifier is, and the classifier. Raises PlanError where it has none."""
        return linear_layer(self.network, self._engine.config.model.name, LinearNeed.of_readout(kind))

    def _factor(self) -> float:
        """What the network's scores are multiplied by to be the posterior's logits, in the digits of float32."""
        factor = score_factor(self._engine.stage_config)
        if factor is None:
            raise TypeError("the posterior is no multiple of the scores: it is refused before training")
        return float(np.float32(factor))

    @torch.no_grad()
    def _class_weights(self, kind: str) -> ClassWeights:
        _, classifier = self._classifier(kind)
        biases_K = self._factor() * classifier.bias.float()
        return ClassWeights(
            lengths_K=classifier.weight.double().norm(dim=1).cpu().numpy(), biases_K=biases_K.double().cpu().numpy()
        )

    @torch.no_grad()
    def _of_means(self, readout: NearestMean) -> nn.Module:
        """A copy of the network that finds the nearest class mean of training features."""
        (place, classifier), factor = self._classifier(readout.kind), self._factor()
        weight_KD, bias_K = nearest_mean(self._engine.predictor.train_features(self.network, classifier))
        return with_linear_weights(self.network, place, weight_KD / factor, bias_K / factor)
