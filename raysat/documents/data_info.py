"""What ``raysat data info --json`` prints: what a patch store holds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from raysat.documents.base import Count, Document, Part, Real


class SensorPart(Part):
    """The instrument."""

    name: str = Field(description="As --sensor knows it, or as the store calls it.")
    title: str | None = Field(description="In full; null of one that raysat does not know.")


class BandPart(Part):
    """A band, and the spread of its values."""

    name: str = Field(description="Of the band.")
    role: str | None = Field(description="Such as nir; null where the sensor is not known.")
    wavelength_nm: Real = Field(description="Of its centre; null where the sensor is not known.")
    mean: Real = Field(description="Over the train split, in the store's units.")
    sd: Real = Field(description="Over the train split, in the store's units.")
    min: Real = Field(description="Over sampled patches; null where these hold nodata alone. So are those below.")
    p2: Real = Field(description="2nd percentile.")
    median: Real = Field(description="50th percentile.")
    p98: Real = Field(description="98th percentile.")
    max: Real = Field(description="The greatest.")
    nodata: Count | None = Field(description="Pixels; null where the store does not say.")


class SplitPart(Part):
    """A split."""

    patches: Count = Field(description="In all.")
    by_class: dict[str, Count] = Field(description="By class.")


class StoreGroupsPart(Part):
    """Groups of patches that are alike."""

    n: Count = Field(description="How many.")
    by: Literal["column", "scene", "block"] = Field(description="What makes them.")
    metres: Real = Field(description="Side of a block; null of others.")


class PlacePart(Part):
    """Where patches lie."""

    scenes: tuple[str, ...] = Field(description="Names of scenes, of those that have one.")
    crs: tuple[str, ...] = Field(description="Coordinate reference systems, each once.")


class StoreDocument(Document):
    """A patch store."""

    path: str = Field(description="Its folder or URL.")
    fingerprint: str = Field(description="Hash of its content.")
    patches: Count = Field(description="In all.")
    height: Count = Field(description="Of a patch, pixels.")
    width: Count = Field(description="Of a patch, pixels.")
    dtype: str = Field(description="Of a pixel, as numpy calls it.")
    bytes: Count = Field(description="On disk.")
    pixel_size: Real = Field(description="Metres; null where it is not known.")
    sensor: SensorPart | None = Field(description="null where it is not known.")
    bands: tuple[BandPart, ...] = Field(description="In the order of the store.")
    classes: tuple[str, ...] = Field(description="In the order of labels.")
    ordinal: bool = Field(description="The order of the classes has a meaning.")
    generated: bool = Field(description="Made by a model: its patches are never measured on.")
    reported_split: str = Field(description="That results are reported on.")
    splits: dict[str, SplitPart] = Field(description="By split, of those that have any, and all.")
    sampled: Count = Field(description="Patches that min to max of bands were taken over.")
    nodata: Count | None = Field(description="Pixels over all bands; null where the store does not say.")
    places: PlacePart | None = Field(description="null where they are not known.")
    groups: StoreGroupsPart | None = Field(description="null where none are known.")
    source: dict[str, JsonValue] = Field(description="What it was made of, as its importer says.")
