"""What is known of pretrained weights: their bands and units, where they are from, and whose they are.

torchgeo's are in a table beside this file, which ``docs/write_weights.py`` makes of torchgeo's source: torchgeo itself,
and with it Lightning and a dozen other packages, is not needed. A file of one's own is described beside it::

    my.safetensors        the weights
    my.safetensors.json   {"bands": ["B02", "B03", "B04"], "sensor": "sentinel2", "std": [10000], "licence": "MIT"}
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from raysat.data.fields import BandNames
from raysat.data.sensors import SENSORS
from raysat.data.weights.beside import fault_of
from raysat.data.weights.names import plain_name
from raysat.errors import PlanError, suggest
from raysat.files import FileModel, read_bytes, read_model
from raysat.files.fields import Line, Number
from raysat.formatting import echo

PREFIX: Final = "torchgeo:"
_TABLE: Final = Path(__file__).with_name("torchgeo.json")
_MAX_SIDECAR: Final = 1 << 20
_Wavelength = Annotated[float, Field(gt=0, lt=1e6, allow_inf_nan=False)]
_Deviation = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_EXAMPLE: Final = '{"bands": ["B02", "B03", "B04"], "sensor": "sentinel2", "std": [10000], "licence": "CC-BY-4.0"}'


class About(FileModel):
    """Bands that weights take, in their order, and the affine map that their inputs were scaled by."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bands: BandNames
    sensor: Line | None = None  # one of raysat's says the wavelengths
    wavelengths_um: tuple[_Wavelength | None, ...] = ()  # by band; none where bands are told by name alone
    mean: tuple[Number, ...] = (0.0,)  # one for all, or by band, in the units of what they were trained on
    std: tuple[_Deviation, ...] = (1.0,)
    name: Line | None = None  # that torchgeo calls them by
    model: Line | None = None  # timm's name of the architecture
    url: Line | None = None
    sha256_prefix: Line | None = None
    dataset: Line | None = None
    publication: Line | None = None
    licence: Line = "not stated"
    generated: bool = False  # the first layer, of whatever bands' wavelengths (DOFA): inputs are standardised

    @field_validator("mean", "std", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _is_of_each_band(self) -> Self:
        for what in ("mean", "std"):
            if len(getattr(self, what)) not in (1, len(self.bands)):
                raise ValueError(f"{what} has {len(getattr(self, what))} values, for {len(self.bands)} bands")
        if self.wavelengths_um and len(self.wavelengths_um) != len(self.bands):
            raise ValueError(f"wavelengths_um has {len(self.wavelengths_um)} values, for {len(self.bands)} bands")
        if not self.wavelengths_um and self.sensor is not None:
            if self.sensor not in SENSORS:
                raise ValueError(f"no sensor {echo(self.sensor)} is known: {suggest(self.sensor, SENSORS)}")
            known = wavelengths(self.sensor)
            if unknown := [band for band in self.bands if plain_name(band) not in known]:
                raise ValueError(f"{self.sensor} has no band {unknown[0]!r}: say wavelengths_um")
        return self

    @property
    def file(self) -> str:
        """The name that the file is downloaded to."""
        return (self.url or "").rpartition("/")[2]

    @property
    def by_band(self) -> tuple[float | None, ...]:
        """Wavelength of each band in micrometres; None where it is not known."""
        if self.wavelengths_um or self.sensor is None:
            return self.wavelengths_um or (None,) * len(self.bands)
        known = wavelengths(self.sensor)
        return tuple(known[plain_name(band)] for band in self.bands)


def wavelengths(sensor: str | None) -> dict[str, float]:
    """Wavelengths in micrometres of a sensor's bands by plain name; of none that is not known."""
    known = SENSORS.get(sensor or "")
    return {plain_name(band.name): band.wavelength_um for band in known.bands} if known else {}


class _Table(FileModel):
    torchgeo: Line
    weights: tuple[About, ...]


@cache
def table() -> dict[str, About]:
    """Return torchgeo's weights by name, such as ``ResNet18_Weights.SENTINEL2_ALL_MOCO``."""
    found = read_model(_Table, _TABLE, remedy="install raysat again")
    return {str(about.name): about for about in found.weights}


def of_torchgeo(name: str) -> About:
    """Return what is known of torchgeo's weights of this name. Raises PlanError for one that is not in the table."""
    try:
        return table()[name]
    except KeyError:
        raise PlanError(
            f"model.weights: no weights {PREFIX}{name} are known",
            hint=suggest(
                f"{PREFIX}{name}",
                (f"{PREFIX}{known}" for known in table()),
                "those that are known are listed in docs/methods/weights.md",
            ),
        ) from None


def _read(beside: Path) -> About:
    remedy = f"write it like this: {_EXAMPLE}"
    content = read_bytes(beside, max_bytes=_MAX_SIDECAR, remedy=remedy, error=PlanError)
    try:
        return About.model_validate_json(content)
    except ValidationError as error:
        fault, meant = fault_of(error, About.model_fields)
        raise PlanError(f"model.weights: {beside}: {fault}", hint=[*filter(None, [meant]), remedy]) from None


def of_file(path: Path) -> About:
    """Return what is said of a file of weights: beside it, or in the table where it has the name of one of torchgeo's.

    Raises PlanError where nothing is said, or what is said is damaged.
    """
    beside = path.with_name(path.name + ".json")
    if beside.exists():
        known: About | None = _read(beside)
    else:
        known = next((about for about in table().values() if about.file == path.name), None)
    if known is None:
        raise PlanError(
            f"model.weights: {path} does not say which bands it takes, in which units",
            hint=f"write {beside} beside it, such as {_EXAMPLE}",
        )
    if known.generated:
        raise PlanError(
            f"model.weights: {path} holds DOFA's weights, which are used by name alone",
            hint=f"set model.weights: {PREFIX}{known.name or 'DOFABase16_Weights.DOFA_MAE'}",
        )
    return known
