"""One step of training, from tensors alone: views; forward, loss, backward, clipping, optimiser, weight averages.

Sharpness-aware minimisation passes forward and backward twice (``sharpness.py``).

No number leaves the device on the way and nothing here asks for one, so that a CUDA graph can hold a step
(``graphs.py``); on the CPU, and wherever there is no graph, it runs as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from raysat.config.families.reweight import InfluenceBalanced
from raysat.config.heads import head_of, outputs
from raysat.config.milestones import SteadyReweight
from raysat.config.schema import Config
from raysat.training import influence, losses, optimizers
from raysat.training.averaging import WeightAverage
from raysat.training.batch import views
from raysat.training.device import autocast, channels_last
from raysat.training.models.plugin import check_scores
from raysat.training.patches import Scale
from raysat.training.sharpness import TwoPasses
from raysat.training.step_inputs import Partners, UpdateInputs, ViewInputs


class _Seen(NamedTuple):
    """What the network says of a batch."""

    logits_NK: Tensor
    norms_N: Tensor | None  # sizes of features, where influence is balanced


class TrainStep:
    """Moves a network, its optimiser and its averages by one step; keeps nothing else."""

    def __init__(
        self,
        config: Config,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        parallel: nn.Module,
        scale: Scale,
        constants_RK: Tensor,
        passes: TwoPasses | None = None,
        classifier: nn.Module | None = None,
    ) -> None:
        """Take what moves.

        Args:
            config: of the trial.
            network: what is trained.
            optimizer: of its parameters.
            parallel: the network, or what averages its gradients over workers.
            scale: of the store's bands.
            constants_RK: as of ``class_constants``.
            passes: what computes gradients, where one backward pass does not.
            classifier: the network's last layer, where influence may be balanced.
        """
        self._config, self._network, self._optimizer = config, network, optimizer
        self._parallel, self._scale, self._constants_RK = parallel, scale, constants_RK
        self._passes, self._classifier = passes, classifier
        self._balances_influence = False
        self._scores = outputs(head_of(config.loss), constants_RK.shape[1])  # of a patch
        self.weights_K = constants_RK.new_ones(constants_RK.shape[1])  # what each class counts in the epoch

    def begin_epoch(self, weights_K: Tensor, reweight: SteadyReweight) -> bool:
        """Take what holds in an epoch; return whether steps now do other operations than before.

        Args:
            weights_K: what each class counts.
            reweight: the method that holds (``milestones.reweight_at``).
        """
        self.weights_K.copy_(weights_K)
        before, self._balances_influence = self._balances_influence, isinstance(reweight, InfluenceBalanced)
        return before != self._balances_influence

    def views(self, patches_nCHW: Tensor, inputs: ViewInputs, *, by_patch: bool = False) -> Tensor:
        """Return what the network shall see, the V views of b patches one after another; they depend on no weight.

        Args:
            patches_nCHW: those of ``inputs.positions_n``, in the store's units.
            inputs: what is done to them, on the same device.
            by_patch: as of ``batch.views``.
        """
        found = views(self._config.augment, patches_nCHW, self._scale, inputs.drawn, by_patch=by_patch)
        return channels_last(found.flatten(0, 1))

    def __call__(self, views_NCHW: Tensor, inputs: UpdateInputs, averages: Iterable[WeightAverage]) -> Tensor:
        """Take a step; return the loss, a scalar: this worker's part of the mean over the batch, times the workers.

        Args:
            views_NCHW: as of ``views``.
            inputs: what else the step needs, on the same device.
            averages: those that take every step.
        """
        optimizers.set_learning_rate(self._optimizer, inputs.lr)
        if self._passes is None:
            loss = self.loss(views_NCHW, inputs)
            self._optimizer.zero_grad()
            torch.autograd.backward(loss)
        else:
            loss = self._passes.backward(lambda: self._see(views_NCHW), self._loss, inputs)
        if self._config.optim.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._network.parameters(), self._config.optim.clip_norm)
        self._optimizer.step()
        for average, momentum in zip(averages, inputs.momenta_A.unbind(), strict=True):
            average.move(self._network, momentum)
        return loss.detach()

    def loss(self, views_NCHW: Tensor, inputs: UpdateInputs) -> Tensor:
        """Return the loss of views of patches. Raises PluginError where a plugin's network gives no scores of them."""
        return self._loss(self._see(views_NCHW), inputs)

    def _see(self, views_NCHW: Tensor) -> _Seen:
        watched = self._classifier if self._balances_influence else None
        with autocast(views_NCHW.device), influence.feature_norms(watched) as norms:
            logits_NK: Tensor = self._parallel(views_NCHW)
        check_scores(self._config.model, logits_NK, views_NCHW.shape, classes=self._scores, training=True)
        return _Seen(logits_NK, norms[-1] if norms else None)

    def _loss(self, seen: _Seen, inputs: UpdateInputs) -> Tensor:
        mixed = None
        if isinstance(inputs.partners, Partners):
            labels_b, class_weights_b, shares = inputs.partners
            mixed = losses.Mixed(labels_B=labels_b, class_weights_B=class_weights_b, shares=shares)
        patches, scores = len(inputs.labels_b), seen.logits_NK.shape[1]
        logits_VbK = seen.logits_NK.reshape(-1, patches, scores)
        return losses.batch_loss(
            self._config,
            logits_VbK,
            inputs.labels_b,
            constants_RK=self._constants_RK,
            weights_K=self.weights_K,
            class_weights_B=inputs.class_weights_b,
            mean_weights_B=inputs.mean_weights_b,
            mixed=mixed,
            norms_B=None if seen.norms_N is None else seen.norms_N[:patches],
        )
