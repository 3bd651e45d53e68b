"""A trained network with all that it needs to be used: patches in the store's units in, class probabilities out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from raysat.config.heads import head_of
from raysat.config.schema import Config
from raysat.data.model_inputs import ModelInputs
from raysat.errors import DataError
from raysat.metrics.fitted_readout import FittedReadout
from raysat.training.device import EVALUATION_BATCH, full_precision, network_channels_last
from raysat.training.evaluation import posterior
from raysat.training.models.plugin import network_faults
from raysat.training.models.rebuild import rebuild
from raysat.training.patches import Scale, as_float

Probabilities = npt.NDArray[np.float32]  # (N, K)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classifier:
    """One trained network, in evaluation mode on a device; computes in float32 on all of them, as its record does."""

    config: Config
    inputs: ModelInputs
    classes: tuple[str, ...]
    network: nn.Module
    device: torch.device
    scale: Scale = field(repr=False)
    readout: FittedReadout | None = None  # what its scores are read with; None: as they are

    @classmethod
    def restore(
        cls,
        config: Config,
        inputs: ModelInputs,
        classes: tuple[str, ...],
        weights: dict[str, Tensor],
        device: torch.device,
        readout: FittedReadout | None = None,
    ) -> Self:
        """Build a network anew and give it the weights that it was trained to.

        Args:
            config: that it was trained with.
            inputs: what it takes.
            classes: their names, by label.
            weights: its ``state_dict``.
            device: where it is wanted.
            readout: what its scores are read with; None for as they are.

        Returns:
            The classifier.

        Raises:
            TrainingError: weights of another network.
            PlanError: this timm does not know the model, or it does not take such patches.
            PluginError: a plugin's model failed.
        """
        size, head = (inputs.height, inputs.width), head_of(config.loss)
        network = rebuild(config.model, weights, bands=len(inputs.bands), classes=len(classes), size=size, head=head)
        network = network_channels_last(network.to(device)).eval()
        scale = Scale.from_stats(inputs.stats, device)
        return cls(
            config=config,
            inputs=inputs,
            classes=classes,
            network=network,
            device=device,
            scale=scale,
            readout=readout,
        )

    @torch.inference_mode()
    def posterior(self, patches_BCHW: Tensor) -> Tensor:
        """Return class probabilities (B, K) of float32 patches on the device, in the store's units."""
        with full_precision(), network_faults(self.config.model):
            classes = len(self.classes)
            return posterior(self.config, self.network, self.scale, classes=classes, readout=self.readout)(patches_BCHW)

    def probabilities(self, patches_NCHW: npt.NDArray[Any]) -> Probabilities:
        """Return class probabilities (N, K) of patches in the store's type and units, batch by batch.

        Raises DataError for patches of other bands or another size.
        """
        wanted = (len(self.inputs.bands), self.inputs.height, self.inputs.width)
        if patches_NCHW.shape[1:] != wanted:
            shape = " x ".join(map(str, patches_NCHW.shape[1:]))
            raise DataError(f"patches are {shape}, the model takes {' x '.join(map(str, wanted))}")
        found = np.empty((len(patches_NCHW), len(self.classes)), np.float32)
        for start in range(0, len(patches_NCHW), EVALUATION_BATCH):
            batch = patches_NCHW[start : start + EVALUATION_BATCH]
            found[start : start + EVALUATION_BATCH] = self.posterior(self.to_device(batch)).cpu().numpy()
        return found

    def to_device(self, patches_BCHW: npt.NDArray[Any]) -> Tensor:
        """Return patches of any type of a store on the device as float32, in the store's units."""
        pixels = np.ascontiguousarray(patches_BCHW)
        bits = torch.from_numpy(pixels.view(np.int16) if pixels.dtype == np.uint16 else pixels)
        return as_float(bits.to(self.device))
