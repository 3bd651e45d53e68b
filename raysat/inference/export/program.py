"""An arm's models as one network: patches in the store's units in, class probabilities averaged over seeds out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx import GraphModule

from raysat.data.model_inputs import ModelInputs
from raysat.errors import ExportError, RaysatError
from raysat.inference.classifier import Classifier, Probabilities
from raysat.storage.model_folder import INPUT
from raysat.training.device import full_precision
from raysat.training.evaluation import posterior
from raysat.training.models.classifiers import CosineClassifier
from raysat.training.patches import Scale

TOLERANCE: Final = 1e-5  # that probabilities may differ by, where rounding does not explain more
Patches = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Runner = Callable[[Patches], Probabilities]

_SOURCES: Final = (
    "stack_trace",
    "nn_module_stack",
    "torch_fn",
    "source_fn_stack",
    "from_node",
)  # where a node comes from
_CHECKED: Final = (1, 3)  # batches that a program is tried with: sizes that it was not traced with


class Program(nn.Module):
    """What is exported; the same on one seed as that seed's ``Classifier``."""

    def __init__(self, models: Sequence[Classifier]) -> None:
        """Take models of one arm, which share configuration and inputs; their weights are copied."""
        super().__init__()
        self.config, self.classes = models[0].config, len(models[0].classes)
        # Copies, as weights in another order than the usual one are not stored whole.
        networks = [deepcopy(model.network).to(memory_format=torch.contiguous_format) for model in models]
        self.networks = nn.ModuleList(networks)
        self.readouts = [model.readout for model in models]
        for field in fields(Scale):
            self.register_buffer(field.name, getattr(models[0].scale, field.name))
        self.eval()

    def forward(self, patches: Tensor) -> Tensor:
        """Return probabilities (B, K) of float32 patches (B, C, H, W)."""
        scale = Scale(**{field.name: getattr(self, field.name) for field in fields(Scale)})
        of = partial(posterior, self.config, scale=scale, classes=self.classes)
        networks = zip(self.networks, self.readouts, strict=True)
        found = [of(network, readout=readout, views_at_once=True)(patches) for network, readout in networks]
        return found[0] if len(found) == 1 else torch.stack(found).mean(dim=0)


def trace(program: Program, inputs: ModelInputs) -> ExportedProgram:
    """Return a program as ``torch.export`` has it, for batches of any size, without a word of where its code lies.

    Raises ExportError for a network that cannot be traced.
    """
    example = torch.from_numpy(trial_patches(inputs, 2))
    shapes = {INPUT: {0: Dim("batch", min=1)}}
    try:
        with torch.no_grad():
            traced = torch.export.export(program, (example,), dynamic_shapes=shapes, strict=False)
    except Exception as error:
        raise cannot(program.config.model.name, "torch", error) from error
    graphs = [module.graph for module in traced.graph_module.modules() if isinstance(module, GraphModule)]
    for node in (node for graph in graphs for node in graph.nodes):
        for key in _SOURCES:
            node.meta.pop(key, None)
    return traced


def write_torch(traced: ExportedProgram, path: Path) -> None:
    """Write a traced program as a ``.pt2`` file, which ``torch.export.load`` reads. Raises OSError."""
    with path.open("xb") as file:
        torch.export.save(traced, file)


def run_traced(traced: ExportedProgram) -> Runner:
    """Return what runs a traced program: patches in, probabilities out."""
    module = traced.module()

    def run(patches: Patches) -> Probabilities:
        with torch.no_grad(), full_precision():
            found: Probabilities = module(torch.from_numpy(patches)).numpy()
            return found

    return run


def trial_patches(inputs: ModelInputs, count: int) -> Patches:
    """Patches (count, C, H, W) as a store might hold them, float32, the same each time: by its statistics, at random.

    Half of the variance is between patches, since a network hardly tells patches of noise alone apart.
    """
    rng = np.random.default_rng(count)
    level = rng.standard_normal((count, len(inputs.bands), 1, 1))
    noise = (level + rng.standard_normal((count, len(inputs.bands), inputs.height, inputs.width))) / np.sqrt(2)
    mean, std = (np.array([getattr(band, key) for band in inputs.stats])[:, None, None] for key in ("mean", "std"))
    values = mean + std * noise
    if inputs.dtype != "float32":
        values = np.clip(np.round(values), 0, np.iinfo(inputs.dtype).max)
    patches: Patches = values.astype(np.float32)
    return patches


def largest_difference(program: Program, inputs: ModelInputs, run: Runner) -> float:
    """Return by how much what was exported differs from the program, on batches of several sizes.

    Args:
        program: the networks themselves.
        inputs: what they take.
        run: gives probabilities (B, K) of patches.
    """
    worst = 0.0
    for count in _CHECKED:
        patches = trial_patches(inputs, count)
        with torch.inference_mode(), full_precision():
            expected = program(torch.from_numpy(patches)).numpy()
        worst = max(worst, float(np.abs(expected - run(patches)).max(initial=0.0)))
    return worst


def rounding(program: Program, inputs: ModelInputs) -> float:
    """Return how far the program's own probabilities are from those in double precision: what rounding explains."""
    double = deepcopy(program).double()
    for module in double.modules():
        if isinstance(module, CosineClassifier):  # which computes in float32 whatever it is given
            module.float()

    def run(patches: Patches) -> Probabilities:
        with torch.inference_mode():
            found: Probabilities = double(torch.from_numpy(patches).double()).float().numpy()
            return found

    try:
        return largest_difference(program, inputs, run)
    except (RuntimeError, RaysatError):  # a plugin's network may compute in float32 alone
        return 0.0


def check(name: str, what: str, difference: float, rounded: float) -> None:
    """Raise ExportError where what was exported does not say what the network says.

    Args:
        name: of the network.
        what: was exported.
        difference: the largest, of a probability.
        rounded: as of ``rounding``; another order of operations may differ by some times as much.
    """
    if not difference <= max(TOLERANCE, 10 * rounded):  # nor NaN
        raise ExportError(
            f"{name} as {what} differs from the trained network by {difference:.1e}, more than rounding explains",
            hint="leave this format out of {--format}, and report it",
        )


def cannot(name: str, what: str, error: Exception) -> ExportError:
    """Return the error for a network that a format does not hold.

    Args:
        name: of the network.
        what: the format.
        error: that was raised.
    """
    cause = (str(error) or type(error).__name__).strip().partition("\n")[0]
    return ExportError(f"{name} cannot be exported as {what}: {cause}", hint="leave this format out of {--format}")
