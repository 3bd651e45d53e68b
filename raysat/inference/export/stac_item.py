"""The STAC item of a model: what it takes and gives, by the machine-learning model extension (MLM), for catalogues."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from raysat.data.sensors import SENSORS, Band
from raysat.installation import extra_module
from raysat.storage.model_folder import CARD, INPUT, ONNX, OUTPUT, TORCH, ModelFile, ModelManifest

if TYPE_CHECKING:
    from pystac import Item
    from stac_model.input import ModelInput
    from stac_model.output import ModelOutput

# Bands as these versions have them: validators of STAC 1.1.0 take no bands in the properties of an item.
_EO: Final = "https://stac-extensions.github.io/eo/v1.1.0/schema.json"
_RASTER: Final = "https://stac-extensions.github.io/raster/v1.1.0/schema.json"
_FILE: Final = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
_SHA256: Final = "1220"  # what a SHA-256 begins with as a multihash
_LICENSE: Final = re.compile(r"[\w.+-]+", re.ASCII)  # STAC has one identifier, and no expression of several
_BINARY: Final = "application/octet-stream"
# Common names of the EO extension, by raysat's roles of bands.
_COMMON: Final = {
    "coastal": "coastal",
    "blue": "blue",
    "green": "green",
    "red": "red",
    "pan": "pan",
    "rededge1": "rededge071",
    "rededge2": "rededge075",
    "rededge3": "rededge078",
    "nir": "nir",
    "nir_narrow": "nir08",
    "water_vapour": "nir09",
    "cirrus": "cirrus",
    "swir1": "swir16",
    "swir2": "swir22",
    "thermal1": "lwir11",
    "thermal2": "lwir12",
}


def need_stac() -> None:
    """Raise InstallationError where what writes STAC items is missing."""
    extra_module("pystac", extra="export")
    extra_module("stac_model", extra="export")


def stac_item(about: ModelManifest) -> bytes:
    """Return the item as JSON, valid by ``stac-model`` and pystac.

    It has no geometry, as stores do not know where their patches lie, and is dated by the end of the training. Where
    there is a program, the model is that, with raw pixels as input; the weights are then no model of their own.
    """
    from pystac import Item  # noqa: PLC0415  (an extra)
    from stac_model.schema import MLModelExtension, MLModelProperties  # noqa: PLC0415

    origin = about.origin
    item = Item(
        id=_plain(f"{origin.study}-{origin.arm}", "-") or "model",
        geometry=None,
        bbox=None,
        datetime=datetime.fromtimestamp(int(origin.ended), UTC),
        properties={
            "title": f"{origin.study}: {origin.arm}",
            "description": _description(about),
            "license": about.license if about.license and _LICENSE.fullmatch(about.license) else "other",
            "eo:bands": _spectra(about),
            "gsd": about.inputs.pixel_size,
        },
        stac_extensions=[_EO, _RASTER, _FILE],
    )
    if about.inputs.pixel_size is None:
        del item.properties["gsd"]
    MLModelExtension.ext(item, add_if_missing=True).apply(
        MLModelProperties(
            name=_plain(f"raysat {origin.study} {origin.arm}", " "),
            architecture=about.config.model.name,
            tasks={"scene-classification"},
            framework="PyTorch",
            framework_version=about.versions.get("torch"),
            accelerator=None,
            accelerator_constrained=False,
            total_parameters=about.parameters * len(about.members),
            pretrained=about.config.model.pretrained or about.pretrained is not None,
            pretrained_source=_pretrained_source(about),
            input=[_input(about)],
            output=[_output(about)],
        )
    )
    _add_assets(item, about)
    content: dict[str, Any] = item.to_dict(include_self_link=False, transform_hrefs=False)
    for key in ("mlm:input", "mlm:output"):  # whose unused functions would be null, which the extension does not know
        content["properties"][key] = [
            {name: value for name, value in each.items() if value is not None} for each in content["properties"][key]
        ]
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).encode()


def has_program(about: ModelManifest) -> bool:
    """Whether raw pixels go in: else the weights are all there is, and who uses them normalises."""
    return about.has(TORCH) or about.has(ONNX)


def _plain(text: str, blank: str) -> str:
    """A text in the letters, digits and signs that names have; other signs become a blank."""
    return blank.join(re.findall(r"[A-Za-z0-9_.]+", text))[:100].strip(" _.-")


def _description(about: ModelManifest) -> str:
    n, origin = len(about.members), about.origin
    average = "" if n == 1 else f", averaged over {n} seeds"
    made = " Trained on simulated patches." if origin.synthetic else ""
    gives = f"probabilities of {len(about.classes)} classes{average}"
    return f"{about.config.model.name} trained by raysat on {origin.data}: {gives}.{made}"


def _spectra(about: ModelManifest) -> list[dict[str, Any]]:
    """The bands as the EO extension has them: micrometres, and common names."""
    return [_spectral(about, name) for name in about.inputs.bands]


def _spectral(about: ModelManifest, name: str) -> dict[str, Any]:
    band = _known(about.inputs.sensor, name)
    if band is None:
        return {"name": name}
    common = {"common_name": _COMMON[band.role]} if band.role in _COMMON else {}
    return {"name": name, "description": band.role, "center_wavelength": band.wavelength_um} | common


def _values(about: ModelManifest) -> list[dict[str, Any]]:
    """The values of bands as the raster extension has them: type, and what normalises them."""
    inputs = about.inputs
    return [
        {"name": name, "data_type": inputs.dtype, "statistics": {"mean": stats.mean, "stddev": stats.std}}
        for name, stats in zip(inputs.bands, inputs.stats, strict=True)
    ]


def _known(sensor: str | None, name: str) -> Band | None:
    bands = SENSORS[sensor].bands if sensor in SENSORS else ()
    return next((band for band in bands if band.name == name), None)


def _input(about: ModelManifest) -> ModelInput:
    from stac_model.input import InputStructure, ModelInput, ValueScalingZScore  # noqa: PLC0415  (an extra)

    inputs = about.inputs
    raw = has_program(about)
    scaling = [ValueScalingZScore(mean=band.mean, stddev=band.std or 1.0) for band in inputs.stats]
    how = "as they are in the data; normalisation is inside" if raw else "normalised with the statistics of each band"
    return ModelInput(
        name=INPUT,
        bands=list(inputs.bands),
        input=InputStructure(
            shape=[-1, len(inputs.bands), inputs.height, inputs.width],
            dim_order=["batch", "bands", "height", "width"],
            data_type="float32",
        ),
        value_scaling=None if raw else list(scaling),
        resize_type=None,
        description=f"{inputs.dtype} pixels as float32, {how}",
    )


def _output(about: ModelManifest) -> ModelOutput:
    from stac_model.output import MLMClassification, ModelOutput, ModelResult  # noqa: PLC0415  (an extra)

    return ModelOutput(
        name=OUTPUT,
        tasks={"scene-classification"},
        result=ModelResult(shape=[-1, len(about.classes)], dim_order=["batch", "class"], data_type="float32"),
        classes=[
            MLMClassification(value=label, name=_class_name(name), description=name)
            for label, name in enumerate(about.classes)
        ],
    )


def _class_name(name: str) -> str:
    """A class as a machine reads it: the classification extension has letters, digits, ``-`` and ``_`` alone."""
    return re.sub(r"[^0-9A-Za-z_-]+", "_", name).strip("_") or "class"


def _pretrained_source(about: ModelManifest) -> str | None:
    if (used := about.pretrained) is not None:
        return ", ".join(("weights of satellite images", *used.said))
    return "ImageNet weights of timm" if about.config.model.pretrained else None


def _add_assets(item: Item, about: ModelManifest) -> None:
    from pystac import Asset  # noqa: PLC0415  (an extra)

    for file in about.files:
        title, media, roles, more = _asset(file, about)
        if "mlm:model" in roles:
            # The item may have bands only where an asset has them, too.
            more |= {"eo:bands": _spectra(about), "raster:bands": _values(about)}
        more |= {"file:size": file.bytes, "file:checksum": _SHA256 + file.sha256}
        item.add_asset(
            _key(file), Asset(f"./{file.name}", title=title, media_type=media, roles=roles, extra_fields=more)
        )
    item.add_asset("card", Asset(f"./{CARD}", title="Model card", media_type="text/markdown", roles=["metadata"]))


def _key(file: ModelFile) -> str:
    return {TORCH: "torch", ONNX: "onnx"}.get(file.name, file.name.partition(".")[0])


def _asset(file: ModelFile, about: ModelManifest) -> tuple[str, str, list[str], dict[str, Any]]:
    """Title, media type, roles and MLM's fields of a file."""
    model = ["mlm:model", "mlm:compiled"]
    match file.name:
        case "model.pt2":
            kind = {"mlm:artifact_type": "torch.export.save"}
            return "Program for PyTorch", f"{_BINARY}; framework=pytorch", model, kind
        case "model.onnx":
            kind = {"mlm:artifact_type": "onnx", "mlm:framework": "ONNX"}
            return "Program for ONNX", f"{_BINARY}; framework=onnx", model, kind
        case _:
            title, media = "Weights of a seed", f"{_BINARY}; framework=safetensors"
            if has_program(about):
                return title, media, ["mlm:weights"], {}
            return title, media, ["mlm:model", "mlm:weights"], {"mlm:artifact_type": "safetensors.torch.save_file"}
