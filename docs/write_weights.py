"""Writes the table of torchgeo's weights that raysat knows, from torchgeo's source; --check says if it differs.

    pip download torchgeo==0.8.1 --no-deps && unzip torchgeo-0.8.1-*.whl -d source
    python docs/write_weights.py --source source --docs torchgeo/docs/api/weights [--check]

torchgeo is not installed: its modules of ResNets and ViTs are run with stand-ins for torchvision and kornia, and its
enumerations are read. Licences are those of the tables in its documentation. Left out are weights of architectures
that timm does not have, those whose file name carries no hash to check, those whose transform is more than an affine
one, and those of bands without a stated name or with units of their own.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

from raysat.data.sensors import SENSORS
from raysat.data.weights.names import plain_name

VERSION = "0.8.1"
TABLE = Path(__file__).parents[1] / "raysat/data/weights/torchgeo.json"
PAGE = Path(__file__).parent / "methods/weights.md"
HEADING = "## The weights\n\n"
# The model of each enumeration, as its function makes it: what some members' own meta says is another.
MODELS = {
    "DOFABase16_Weights": "vit_base_patch16_224",
    "DOFALarge16_Weights": "vit_large_patch16_224",
    "ResNet18_Weights": "resnet18",
    "ResNet50_Weights": "resnet50",
    "ResNet152_Weights": "resnet152",
    "ViTSmall16_Weights": "vit_small_patch16_224",
    "ViTBase16_Weights": "vit_base_patch16_224",
    "ViTLarge16_Weights": "vit_large_patch16_224",
}
TM = {"B1": 0.485, "B2": 0.560, "B3": 0.660, "B4": 0.830, "B5": 1.650, "B6": 11.450, "B7": 2.215}  # USGS, Landsat 5
HASH = re.compile(r"-([0-9a-f]{8,})\.(?:pth|pt)$")


class Normalize:
    """A step of a transform that is affine."""

    def __init__(self, mean: list[float], std: list[float], **_: object) -> None:
        self.mean, self.std = mean, std


class Sequential:
    """Steps of a transform."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts


class WeightsEnum:
    """Base of enumerations, whose members here stay tuples."""


def other_step(*_: object, **__: object) -> None:
    """Stand for a step that moves pixels and changes no value."""


def load(source: Path) -> dict[str, dict[str, Any]]:
    """Run the modules; return the members of their enumerations by class."""
    transforms = SimpleNamespace(Normalize=Normalize, Resize=other_step, CenterCrop=other_step, Identity=other_step)
    nn = SimpleNamespace(
        Sequential=Sequential, Identity=Sequential, Module=object, LayerNorm=object, functional=None, init=None
    )
    api = SimpleNamespace(Weights=lambda url, transforms, meta: (url, transforms, meta), WeightsEnum=WeightsEnum)
    stand_ins = {
        "torchvision": MagicMock(transforms=SimpleNamespace(v2=transforms)),
        "torchvision.transforms": SimpleNamespace(v2=transforms),
        "torchvision.transforms.v2": transforms,
        "torchvision.models": MagicMock(),
        "torchvision.models._api": api,
        "torch": SimpleNamespace(nn=nn, Tensor=object),
        "torch.nn": nn,
        "torch.nn.functional": MagicMock(),
        "torch.nn.init": MagicMock(),
        "timm": MagicMock(),
        "timm.models": MagicMock(),
        "timm.models.vision_transformer": MagicMock(),
    }
    package = ModuleType("torchgeo_models")
    package.__path__ = [str(source / "torchgeo/models")]
    kept = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules |= {**stand_ins, "torchgeo_models": package}  # type: ignore[dict-item]
    found: dict[str, dict[str, Any]] = {}
    try:
        for name in ("resnet", "vit", "dofa"):
            module = __import__(f"torchgeo_models.{name}", fromlist=["*"])
            for each in MODELS:
                if kind := getattr(module, each, None):
                    found[each] = {key: value for key, value in vars(kind).items() if isinstance(value, tuple)}
    finally:
        for name, module in kept.items():
            sys.modules.pop(name, None) if module is None else sys.modules.__setitem__(name, module)
    return found


def affine(transforms: Any, bands: int) -> tuple[list[float], list[float]] | None:
    """The mean and deviation that a chain of transforms comes to, by band; None where it has none."""
    gain, shift, steps = [1.0] * bands, [0.0] * bands, 0
    for part in transforms.parts:
        if isinstance(part, Normalize):
            steps += 1
            mean, std = (each * bands if len(each) == 1 else each for each in (part.mean, part.std))
            gain = [g / s for g, s in zip(gain, std, strict=True)]
            shift = [(h - m) / s for h, m, s in zip(shift, mean, std, strict=True)]
    if not steps:
        return None
    mean, std = [0.0 - h / g for g, h in zip(gain, shift, strict=True)], [1 / g for g in gain]
    return ([float(f"{v:.9g}") for v in mean], [float(f"{v:.9g}") for v in std])


