"""Stores to be converted, with nodata and places, and what imports them again, by layout."""

import numpy as np

from raysat.data.groups import Grouping, Groups
from raysat.data.importers.image_folder import read_image_folder
from raysat.data.importers.webdataset import read_webdataset
from raysat.data.importers.write import import_patches
from raysat.data.importers.zarr import read_zarr
from raysat.data.layouts import LAYOUTS
from raysat.data.places import Place, SceneRef
from tests.helpers.data import patches, splits_of, write_store

READ = dict.fromkeys(LAYOUTS, read_image_folder) | {"webdataset": read_webdataset, "zarr": read_zarr}
SCENES = (SceneRef(name="L8, \u2018north\u2019", crs="EPSG:32633"), SceneRef(name=None, crs="EPSG:4326"))


def make(path, dtype=np.uint16, bands=2, missing=False, count=18, placed=False, grouped=False, **options):
    images = patches(count, bands=bands, dtype=dtype)
    masks = None
    if missing:
        masks = np.random.default_rng(1).random(images.shape) < 0.1
        masks[::2] = False
    named = {"classes": ["water", "built up", "3+ cows"], "sensor": "sentinel2", "ordinal": True} | options
    places = [Place(scene=SCENES[row % 2], x=row / 3, y=-1e7 - row, pixel_size=30.0) for row in range(count)]
    if placed:
        named["places"] = places
    if grouped:
        named["groups"] = Groups(codes=np.arange(count) % 7, grouping=Grouping(by="column"))
    return write_store(path, images, np.arange(count) // 3 % 3, splits_of(count), masks, **named)


def back(layout, folder, out):
    return import_patches(READ[layout](folder), out, allow_duplicates=True)
