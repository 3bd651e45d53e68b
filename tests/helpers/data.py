"""Makers of stores, TFRecords and GeoTIFFs, written for the tests independently of the package's readers."""

import struct

import numpy as np
import rasterio
from hypothesis import settings

from raysat.data.store import StoreWriter

quick = settings(max_examples=50)  # no deadline: the first draw of a test pays for its imports


OPTIONS = {"bands": ("a", "b"), "classes": ("x", "y"), "sensor": None, "source": {}}  # of a StoreWriter


def patches(count=12, bands=2, side=5, dtype=np.uint8, seed=0):
    """Random patches (N, C, H, W)."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0.2, 0.1, (count, bands, side, side)).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, (count, bands, side, side), dtype=dtype, endpoint=True)


def splits_of(count):
    """Train, val and test in turn."""
    return [("train", "val", "test")[index % 3] for index in range(count)]


def scale_of(values):
    """The full scale as its definition says, from sorted values; None for a constant band."""
    values = np.sort(values, axis=None)
    beyond = len(values) // 1000
    low, high = values[beyond], values[len(values) - 1 - beyond]
    if low == high:
        low, high = values[0], values[-1]
    return (low, high) if low < high else None


def write_store(path, images, labels, splits, missing=None, places=None, groups=None, **options):
    """Write a store of (N, C, H, W) images, some of whose pixels may be missing, and whose places may be known."""
    named = {
        "bands": [f"b{band}" for band in range(images.shape[1])],
        "classes": [f"c{label}" for label in range(int(max(labels)) + 1)],
        "sensor": None,
        "source": {"kind": "test"},
    }
    with StoreWriter(path, **(named | options)) as writer:
        for index, (image, label, split) in enumerate(zip(images, labels, splits, strict=True)):
            masked, place = (None if each is None else each[index] for each in (missing, places))
            writer.add(image, int(label), split, masked, place)
        return writer.close(groups=groups)


def crc32c(content):
    """CRC-32C, bit by bit (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _mask(crc):
    return ((crc >> 15) | (crc << 17 & 0xFFFFFFFF)) + 0xA282EAD8 & 0xFFFFFFFF


def record(payload, crc=crc32c):
    """Frame one TFRecord."""
    length = struct.pack("<Q", len(payload))
    return length + struct.pack("<I", _mask(crc(length))) + payload + struct.pack("<I", _mask(crc(payload)))


def example(features):
    """Serialise a tf.train.Example: bytes, floats or ints by name."""
    entries = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, _feature(value))) for name, value in features.items()
    )
    return _field(1, entries)


def _feature(values):
    values = values if isinstance(values, list) else [values]
    if all(isinstance(value, bytes) for value in values):
        return _field(1, b"".join(_field(1, value) for value in values))
    if all(isinstance(value, float) for value in values):
        return _field(2, _field(1, struct.pack(f"<{len(values)}f", *values)))
    return _field(3, _field(1, b"".join(_varint(value & (1 << 64) - 1) for value in values)))


def _field(number, content):
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def patch_features(pixels, label, side=65):
    """The features of a droughtwatch record of (11, side, side) pixels."""
    return {f"B{band}": plane.tobytes() for band, plane in enumerate(pixels, 1)} | {"label": label, "filename": b"x"}


def write_part(path, examples, pack=bytes):
    """Write a TFRecord part of feature dicts (checksums by the fast library, itself tested against ours)."""
    import crc32c as fast

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack(b"".join(record(example(features), fast.crc32c) for features in examples)))
    return path


def write_tiff(path, pixels, nodata=None, colors=None, **options):
    """Write (C, H, W) pixels as GeoTIFF; ``colors`` are the meanings of its bands."""
    pixels = np.asarray(pixels)
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = pixels.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": pixels.dtype.name}
    place = {"crs": "EPSG:32635", "transform": rasterio.Affine(10, 0, 600000, 0, -10, 4800000)}
    with rasterio.open(path, "w", nodata=nodata, **profile, **place, **options) as file:
        file.write(pixels)
        if colors:
            file.colorinterp = colors
    return path


def write_manifest(path, rows, header="path,label,split"):
    """Write a CSV manifest of rows given as text."""
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def left_behind(folder):
    """Everything in a folder, hidden files too."""
    return sorted(entry.name for entry in folder.iterdir())


def random_pixels(seed, bands=2, side=6):
    return np.random.default_rng(seed).integers(1, 200, (bands, side, side)).astype(np.uint16)
