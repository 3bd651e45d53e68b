"""What a patch store holds, as a document."""

from __future__ import annotations

from raysat.data.grouped import store_groups
from raysat.data.patch_store import PatchStore
from raysat.data.places import Places
from raysat.data.sensors import SENSORS
from raysat.data.summary import SAMPLE, BandSummary, class_counts, summarize_bands
from raysat.data.verify import StoreCheck
from raysat.documents.data_info import (
    BandPart,
    PlacePart,
    SensorPart,
    SplitPart,
    StoreDocument,
    StoreGroupsPart,
)
from raysat.documents.data_verify import StoreCheckDocument
from raysat.errors import DataError


def store_document(store: PatchStore) -> StoreDocument:
    """Return the document of a store. Raises StoreError where its files are damaged."""
    _, _, height, width = store.images.shape
    return StoreDocument(
        path=str(store.path),
        fingerprint=store.fingerprint,
        patches=len(store),
        height=height,
        width=width,
        dtype=store.images.dtype.name,
        bytes=store.files.total(),
        pixel_size=store.pixel_size,
        sensor=_sensor(store.sensor),
        bands=tuple(_band(band, known=store.nodata is not None) for band in summarize_bands(store)),
        classes=store.classes,
        ordinal=store.ordinal,
        generated=store.generated,
        reported_split=store.reported_split,
        splits={
            split: SplitPart(patches=int(counts.sum()), by_class=dict(zip(store.classes, counts.tolist(), strict=True)))
            for split, counts in class_counts(store).items()
        },
        sampled=min(len(store), SAMPLE),
        nodata=None if store.nodata is None else sum(store.nodata),
        places=None if store.places is None else _places(store.places),
        groups=_groups(store),
        source=store.source,
    )


def check_document(store: PatchStore, found: StoreCheck) -> StoreCheckDocument:
    """Return the document of a store that is whole.

    Args:
        store: it.
        found: what reading all of it found.
    """
    return StoreCheckDocument(
        path=str(store.path), fingerprint=store.fingerprint, patches=found.patches, bytes=found.bytes
    )


def _sensor(name: str | None) -> SensorPart | None:
    known = SENSORS.get(name or "")
    return None if name is None else SensorPart(name=name, title=known.title if known else None)


def _band(band: BandSummary, *, known: bool) -> BandPart:
    names = ("min", "p2", "median", "p98", "max")
    return BandPart(
        name=band.name,
        role=band.band.role if band.band else None,
        wavelength_nm=round(band.band.wavelength_um * 1000, 3) if band.band else None,
        mean=band.stats.mean,
        sd=band.stats.std,
        **dict(zip(names, band.ranges, strict=True)),
        nodata=band.nodata if known else None,
    )


def _places(places: Places) -> PlacePart:
    crs = tuple(dict.fromkeys(scene.crs for scene in places.scenes))
    return PlacePart(scenes=tuple(name for name in places.names if name is not None), crs=crs)


def _groups(store: PatchStore) -> StoreGroupsPart | None:
    """The groups of a store; None too where its places cannot be told in metres."""
    try:
        groups = store_groups(store)
    except DataError:
        return None
    if groups is None:
        return None
    return StoreGroupsPart(n=len(groups), by=groups.grouping.by, metres=groups.grouping.metres)
