"""Which weights a model's setting means, and a hash of their content: a path alone says nothing of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from raysat.data.weights.about import PREFIX, About, of_file, of_torchgeo, table
from raysat.errors import PlanError
from raysat.files.read import open_regular

MAX_BYTES: Final = 8 << 30  # of a file: a network of two billion weights
_CHUNK: Final = 1 << 22
_FACTS: Final = ("bands", "wavelengths_um", "sensor", "mean", "std")  # what else decides the network's start


@dataclass(frozen=True, slots=True)
class Source:
    """Weights that a study names."""

    about: About
    path: Path | None  # of a file that is named itself; None of torchgeo's, which lie in torch hub's cache

    @classmethod
    def of(cls, weights: str) -> Source:
        """Find what a setting means.

        Args:
            weights: ``torchgeo:`` and a name, or the path of a file.

        Returns:
            The source, nothing of which is read yet.

        Raises:
            PlanError: weights that are not known, a file that is not there, or whose bands nobody says.
        """
        if weights.startswith(PREFIX):
            return cls(of_torchgeo(weights.removeprefix(PREFIX)), None)
        path = Path(weights).expanduser().absolute()
        if path.is_dir():
            raise PlanError(
                f"model.weights: {path} is a folder, not a file", hint="give the path of the .safetensors or .pth file"
            )
        if not path.is_file():
            if weights in table():
                raise PlanError(
                    f"model.weights: {weights} is a name of torchgeo, and needs torchgeo: before it",
                    hint=f"write model.weights: {PREFIX}{weights}",
                )
            raise PlanError(
                f"model.weights: there is no file {path} on this machine",
                hint="give a path that every machine of the run has, or torchgeo:NAME for weights of torchgeo",
            )
        if path.suffix not in (".safetensors", ".pth", ".pt"):
            raise PlanError(f"model.weights: {path} is neither .safetensors nor .pth", hint="convert it to safetensors")
        return cls(of_file(path), path)

    def content_hash(self) -> str:
        """Return 16 hex digits of a hash of the weights and of what is said of their bands and units.

        Of torchgeo's, which may not be here yet, the hash that their file names carry stands for the content.

        Raises:
            PlanError: a file that cannot be read, or is not the one of torchgeo's that it is called by.
        """
        if self.path is None:
            content = str(self.about.sha256_prefix)
        else:
            content = sha256(self.path)
            check_prefix(self.about, self.path, content)
        facts = self.about.model_dump_json(include=set(_FACTS))
        return hashlib.sha256(f"{content} {facts}".encode()).hexdigest()[:16]


def check_prefix(about: About, path: Path, content: str) -> None:
    """Look whether a file is what is known of its weights.

    Args:
        about: what is known.
        path: the file.
        content: its SHA-256.

    Raises:
        PlanError: the SHA-256 begins otherwise.
    """
    if about.sha256_prefix and not content.startswith(about.sha256_prefix):
        raise PlanError(
            f"model.weights: {path} is damaged: its SHA-256 begins with {content[:8]}, not {about.sha256_prefix}",
            hint=f"delete it and fetch it again from {about.url}",
        )


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read anew where it has changed. Raises PlanError where it cannot be read."""
    try:
        status = path.stat()
    except OSError as error:
        raise PlanError(f"model.weights: {path} cannot be read: {error.strerror}") from None
    if status.st_size > MAX_BYTES:
        raise PlanError(
            f"model.weights: {path} is larger than {MAX_BYTES:,} bytes, which no network's weights are",
            hint="name a file that holds the state_dict of the network alone",
        )
    return _sha256(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(path: Path, _size: int, _changed: int) -> str:
    digest = hashlib.sha256()
    with open_regular(path, max_bytes=MAX_BYTES, error=PlanError) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
