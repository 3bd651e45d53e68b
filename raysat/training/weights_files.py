"""Files of pretrained weights: where they lie, how they come here, and their tensors, believed only as far as checked.

Nothing in a file is executed: safetensors hold tensors alone, and of what ``torch.save`` wrote none but tensors and
plain values is read.
"""

from __future__ import annotations

import errno
import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.request import Request, urlopen

import huggingface_hub
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from raysat.data.weights.about import About
from raysat.data.weights.source import MAX_BYTES, Source, check_prefix, sha256
from raysat.errors import DownloadError, PlanError
from raysat.files import read_bytes
from raysat.formatting import echo
from raysat.training.checkpoint import check_archive
from raysat.training.unreadable_weights import AGAIN, unreadable

_TIMEOUT_S: Final = 10.0  # of the question whether the host is there
_MEGABYTES: Final = {  # four bytes a weight
    "resnet18": 45,
    "resnet50": 94,
    "resnet152": 233,
    "vit_small_patch16_224": 87,
    "vit_base_patch16_224": 343,
    "vit_large_patch16_224": 1213,
}
_OF_DISK: Final = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOSPC, errno.EDQUOT}
_BAD: Final = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, NameError, OSError,
    RuntimeError, TypeError, ValueError, pickle.UnpicklingError, safetensors.SafetensorError, struct.error,
    zipfile.BadZipFile,
)  # fmt: skip


def cached_at(about: About) -> Path:
    """Where torch hub keeps a file that it has downloaded."""
    return Path(torch.hub.get_dir(), "checkpoints", about.file)


def fetch(weights: str) -> Path:
    """Return where weights lie on this machine; those of torchgeo are downloaded, unless torch hub's cache has them.

    Args:
        weights: the setting: ``torchgeo:`` and a name, or a path.

    Raises:
        PlanError: weights that are not known, a file that is not there or damaged.
        DownloadError: they are not here, and cannot be had; says where they would have to lie.
    """
    source = Source.of(weights)
    if source.path is not None:
        return source.path
    path = cached_at(source.about)
    if not path.exists():
        _download(source.about, path)
    check_prefix(source.about, path, sha256(path))
    return path


def read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name, on the CPU, all finite.

    Raises:
        PlanError: it is damaged or no weights, claims to be larger than it is, or holds NaN or infinity.
    """
    content = read_bytes(path, max_bytes=MAX_BYTES, error=PlanError)
    try:
        if path.suffix == ".safetensors":
            found: object = safetensors.torch.load(content)
        else:
            check_archive(content)
            found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except _BAD as error:
        cause, remedy = unreadable(content, error, is_safetensors=path.suffix == ".safetensors")
        raise PlanError(f"model.weights: {path} holds no weights that can be read: {cause}", hint=remedy) from None
    if not isinstance(found, dict) or not all(type(k) is str and isinstance(v, Tensor) for k, v in found.items()):
        raise PlanError(
            f"model.weights: {path} is no state_dict: it holds other things than tensors by name",
            hint="save the state_dict of the network alone",
        )
    # Saved tensors may share their memory, and so claim to be larger than their file: a copy would not be.
    if sum(value.numel() * value.element_size() for value in found.values()) > len(content):
        raise PlanError(f"model.weights: {path} is damaged: its tensors are larger than the file", hint=AGAIN)
    _check_finite(path, found)
    return found


def _check_finite(path: Path, found: Mapping[str, Tensor]) -> None:
    for name, value in sorted(found.items()):
        if value.layout is not torch.strided or value.is_complex() or value.is_quantized:
            raise PlanError(f"model.weights: {path}: {echo(name)} is no plain tensor", hint="save plain tensors")
        if value.is_floating_point() and not bool(value.float().isfinite().all()):
            raise PlanError(
                f"model.weights: {path}: {echo(name)} is not finite", hint="these weights have diverged: use others"
            )


def _download(about: About, path: Path) -> None:
    url = str(about.url)
    try:
        if huggingface_hub.constants.HF_HUB_OFFLINE:
            raise OSError("HF_HUB_OFFLINE is set")
        # torch hub would try an unreachable host for minutes
        urlopen(Request(url, method="HEAD"), timeout=_TIMEOUT_S).close()  # noqa: S310 - of the table: https
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=about.sha256_prefix, progress=False)
    except (OSError, RuntimeError, ValueError) as error:
        folder = ["name a folder that you may write in with TORCH_HOME, or"] if _is_of_disk(error) else []
        raise DownloadError(
            f"model.weights: {about.name} cannot be downloaded: {str(error).partition(chr(10))[0]}",
            hint=[
                *folder,
                f"put {url}",
                f"(about {_MEGABYTES[str(about.model)]} MB) at {path}",
                "on each machine of the run, or leave model.weights out",
            ],
        ) from None


def _is_of_disk(error: Exception) -> bool:
    """Whether it is the cache that failed, and not the network: urllib's errors are of no number of the system's."""
    return isinstance(error, OSError) and error.errno in _OF_DISK
