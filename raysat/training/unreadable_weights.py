"""Why a file of weights cannot be read, in words of one's own: torch's would advise to trust whatever it holds."""

from __future__ import annotations

import io
import pickle
import zipfile
from contextlib import suppress
from typing import Final

AGAIN: Final = "get the file again from where it is from"
_ZIP: Final = b"PK\x03\x04"
_BEFORE_1_6: Final = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)  # how torch.save began a file before its archives
_LFS: Final = b"version https://git-lfs"
_STATE_DICT: Final = "save its state_dict: torch.save(network.state_dict(), PATH)"


def unreadable(content: bytes, error: Exception, *, is_safetensors: bool) -> tuple[str, str]:
    """Say what a file is that cannot be read as weights.

    Args:
        content: of the file.
        error: of torch, safetensors or zipfile.
        is_safetensors: whether it is called so.

    Returns:
        What it is, and what to do.
    """
    if content.startswith(_LFS):
        return "it is a pointer of Git LFS, not the file itself", "fetch the file: git lfs pull"
    if is_safetensors:
        return "it is no safetensors, or is cut short", AGAIN
    if content.startswith(_BEFORE_1_6):
        return "it is of torch before 1.6", "load it with torch and save it anew, with torch.save of its state_dict"
    if isinstance(error, pickle.UnpicklingError) or _is_module(content):
        return "it holds more than tensors", _STATE_DICT
    if content.startswith(_ZIP):
        return "it is damaged or cut short", AGAIN
    if content.startswith(b"\x80"):
        return "it is a pickle, not written by torch.save", _STATE_DICT
    return "it is no file of torch.save", AGAIN


def _is_module(content: bytes) -> bool:
    """Whether torch.jit wrote it."""
    with suppress(zipfile.BadZipFile, OSError, ValueError):
        return any(name.endswith("/constants.pkl") for name in zipfile.ZipFile(io.BytesIO(content)).namelist())
    return False
