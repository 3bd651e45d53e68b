"""Pretrained weights: whether this machine holds them and, if not, whether their host answers.

The downloads of timm and of the Hub's library try an unreachable host for minutes; one short question spares a study
that. It goes through the library's own client, and so knows its proxies, certificates and offline switch.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import huggingface_hub
import timm
import torch

from raysat.errors import DownloadError, PlanError


def is_cached(name: str) -> bool:
    """Return whether a model's pretrained weights are in this machine's caches; if not, their host answers.

    Raises:
        PlanError: timm has no weights of this model.
        DownloadError: they are not here, and their host does not answer within ``$HF_HUB_ETAG_TIMEOUT`` (10 s).
    """
    address = _missing_from(name)
    if address is None:
        return True
    try:  # what the host answers is for the download to judge
        huggingface_hub.get_session().head(address, timeout=huggingface_hub.constants.HF_HUB_ETAG_TIMEOUT)
    except Exception as error:  # the client, and with it the kinds of its errors, change with the library's version
        raise unavailable(name, f"{urlsplit(address).hostname} cannot be reached ({error})") from error
    return False


def unavailable(name: str, cause: object) -> DownloadError:
    """The error that says that a model's weights cannot be had."""
    return DownloadError(
        f"model.pretrained: the weights of {name!r} cannot be downloaded: {str(cause).partition(chr(10))[0]}",
        hint="connect to the internet or fill Hugging Face's cache before, or set model.pretrained: false",
    )


def _missing_from(name: str) -> str | None:
    """Return the address of weights, or None where timm finds them on this machine."""
    config = timm.models.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise PlanError(
            f"model.pretrained: timm has no weights of {name!r}",
            hint="set model.pretrained: false, or choose another model.name",
        )
    if config.hf_hub_id:
        repository, _, tag = config.hf_hub_id.partition("@")
        files = [config.hf_hub_filename] if config.hf_hub_filename else ["model.safetensors", "pytorch_model.bin"]
        cached = (huggingface_hub.try_to_load_from_cache(repository, file, revision=tag or None) for file in files)
        if any(isinstance(path, str) for path in cached):
            return None
        return huggingface_hub.hf_hub_url(repository, files[0], revision=tag or None)
    if config.url:
        address, file = (config.url, "") if isinstance(config.url, str) else config.url
        file = file or PurePosixPath(urlsplit(address).path).name
        return None if Path(torch.hub.get_dir(), "checkpoints", file).exists() else address
    return None
