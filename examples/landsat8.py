"""A Landsat 8 scene from its bands to a map: chips at labelled points, stored, trained, reported, mapped.

    python examples/landsat8.py FOLDER --out landsat8            # minutes on a laptop

FOLDER holds one GeoTIFF a band, named ..._B1.tif and so on, and the quality band of its level-1 product, ..._BQA.tif,
whose bits say of each pixel whether it is cloud (14 and 15) or cirrus (12 and 13): the labels. The question is whether
losses made for rare classes help to find the few clouds among what is clear.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import rasterio
from rasterio.warp import transform
from rich.console import Console

import raysat

BANDS = [f"B{number}" for number in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11)]  # B8 has pixels of 15 m
CLASSES = ["clear", "cirrus", "maybe cloud", "cloud"]
SIZE = 33  # pixels of a chip
STRIDE = 16  # pixels between points
# Splits are strips of columns, at least a chip apart, so that none shares ground with another.
STRIPS = {"test": (0.0, 0.16), "train": (0.22, 0.66), "val": (0.71, 1.0)}


def main() -> None:
    """Do what the options ask for."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    points = write_points(next(options.scene.glob("*_BQA.tif")), options.out / "points.geojson")

    chips = raysat.import_chips(
        options.scene,
        points,
        options.out / "store",
        size=SIZE,
        sensor="landsat8",
        bands=BANDS,
        label_column="label",
        split_column="split",
        classes=CLASSES,
        map=options.out / "chips.png",
        overwrite=True,
    )
    print(chips.store.class_counts())
    print(*chips.notes, sep="\n")

    study = raysat.load_study(
        {
            "study": "landsat8",
            "base": {
                "model": {"name": options.model},
                "optim": {"kind": "adam", "lr": 1e-3, "batch_size": 32, "epochs": options.epochs},
            },
            "seeds": options.seeds,
            "arms": {
                "plain": {},
                "DRW": {"reweight.kind": "drw"},
                "LDAM + DRW": {"loss.kind": "ldam", "reweight.kind": "drw"},
            },
        }
    )
    plan = raysat.plan(study, options.out / "store")
    run = raysat.ablate(plan, out=options.out / "runs", on_event=raysat.RunView(Console(soft_wrap=True)))
    print()
    print(raysat.report(run, out=options.out / "report"))
    maps = raysat.predict(run, options.scene, out=options.out / "maps", stride=STRIDE, png=True, overwrite=True)
    print(maps.to_frame())


def write_points(quality: Path, file: Path) -> Path:
    """Write a point every STRIDE pixels, with the class of its pixel and the split of its column.

    Args:
        quality: the quality band of a Landsat 8 level-1 product before the collections.
        file: the GeoJSON file to write.

    Returns:
        The file.
    """
    with rasterio.open(quality) as band:
        bits, place, crs = band.read(1), band.transform, band.crs
    cloud, cirrus = bits >> 14 & 3, bits >> 12 & 3
    labels = np.select([cloud == 3, cloud == 2, cirrus >= 2], [3, 2, 1], 0)
    half = SIZE // 2
    height, width = bits.shape
    rows, columns = (axis.ravel() for axis in np.mgrid[half : height - half : STRIDE, half : width - half : STRIDE])
    longitudes, latitudes = transform(
        crs, "EPSG:4326", place.c + (columns + 0.5) * place.a, place.f + (rows + 0.5) * place.e
    )
    features = []
    for row, column, longitude, latitude in zip(rows, columns, longitudes, latitudes, strict=True):
        split = next((name for name, (low, high) in STRIPS.items() if low <= column / width < high), None)
        if split is not None:
            properties = {"label": CLASSES[labels[row, column]], "split": split}
            point = {"type": "Point", "coordinates": [longitude, latitude]}
            features.append({"type": "Feature", "properties": properties, "geometry": point})
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return file


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Chips from a Landsat 8 scene: stored, trained, reported, mapped.")
    parser.add_argument("scene", type=Path, help="folder of one GeoTIFF a band, with the quality band")
    parser.add_argument("--epochs", type=int, default=12, help="epochs of every arm")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of every arm")
    parser.add_argument("--model", default="test_resnet", help="any timm model; for a real study, resnet18")
    parser.add_argument("--out", type=Path, default=Path("landsat8"), help="folder of points, store, run and report")
    return parser.parse_args()


if __name__ == "__main__":
    main()
