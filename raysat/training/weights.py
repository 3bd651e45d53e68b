"""Pretrained weights: whether this machine holds them and, if not, whether their host answers.

timm's loader tries an unreachable host for most of a minute; one short question before it spares a study that.
"""

from __future__ import annotations

import ssl
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, getproxies, urlopen

import huggingface_hub
import timm
import torch

from raysat.errors import PlanError, TrainingError

_PATIENCE: Final = 10.0  # seconds for a host to answer


def is_cached(name: str) -> bool:
    """Return whether a model's pretrained weights are in this machine's caches; if not, their host answers.

    Raises:
        PlanError: timm has no weights of this model.
        TrainingError: they are not here, and their host does not answer.
    """
    address = _absent(name)
    if address is not None and not huggingface_hub.constants.HF_HUB_OFFLINE:
        _reach(name, address)
    return address is None


def unavailable(name: str, cause: object) -> TrainingError:
    """The error that says that a model's weights cannot be had."""
    return TrainingError(
        f"model.pretrained: the weights of {name!r} cannot be downloaded: {str(cause).partition(chr(10))[0]}",
        hint="connect to the internet or fill Hugging Face's cache before, or set model.pretrained: false",
    )


def _absent(name: str) -> str | None:
    """Return the address of weights, or None where timm finds them on this machine."""
    config = timm.models.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise PlanError(
            f"model.pretrained: timm has no weights of {name!r}",
            hint="set model.pretrained: false, or choose another model.name",
        )
    if config.hf_hub_id:
        repository, _, named = config.hf_hub_id.partition("@")
        revision = named or None
        files = [config.hf_hub_filename] if config.hf_hub_filename else ["model.safetensors", "pytorch_model.bin"]
        kept = (huggingface_hub.try_to_load_from_cache(repository, file, revision=revision) for file in files)
        if any(isinstance(path, str) for path in kept):
            return None
        return huggingface_hub.hf_hub_url(repository, files[0], revision=revision)
    if config.url:
        address, file = (config.url, "") if isinstance(config.url, str) else config.url
        file = file or PurePosixPath(urlsplit(address).path).name
        return None if Path(torch.hub.get_dir(), "checkpoints", file).exists() else address
    return None


def _reach(name: str, address: str) -> None:
    """Raise TrainingError where a host does not answer at all; what it answers is for the download to judge."""
    if "all" in getproxies():
        return  # a proxy that the Hub's client uses and the standard library does not
    try:
        urlopen(Request(address, method="HEAD"), timeout=_PATIENCE).close()  # noqa: S310  (addresses are timm's own)
    except (HTTPError, HTTPException):
        return
    except OSError as error:
        reason = error.reason if isinstance(error, URLError) else error
        if not isinstance(reason, ssl.SSLError):  # the Hub's client brings certificates of its own
            raise unavailable(name, f"{urlsplit(address).hostname} cannot be reached ({reason})") from None
