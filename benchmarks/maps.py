"""Maps a synthetic scene: how many pixels a second beside the bare model's limit, and how much memory.

    python benchmarks/maps.py            10,980 x 10,980 x 13 uint16, a Sentinel-2 tile: some minutes on two cores
    python benchmarks/maps.py --quick    a small one, in seconds

The limit is the same network on a constant batch in memory. It and the map take turns, since other work on the machine
slows both; what is compared are the sums. Memory is the peak of processes that map a sixteenth of the scene, and all of
it, with the smallest network.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A")
CLASSES = tuple(f"class {number}" for number in range(10))
PIXEL = 10  # metres
PATCH = 64
_TILE = 512  # pixels along a side of the scene's tiles
_PART = 4 * _TILE  # rows of pixels that are mapped between two looks at the limit: whole tiles, none is unpacked twice


def write_scene(path: Path, side: int, *, compress: str) -> None:
    """Write a scene of smooth ground with noise, tile by tile."""
    import rasterio
    from rasterio.transform import from_origin
    from rasterio.windows import Window

    rng, tile = np.random.default_rng(0), _TILE
    y, x = np.mgrid[:tile, :tile] / tile * 2 * np.pi
    waves = [np.sin(x * k) * np.cos(y * (k + 1)) for k in range(1, 14)]
    ground = np.stack([1500 + 60 * band + 400 * wave for band, wave in enumerate(waves)])
    tiles = [(ground + rng.normal(0, 12, ground.shape)).astype(np.uint16) for _ in range(4)]
    shape = {"count": len(BANDS), "height": side, "width": side, "dtype": "uint16"}
    layout = {"tiled": True, "blockxsize": tile, "blockysize": tile, "interleave": "pixel", "bigtiff": "yes"}
    packed = (
        {"compress": compress, "zlevel": 1, "predictor": 2, "num_threads": "all_cpus"} if compress != "none" else {}
    )
    where = {"crs": "EPSG:32632", "transform": from_origin(500_000, 5_000_000, PIXEL, PIXEL)}
    with rasterio.open(path, "w", driver="GTiff", **shape, **layout, **packed, **where) as file:
        file.descriptions = BANDS
        for number, (row, column) in enumerate(np.ndindex(-(-side // tile), -(-side // tile))):
            window = Window(column * tile, row * tile, min(tile, side - column * tile), min(tile, side - row * tile))
            file.write(tiles[number % 4][:, : window.height, : window.width], window=window)


def arm(name: str):
    """An arm of one seed with random weights, which are as fast as trained ones."""
    import torch

    from raysat.config.schema import Config
    from raysat.data.model_inputs import ModelInputs
    from raysat.data.stats import BandStats
    from raysat.inference.classifier import Classifier
    from raysat.inference.load import TrainedArm
    from raysat.training.device import default_device
    from raysat.training.models.build import build

    stats = tuple(BandStats(mean=1500.0 + 60 * band, std=280.0, low=500.0, high=4000.0) for band in range(len(BANDS)))
    inputs = ModelInputs(bands=BANDS, sensor="sentinel2", height=PATCH, width=PATCH, dtype="uint16", stats=stats)
    config = Config.model_validate({"model": {"name": name, "pretrained": False}})
    torch.manual_seed(0)
    network = build(config.model, bands=len(BANDS), classes=len(CLASSES), size=(PATCH, PATCH))
    model = Classifier.restore(config, inputs, CLASSES, network.state_dict(), default_device())
    return TrainedArm(name=name, seeds=(0,), trials=("0" * 16,), models=(model,))


def limit(trained, batches: int) -> tuple[int, float]:
    """Patches that the bare model classifies, and its seconds; they lie on the device as float32."""
    import torch

    from raysat.training.device import EVALUATION_BATCH

    model = trained.models[0]
    patches = torch.full((EVALUATION_BATCH, len(BANDS), PATCH, PATCH), 1500.0, device=model.device)
    model.posterior(patches).cpu()
    start = time.perf_counter()
    for _ in range(batches):
        found = model.posterior(patches)
    found.cpu()
    return batches * EVALUATION_BATCH, time.perf_counter() - start


def map_part(trained, scene: Path, out: Path, rows: tuple[int, int], side: int) -> tuple[int, float]:
    """Windows of some rows of pixels, and the seconds of mapping them."""
    from raysat.inference.maps.scene_map import MapOptions, make_map

    north = 5_000_000 - rows[0] * PIXEL
    box = (500_000, 5_000_000 - rows[1] * PIXEL, 500_000 + side * PIXEL, north)
    start = time.perf_counter()
    made = make_map(
        trained, scene, out, MapOptions(bbox=box, overwrite=True), run="benchmark", on_windows=lambda *_: None
    )
    return made.record.cells[0] * made.record.cells[1], time.perf_counter() - start


def measure(scene: Path, out: Path, side: int, model: str) -> dict[str, float]:
    """Take turns of limit and map, part by part of the scene: patches a second, and a second of its processor."""
    trained = arm(model)
    map_part(trained, scene, out, (0, PATCH), side)
    sums = np.zeros((2, 3))
    for top in range(0, side, _PART):
        begin = time.process_time()
        windows, seconds = map_part(trained, scene, out, (top, min(side, top + _PART)), side)
        sums[0] += windows, seconds, time.process_time() - begin
        limit(trained, 1)
        begin = time.process_time()
        patches, seconds = limit(trained, max(1, windows // 256))
        warm_up = patches / (patches + 256)  # a batch that is not timed
        sums[1] += patches, seconds, (time.process_time() - begin) * warm_up
    (mapped, bare), (per_cpu, bare_per_cpu) = sums[:, 0] / sums[:, 1], sums[:, 0] / sums[:, 2]
    return {"mapped": mapped, "bare": bare, "per_cpu": per_cpu, "bare_per_cpu": bare_per_cpu}


def whole(scene: Path, out: Path, side: int, model: str) -> dict[str, float]:
    """Map the upper left part of so many pixels; the process's peak of memory, before and after."""
    trained = arm(model)
    limit(trained, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    windows, seconds = map_part(trained, scene, out, (0, side), side)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"before_mb": before, "peak_mb": after, "seconds": seconds, "windows": windows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small scene and network, for tests")
    parser.add_argument("--model", default=None, help="default resnet18")
    parser.add_argument("--side", type=int, default=None, help="pixels; default 10980")
    parser.add_argument("--compress", default="deflate", choices=["deflate", "none"])
    parser.add_argument("--folder", type=Path, help="for the scene, some 3 GB; default a temporary one")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    side = options.side or (512 if options.quick else 10_980)
    model = options.model or ("test_resnet" if options.quick else "resnet18")
    if options.child:
        part, scene = options.child.split(":", 1)
        out = Path(scene).parent / "maps"
        done = whole(Path(scene), out, int(part), model) if part else measure(Path(scene), out, side, model)
        print(json.dumps(done))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        scene = Path(folder) / "scene.tif"
        start = time.perf_counter()
        write_scene(scene, side, compress=options.compress)
        size, seconds = scene.stat().st_size / 1e9, time.perf_counter() - start
        what = f"{side:,} x {side:,} x {len(BANDS)} uint16, {options.compress}"
        print(f"scene      {what}, {size:.2f} GB, written in {seconds:.0f} s", flush=True)

        def child(part: int | None = None) -> dict[str, float]:
            words = ["--side", str(side), "--model", model, "--child", f"{part or ''}:{scene}"]
            command = [sys.executable, __file__, *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
            if done.returncode:
                sys.exit(done.stderr)
            found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
            return found

        speed = child()
        mega = PATCH * PATCH / 1e6
        print(f"map        {speed['mapped']:,.0f} patches/s, {speed['mapped'] * mega:.2f} million pixels/s ({model})")
        print(f"bare model {speed['bare']:,.0f} patches/s, {speed['bare'] * mega:.2f} million pixels/s")
        print(f"share      {speed['mapped'] / speed['bare']:.2f}", flush=True)
        shares = f"{speed['per_cpu']:,.0f} of {speed['bare_per_cpu']:,.0f} patches a second of one core"
        by_cpu = speed["per_cpu"] / speed["bare_per_cpu"]
        print(f"           {by_cpu:.2f} by processor time: {shares}", flush=True)
        model = "test_resnet"  # what memory does not depend on
        for part in (side // 4, side):
            found = child(part)
            name = f"{part:,} x {part:,}"
            print(
                f"memory     {found['peak_mb']:,.0f} MB at most for {name}, {found['before_mb']:,.0f} MB before; "
                f"{found['windows']:,.0f} windows in {found['seconds']:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
