"""A second stage of training: the classifier alone learns on, from features that stay as they are.

Nothing but the classifier needs a gradient, so that autograd remembers nothing of the network before it; that is in
evaluation mode, but for batch norm where MiSLAS shifts its statistics. The classifier is a new module each time: no
optimiser, graph or hook of the first stage knows its weights.
"""

from __future__ import annotations

import copy
from typing import Any, Final, assert_never

import numpy.typing as npt
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from raysat.config.families.second_stages import ClassifierRetraining, Mislas, NoSecondStage, WeightScaling
from raysat.config.schema import Config
from raysat.config.score_factor import score_factor
from raysat.config.stages import MOMENTUM, Stage
from raysat.training.class_constants import class_constants
from raysat.training.models import layers
from raysat.training.models.classifiers import CosineClassifier, ScaledClassifier
from raysat.training.models.last_layer import placed_last_layer
from raysat.training.optimizers import RATE_FACTOR, rate_on
from raysat.training.parallel import Workers
from raysat.training.patches import Scale
from raysat.training.seeding import reproducible
from raysat.training.step import TrainStep


class SecondStage:
    """What trains a network's classifier, with the parts of a ``FirstStage``."""

    advice: Final = "lower second_stage.lr"  # where it diverges

    def __init__(
        self,
        config: Config,
        stage: Stage,
        network: nn.Module,
        counts: npt.NDArray[Any],
        *,
        seed: int,
        scale: Scale,
        workers: Workers,
    ) -> None:
        """Give the network the classifier that this stage starts with, in place.

        Args:
            config: of the whole training.
            stage: the second one.
            network: at the end of the first one, on its device.
            counts: training patches of each class that methods go by, shape (K,).
            seed: of the trial.
            scale: of the store's bands.
            workers: that share each batch.
        """
        found = placed_last_layer(network)
        if found is None or isinstance(config.second_stage, NoSecondStage):
            raise TypeError("nothing to train in a second stage: it is refused before training")
        self._method, self._network, (self._place, first_head) = config.second_stage, network, found
        device = next(network.parameters()).device
        self._fixed = layers.keeps_statistics(network)  # also in a second stage
        network.requires_grad_(False)
        with reproducible(device, seed, "second_stage"):
            self._head = self._new_head(config, first_head).to(device)
        network.set_submodule(self._place, self._head)
        self.parallel = workers.wrap(network, device)
        self.optimizer = self._new_optimizer(device)
        self.step = TrainStep(
            stage.config,
            network,
            self.optimizer,
            parallel=self.parallel,
            scale=scale,
            constants_RK=torch.as_tensor(
                class_constants(stage.config.loss, counts), dtype=torch.float32, device=device
            ),
        )

    def train_mode(self) -> None:
        """Put the classifier into training mode, and batch norm where its statistics are to move; nothing else."""
        self._network.eval()
        self._head.train()
        if isinstance(self._method, Mislas) and self._method.shift_bn:
            for module in self._network.modules():
                if isinstance(module, _BatchNorm) and module not in self._fixed:
                    module.train()

    def final_model(self) -> nn.Module:
        """Return the network as one without a second stage is built; training may go on from here."""
        if not isinstance(self._head, ScaledClassifier):
            return self._network
        final = copy.deepcopy(self._network)
        final.set_submodule(self._place, self._head.folded())
        return final.eval()

    def _new_head(self, config: Config, head: nn.Module) -> nn.Module:
        match self._method:
            case ClassifierRetraining():
                if isinstance(head, CosineClassifier):
                    classes, features = head.weight.shape
                    return CosineClassifier(features, classes)
                linear = _linear(head)
                return nn.Linear(linear.in_features, linear.out_features, bias=linear.bias is not None)
            case WeightScaling() | Mislas():
                factor, trains = score_factor(config), isinstance(self._method, Mislas)
                if factor is None:
                    raise TypeError(f"the posterior of loss {config.loss.kind} is no multiple of its scores")
                return ScaledClassifier(_linear(head), score_factor=factor, trains_weights=trains)
            case _:
                assert_never(self._method)

    def _new_optimizer(self, device: torch.device) -> torch.optim.Optimizer:
        """SGD with momentum, as the authors' code: factors and weights decay alike."""
        method = self._method
        groups: list[dict[str, Any]] = []
        if isinstance(self._head, ScaledClassifier):
            groups.append({"params": [self._head.factors_K]})
        if isinstance(method, Mislas):
            weights = [value for name, value in self._head.named_parameters() if name != "factors_K"]
            groups.append({"params": weights, RATE_FACTOR: method.lr_factor})
        if isinstance(method, ClassifierRetraining):
            groups.append({"params": list(self._head.parameters())})
        for group in groups:
            group["lr"] = rate_on(device, method.lr)
        return torch.optim.SGD(groups, momentum=MOMENTUM, weight_decay=method.weight_decay, fused=True)


def _linear(head: nn.Module) -> nn.Linear:
    if not isinstance(head, nn.Linear):
        raise TypeError(f"a {type(head).__name__} is no linear classifier")
    return head
