"""A folder with an arm's models, to be handed on: what ``model.json`` says of it, and its files by their hashes.

    <folder>/model.json                      this manifest
             weights-seed<N>.safetensors     a file for each seed
             model.pt2, model.onnx           programs with the normalisation inside, where they were asked for
             stac-item.json                  the STAC item of the model, where it was asked for
             README.md                       the model card, which people may edit
             SHA256SUMS                      checksums of all of these, for ``sha256sum -c``

Nothing in it is executed when it is read, and nothing is a pickle.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from raysat.config.limits import SEEDS
from raysat.config.schema import Config
from raysat.data.model_inputs import ModelInputs
from raysat.data.weights.used import WeightsUsed
from raysat.errors import DataError, StorageError
from raysat.files import AnyPath, FileModel, file_exists, open_regular, parse_model, read_bytes, read_text
from raysat.files.fields import MAX_CLASSES, Count, Id, Line, Number, Seed, Time
from raysat.formatting import echo
from raysat.metrics.fitted_readout import FittedReadout
from raysat.storage.sealed import MAX_FILE

MANIFEST: Final = "model.json"
CARD: Final = "README.md"
SUMS: Final = "SHA256SUMS"
TORCH: Final = "model.pt2"
ONNX: Final = "model.onnx"
STAC: Final = "stac-item.json"
INPUT: Final = "patches"  # of the programs, (B, C, H, W) float32 in the store's units
OUTPUT: Final = "probabilities"  # (B, K) float32
_MAX_JSON: Final = 16 << 20  # bytes: figures of 256 classes have a hundredth of it
_MAX_SUMS: Final = 256 << 10
_MAX_VALUES: Final = 1 << 26  # of a patch, 0.3 GB: far above what anybody trains on, far below a machine's memory
_LINE: Final = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._-]{0,99})")
_REMEDY: Final = "export the model again, or copy its folder anew"
_Classes = Annotated[tuple[Line, ...], Field(min_length=1, max_length=MAX_CLASSES)]


class ModelFile(FileModel):
    """A file of the folder, as it was written."""

    name: Id
    bytes: Annotated[int, Field(ge=0, le=MAX_FILE)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Member(FileModel):
    """One trained network: a seed of the arm."""

    seed: Seed
    trial: Id
    weights: Id  # name of its file
    # What its scores are read with; None: as they are.
    readout: Annotated[FittedReadout | None, Field(exclude_if=lambda readout: readout is None)] = None


class Figure(FileModel):
    """A metric with its 95 % interval; None where there is none."""

    value: Number
    low: Number | None = None
    high: Number | None = None


class Measured(FileModel):
    """What the model reached on the patches that the run reports on; figures by metric, ``recall_<class>`` included."""

    split: Id
    patches: Count
    support: Annotated[tuple[Count, ...], Field(max_length=MAX_CLASSES)]  # of these, by class
    model: dict[Line, Figure]  # of the exported model; intervals are over the patches
    seeds: dict[Line, Figure]  # mean of single seeds of the arm; intervals are over seeds and patches
    n_seeds: Count  # that this mean is of
    rank: Count | None = None  # among the study's arms
    arms: Count = 0  # that have finished trials


class Origin(FileModel):
    """Where a model comes from."""

    study: Line
    arm: Line
    settings: tuple[Line, ...] = ()  # of the arm, as the study's plan words them
    reference: Line | None = None  # the publication that the study reproduces
    data: Line  # name that the store was asked for by
    kind: Line | None = None  # of the data's source, where the store could be asked
    fingerprint: Line | None = None
    synthetic: bool = False  # simulated patches, not imagery
    generated: bool = False  # patches of a generator were among those that it was trained on
    train: Annotated[tuple[Count, ...], Field(max_length=MAX_CLASSES)] | None = None  # patches by class, where known
    ended: Time  # its last training, seconds since 1970, UTC


class ModelManifest(FileModel):
    """``model.json``: all that is needed to use the models beside it, and what is known of them."""

    format: Literal[1] = 1
    raysat: Line  # that wrote it
    classes: _Classes
    inputs: ModelInputs
    config: Config  # of a file of weights that training began from, the name alone
    members: Annotated[tuple[Member, ...], Field(min_length=1, max_length=SEEDS)]
    parameters: Count  # of one network
    origin: Origin
    # Whose weights training began from, and on which terms; None: timm's, or random ones.
    pretrained: Annotated[WeightsUsed | None, Field(exclude_if=lambda used: used is None)] = None
    measured: Measured | None = None
    license: Line | None = None
    versions: dict[Line, Line]  # by package, of the training
    files: Annotated[tuple[ModelFile, ...], Field(max_length=SEEDS + 10)] = ()  # all but the card and this one

    @model_validator(mode="after")
    def _fits(self) -> Self:
        named = [file.name for file in self.files]
        weights = [member.weights for member in self.members]
        seeds = [str(member.seed) for member in self.members]
        for member in self.members:
            if member.readout is not None and member.readout.classes not in (None, len(self.classes)):
                raise ValueError(f"seed {member.seed} has a readout of {member.readout.classes} classes")
        for what, names in (("file", named), ("weights", weights), ("seed", seeds)):
            if repeated := next((name for name in names if names.count(name) > 1), None):
                raise ValueError(f"{what} {echo(repeated)} comes twice")
        if self.files and (missing := next((name for name in weights if name not in named), None)):
            raise ValueError(f"weights {echo(missing)} are not among its files")
        if reserved := {MANIFEST, CARD, SUMS}.intersection(named):
            raise ValueError(f"{min(reserved)} is among its files")
        values = len(self.inputs.bands) * self.inputs.height * self.inputs.width
        if values > _MAX_VALUES:
            raise ValueError(f"a patch has {values:,} values, more than {_MAX_VALUES:,}")
        return self

    def has(self, name: str) -> bool:
        """Whether a file is in the folder."""
        return any(file.name == name for file in self.files)


def describe_file(name: str, path: AnyPath) -> ModelFile:
    """Return a file as it is now: its size and hash."""
    with open_regular(path, max_bytes=MAX_FILE) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return ModelFile(name=name, bytes=file.tell(), sha256=digest)


class ModelFolder:
    """Reads such a folder, on a disk or in an object store."""

    def __init__(self, root: AnyPath) -> None:
        """Read the manifest.

        Raises:
            DataError: there is none, or what it says cannot be.
            StorageError: it is not what was written, or of a format that this raysat does not know.
        """
        self.root = root
        if not file_exists(root / MANIFEST):
            raise DataError(f"{root} is no exported model (no {MANIFEST})", hint="give what {raysat export} wrote")
        content = read_bytes(root / MANIFEST, max_bytes=_MAX_JSON, remedy=_REMEDY)
        self.manifest = parse_model(ModelManifest, content, root / MANIFEST, remedy=_REMEDY)
        self._compare(MANIFEST, hashlib.sha256(content).hexdigest(), self._sums.get(MANIFEST))

    def check(self) -> None:
        """Raise StorageError where a file is missing or not what was written; the card, which people edit, excepted."""
        for file in self.manifest.files:
            if self._sums.get(file.name) != file.sha256:
                raise StorageError(f"{self.root / SUMS} is damaged: not the hash of {file.name}", hint=_REMEDY)
            with open_regular(self.root / file.name, max_bytes=file.bytes, remedy=_REMEDY) as opened:
                self._compare(file.name, hashlib.file_digest(opened, "sha256").hexdigest(), file.sha256)

    def read(self, name: str) -> bytes:
        """Read a file that the manifest names. Raises StorageError where it is missing or not what was written."""
        file = next(file for file in self.manifest.files if file.name == name)
        content = read_bytes(self.root / name, max_bytes=file.bytes, remedy=_REMEDY)
        self._compare(name, hashlib.sha256(content).hexdigest(), file.sha256)
        return content

    @cached_property
    def _sums(self) -> Mapping[str, str]:
        file = self.root / SUMS
        found: dict[str, str] = {}
        for number, line in enumerate(read_text(file, max_bytes=_MAX_SUMS, remedy=_REMEDY).splitlines(), start=1):
            match = _LINE.fullmatch(line)
            if match is None or match[2] in found:
                raise StorageError(f"{file} is damaged: line {number} is no checksum of a file", hint=_REMEDY)
            found[match[2]] = match[1]
        return found

    def _compare(self, name: str, found: str, wanted: str | None) -> None:
        if wanted != found:
            raise StorageError(f"{self.root / name} is not what was written: its hash differs", hint=_REMEDY)
