"""Starts a network from weights of satellite images: tensors checked, their bands and units made the store's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import timm.layers
import torch
from torch import Tensor, nn

from raysat.config.plugins.settings import ModelSettings
from raysat.config.schema import Model, Network
from raysat.data.store import PatchStore
from raysat.data.weights.about import About
from raysat.data.weights.fit import BandMap, map_bands, units, wavelengths_of
from raysat.data.weights.source import Source, sha256
from raysat.data.weights.used import WeightsUsed
from raysat.errors import PlanError
from raysat.formatting import echo
from raysat.training.models.backbone import backbone_of
from raysat.training.models.build import assemble
from raysat.training.models.dofa import with_first_layer
from raysat.training.models.units import Units
from raysat.training.patches import Scale
from raysat.training.weights_files import fetch, read

# Of a ViT: as torchgeo has it, they start at one and zero.
_MAY_LACK: Final = ("norm.weight", "norm.bias", "fc_norm.weight", "fc_norm.bias")
_POSITIONS: Final = "pos_embed"


def start_from(
    network: nn.Module, model: Network, store: PatchStore, bands: Sequence[int], scale: Scale
) -> WeightsUsed | None:
    """Give a network the weights that its settings name; its classifier stays as it is.

    Args:
        network: as ``build`` makes it of ``model``.
        model: whose weights; without any, nothing is done.
        store: whose patches it gets.
        bands: their positions in the store, in the order that the network gets them.
        scale: that patches of these bands are standardised by.

    Returns:
        What the weights are; None where there are none.

    Raises:
        BandError: bands that are not near the weights'.
        PlanError: weights that are not known or not there, of another content than planned, damaged, or of another
            network.
        DownloadError: a file that cannot be had.
    """
    if isinstance(model, ModelSettings) or model.weights is None:
        return None
    source, path = Source.of(model.weights), fetch(model.weights)
    if model.weights_hash is not None and (found := source.content_hash()) != model.weights_hash:
        raise PlanError(
            f"model.weights: {path} has the hash {found}, not {model.weights_hash} as when the study was planned",
            hint="put the same file, and what is said of it, on each machine of the run",
        )
    about, before = source.about, network.get_submodule("units")
    band_map = _fill(network, about, read(path), store, bands, str(path))
    if isinstance(before, Units):
        mean_C, std_C = (each.flatten().tolist() for each in (scale.mean, scale.std))
        gain_C, shift_C = units(about, band_map.sources, mean=mean_C, std=std_C, scale=model.weights_scale)
        before.set(gain_C.tolist(), shift_C.tolist())
    return WeightsUsed.of(about, file=path.name, sha256=sha256(path))


def check_fit(model: Model, tensors: Mapping[str, Tensor], store: PatchStore, bands: Sequence[int]) -> None:
    """Look whether a file's tensors fit a model, on torch's meta device, where a network takes no memory.

    Args:
        model: which starts from them.
        tensors: as ``read`` returns them.
        store: as of ``start_from``.
        bands: as of ``start_from``.

    Raises:
        BandError: as ``start_from``.
        PlanError: as ``start_from``, or a model that timm does not know or cannot build.
    """
    source, size = Source.of(str(model.weights)), (int(store.images.shape[2]), int(store.images.shape[3]))
    with torch.device("meta"):
        network = assemble(model, bands=len(bands), classes=len(store.classes), size=size)
    _fill(network, source.about, tensors, store, bands, str(source.path or model.weights))


def _fill(
    network: nn.Module,
    about: About,
    tensors: Mapping[str, Tensor],
    store: PatchStore,
    bands: Sequence[int],
    path: str,
) -> BandMap:
    """Copy a file's tensors into a network. Returns which of the weights' bands each of the store's took."""
    names = [store.bands[band] for band in bands]
    band_map, backbone = map_bands(about, bands=names, sensor=store.sensor), backbone_of(network)
    if about.generated:
        try:
            tensors = with_first_layer(tensors, backbone, wavelengths_of(names, store.sensor))
        except ValueError as error:
            raise _misfit(path, str(error)) from None
    _load(backbone, tensors, about, band_map, path)
    return band_map


