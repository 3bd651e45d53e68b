"""Exported models read back: hashes are checked, nothing is executed, and they predict what the run predicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from raysat.data.model_inputs import ModelInputs
from raysat.files import AnyPath
from raysat.inference.classifier import Classifier, Probabilities
from raysat.inference.export.weights import decode_weights
from raysat.storage.model_folder import ModelFolder, ModelManifest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class LoadedModel:
    """An exported model, ready to predict: all its seeds, averaged."""

    path: AnyPath
    manifest: ModelManifest  # what is known of it: study, arm, settings, figures, versions
    networks: tuple[Classifier, ...] = field(repr=False)  # a seed each

    def __repr__(self) -> str:
        origin, shape = self.manifest.origin, self.inputs
        size = f"{len(shape.bands)} x {shape.height} x {shape.width}"
        return f"<LoadedModel {origin.study}: {origin.arm!r}, {len(self.networks)} seed(s), {size} patches>"

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names, in the order of the probabilities."""
        return self.manifest.classes

    @property
    def inputs(self) -> ModelInputs:
        """What patches it takes: bands, size, type."""
        return self.manifest.inputs

    @property
    def seeds(self) -> tuple[int, ...]:
        """Whose networks it has."""
        return tuple(member.seed for member in self.manifest.members)

    def predict(self, patches: npt.NDArray[Any]) -> Probabilities:
        """Return class probabilities (N, K), float32, of patches (N, C, H, W) in the type and units of the data.

        Raises DataError for patches of other bands or another size.
        """
        found = [network.probabilities(patches) for network in self.networks]
        return found[0] if len(found) == 1 else np.mean(found, axis=0, dtype=np.float32)


def read_model(path: AnyPath, device: torch.device) -> LoadedModel:
    """Read an exported model onto a device.

    Raises:
        DataError: the folder is no exported model.
        StorageError: a file is missing, damaged or not what was written.
        TrainingError: weights of another network.
        PlanError: this timm does not know the network.
    """
    folder = ModelFolder(path)
    folder.check()
    about = folder.manifest
    networks = tuple(
        Classifier.restore(
            about.config,
            about.inputs,
            about.classes,
            decode_weights(folder.read(member.weights), path / member.weights),
            device,
            member.readout,
        )
        for member in about.members
    )
    return LoadedModel(path=path, manifest=about, networks=networks)