def sensor_of(member: str, bands: list[str]) -> tuple[str, dict[str, float]]:
    """What is called the sensor, and its wavelengths by plain name."""

    def known(name: str) -> dict[str, float]:
        return {plain_name(band.name): band.wavelength_um for band in SENSORS[name].bands}

    match member.split("_")[:3]:
        case ["LANDSAT", "TM", _]:
            return "Landsat 4 and 5 TM", TM
        case ["LANDSAT", "ETM", _]:
            return "Landsat 7 ETM+", known("landsat7") | {"B6VCID1": 11.45, "B6VCID2": 11.45}
        case ["LANDSAT", "OLI", _]:
            return "Landsat 8 and 9", known("landsat8")
        case ["SENTINEL2", *_]:
            return "Sentinel-2", known("sentinel2")
        case _:
            return "Sentinel-1", dict.fromkeys(bands, 0.0)


def table(source: Path, docs: Path) -> str:
    licences = {}
    for path in sorted(docs.glob("*.csv")):
        for row in csv.DictReader(path.open(encoding="utf-8"), skipinitialspace=True):
            licences[row["Weight"].strip()] = (row.get("License") or "").strip()
    entries = []
    for kind, members in load(source).items():
        for member, (url, transforms, meta) in members.items():
            if member.startswith("SENTINEL1_ALL"):  # the older name of what is SENTINEL1_GRD
                continue
            generated = kind.startswith("DOFA")  # the first layer, from wavelengths; inputs are standardised
            bands = ["any"] if generated else list(meta.get("bands", ()))
            stated = HASH.search(url)
            sensor, wavelengths = ("any", {"any": 0.0}) if generated else sensor_of(member, bands)
            units = ([0.0], [1.0]) if generated else affine(transforms, len(bands)) if bands else None
            known = generated or all(plain_name(band) in wavelengths for band in bands)
            if not stated or units is None or not known or (len(set(units[1])) > 1 and not any(units[0])):
                print(f"left out: {kind}.{member}", file=sys.stderr)
                continue
            entries.append(
                {
                    "name": f"{kind}.{member}",
                    "model": MODELS[kind],
                    "url": url,
                    "sha256_prefix": stated[1],
                    "sensor": sensor,
                    "bands": bands,
                    "wavelengths_um": [wavelengths.get(plain_name(band)) or None for band in bands],
                    "mean": units[0],
                    "std": units[1],
                    "dataset": meta["dataset"],
                    "publication": meta["publication"],
                    "licence": licences.get(f"{kind}.{member}") or "not stated",
                    **({"generated": True} if generated else {}),
                }
            )
    lines = ",\n".join(" " + json.dumps(entry) for entry in entries)
    return f'{{"torchgeo": "{VERSION}", "weights": [\n{lines}\n]}}\n'


def page(text: str) -> str:
    """The page on weights, with the list of those of a table."""
    rows = ["| weights | bands | divided by | data | licence | paper |", "|---|---|---|---|---|---|"]
    for each in json.loads(text)["weights"]:
        levels = {f"{value:g}" for value in each["std"]}
        plain = len(levels) == 1 and not any(each["mean"])
        divided = "is standardised" if "generated" in each else levels.pop() if plain else "deviation, by band"
        bands = f"{len(each['bands'])}, {each['sensor']}" if each["bands"] != ["any"] else "any, by wavelength"
        paper = f"[{each['publication'].rpartition('/')[2]}]({each['publication']})"
        rows.append(f"| `{each['name']}` | {bands} | {divided} | {each['dataset']} | {each['licence']} | {paper} |")
    before = PAGE.read_text(encoding="utf-8").partition(HEADING)[0]
    return before + HEADING + "\n".join(rows) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="a folder that holds torchgeo/models")
    parser.add_argument("--docs", type=Path, required=True, help="docs/api/weights of torchgeo's repository")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where the table differs")
    options = parser.parse_args()
    text = table(options.source, options.docs)
    if options.check:
        same = TABLE.read_text(encoding="utf-8") == text and PAGE.read_text(encoding="utf-8") == page(text)
        print("the table is torchgeo's" if same else "the table differs from torchgeo's source")
        return 0 if same else 1
    TABLE.write_text(text, encoding="utf-8")
    PAGE.write_text(page(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