@torch.no_grad()
def _load(backbone: nn.Module, found: Mapping[str, Tensor], about: About, band_map: BandMap, path: str) -> None:
    """Copy a file's tensors into a network, its first layer's kernels by band; the classifier's are left out."""
    own, first = backbone.state_dict(), _first_layer(backbone)
    classifier = _classifier_prefix(backbone)
    for name in sorted(found):
        if name not in own and not name.startswith(classifier):
            raise _misfit(path, f"the network has no {echo(name)}")
    for name, value in sorted(own.items()):
        if name.startswith(classifier):
            continue
        if name not in found:
            if name in _MAY_LACK:
                continue
            raise _misfit(path, f"{echo(name)} is missing")
        given = found[name]
        if given.is_floating_point() != value.is_floating_point():
            raise _misfit(path, f"{name} is of the type {given.dtype}")
        expected = tuple(value.shape)
        if name == first and not about.generated:
            expected = (expected[0], len(about.bands), *expected[2:])
        if name == _POSITIONS:
            given = _resampled(given, backbone, value, path)
        if tuple(given.shape) != expected:
            raise _misfit(path, f"{name} is {_size(given.shape)}, not {_size(expected)}")
        value.copy_(map_kernels(given.float(), band_map) if name == first and not about.generated else given)


def map_kernels(kernels_OCHW: Tensor, band_map: BandMap) -> Tensor:
    """Return the first layer's kernels of a store's bands: each that of its band, or the mean of all, times a factor.

    Args:
        kernels_OCHW: of the weights' bands.
        band_map: which of them each band of the store takes.
    """
    mean_OHW = kernels_OCHW.mean(dim=1)
    chosen = [mean_OHW if source is None else kernels_OCHW[:, source] for source in band_map.sources]
    return torch.stack(chosen, dim=1) * band_map.factor


def _resampled(given: Tensor, backbone: nn.Module, own: Tensor, path: str) -> Tensor:
    """A ViT's places of tokens for patches of another size than those that it was trained on."""
    if given.shape == own.shape:
        return given
    grid = getattr(getattr(backbone, "patch_embed", None), "grid_size", None)
    prefix = int(getattr(backbone, "num_prefix_tokens", 1))
    side = round(max(given.shape[1] - prefix, 0) ** 0.5) if given.ndim == 3 else 0
    if grid is None or not side or side * side != given.shape[1] - prefix or given.shape[2] != own.shape[2]:
        raise _misfit(path, f"{_POSITIONS} is {_size(given.shape)}, not {_size(own.shape)}")
    resampled: Tensor = timm.layers.resample_abs_pos_embed(given.float(), list(grid), num_prefix_tokens=prefix)
    return resampled


def _first_layer(backbone: nn.Module) -> str:
    """The name of the weight that bands enter by. Raises PlanError where timm does not say it."""
    config = getattr(backbone, "pretrained_cfg", None) or {}
    first = config.get("first_conv")
    name = f"{first}.weight"
    if not isinstance(first, str) or name not in backbone.state_dict():
        raise PlanError(
            "model.weights: timm does not say which layer of this model takes the bands",
            hint="choose another model.name",
        )
    return name


def _classifier_prefix(backbone: nn.Module) -> tuple[str, ...]:
    names = (getattr(backbone, "pretrained_cfg", None) or {}).get("classifier") or ()
    return tuple(f"{name}." for name in ([names] if isinstance(names, str) else names))


def _misfit(path: str, fault: str) -> PlanError:
    return PlanError(
        f"model.weights: {path} does not fit the network: {fault}",
        hint="choose the model.name that the weights are of",
    )


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "one value"
