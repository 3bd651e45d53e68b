"""Makers of scenes and labels, written with rasterio and pyogrio alone."""

import warnings

import numpy as np
import pyogrio
import rasterio
import shapely
from rasterio.transform import Affine

CRS = "EPSG:32635"
TRANSFORM = Affine(10, 0, 600_000, 0, -10, 4_800_000)


def write_scene(path, pixels, names=(), nodata=None, crs=CRS, transform=TRANSFORM, **options):
    """Write (C, H, W) pixels as GeoTIFF, its bands described by names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = pixels.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": pixels.dtype.name}
    place = {"crs": crs, "transform": transform, "nodata": nodata}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", **profile, **place, **options) as file:
            file.write(pixels)
            for index, name in enumerate(names, 1):
                file.set_band_description(index, name)
    return path


def noise(bands=3, height=60, width=80, dtype=np.uint16, seed=0):
    """Pixels (C, H, W) that differ everywhere."""
    return np.random.default_rng(seed).integers(1, 60_000, (bands, height, width)).astype(dtype)


def write_labels(path, geometries, crs=CRS, layer=None, append=False, **columns):
    """Write geometries with columns to a vector file."""
    shapes = np.array(geometries, dtype=object)
    kinds = {shape.geom_type for shape in geometries if shape is not None}
    data = [np.array(column) for column in columns.values()]
    data = [column.astype(object) if column.dtype.kind in "US" else column for column in data]
    pyogrio.raw.write(
        path,
        shapely.to_wkb(shapes),
        data,
        list(columns),
        crs=crs,
        geometry_type=kinds.pop() if len(kinds) == 1 else "Unknown",
        layer=layer,
        append=append,
    )
    return path


def map_of(columns, rows, transform=TRANSFORM):
    """Points in the middle of pixels."""
    return [shapely.Point(*(transform * (column + 0.5, row + 0.5))) for column, row in zip(columns, rows, strict=True)]


def pixel_box(left, top, right, bottom, transform=TRANSFORM):
    """A rectangle between columns and rows."""
    return shapely.box(*(transform * (left, bottom)), *(transform * (right, top)))
