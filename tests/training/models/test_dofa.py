"""DOFA: a ViT whose first layer follows from the wavelengths of whatever bands it gets."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from torch import Tensor

from raysat.config.schema import Config, Trial
from raysat.data.sensors import get_sensor
from raysat.data.weights import about as known
from raysat.errors import BandError, PlanError
from raysat.training.check import check
from raysat.training.engine import Engine
from raysat.training.models.dofa import Generator
from raysat.training.models.rebuild import rebuild
from raysat.training.weights_files import cached_at
from tests.helpers.satellite import band_names, make_store
from tests.helpers.training import config, run

pytestmark = pytest.mark.slow

NAME = "DOFABase16_Weights.DOFA_MAE"
SIZE = 32


def dofa_file(model: str = "test_vit") -> dict[str, Tensor]:
    """Random tensors by the names of DOFA's files: a ViT without classifier, its first layer a generator's."""
    torch.manual_seed(2)
    network = timm.create_model(model, global_pool="avg", num_classes=0, img_size=SIZE)
    weight = network.patch_embed.proj.weight
    generator = Generator(weight.shape[0], weight.shape[2])
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    left_out = ("patch_embed.proj.", "fc_norm.")
    rest = {name: value for name, value in network.state_dict().items() if not name.startswith(left_out)}
    return rest | {f"patch_embed.{name}": value for name, value in generator.state_dict().items()}


@pytest.fixture
def tensors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Tensor]:
    """The file in torch hub's cache, of a smallest ViT; its tensors."""
    found = dofa_file()
    keep(found, monkeypatch, tmp_path)
    return found


def keep(found: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "any.pth"
    torch.save(found, path)
    prefix = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    changes = {"model": "test_vit", "url": f"https://localhost/dofa-{prefix}.pth", "sha256_prefix": prefix}
    about = known.of_torchgeo(NAME).model_copy(update=changes)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.setattr(known, "table", lambda: {NAME: about})
    cached_at(about).parent.mkdir(parents=True)
    path.rename(cached_at(about))


def dofa(**parts: object) -> Config:
    model = {"name": "test_vit", "weights": f"torchgeo:{NAME}", **parts}
    return config(model=model, optim={"epochs": 1, "kind": "sgd", "lr": 0.1})


def test_its_last_norm_is_no_stage(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", band_names("sentinel2"), size=SIZE)
    network = Engine(Trial(config=dofa(trains=1), seed=0), store, torch.device("cpu")).network.get_submodule("backbone")
    moving = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    last = f"blocks.{len(network.blocks) - 1}."
    assert {"fc_norm.weight", "head.weight"} < moving
    assert all(name.startswith((last, "fc_norm.", "head.")) for name in moving)
    assert f"{last}norm1.weight" in moving


@pytest.mark.parametrize("sensor", ["sentinel2", "planetscope"])
def test_features_are_those_of_a_vit_with_generated_kernels(
    tensors: dict[str, Tensor], tmp_path: Path, sensor: str
) -> None:
    store = make_store(tmp_path / "store", band_names(sensor), sensor=sensor, size=SIZE)
    check(dofa(), store)
    engine = Engine(Trial(config=dofa(), seed=0), store, torch.device("cpu"))
    waves = [band.wavelength_um for band in get_sensor(sensor).bands]
    patches = engine._scale.normalise(torch.from_numpy(np.asarray(store.images[:3]).astype(np.float32)))
    generator = Generator(tensors["cls_token"].shape[-1], 16)
    generator.load_state_dict({name: tensors[f"patch_embed.{name}"] for name in generator.state_dict()})
    kernels, bias = generator(waves)
    network = engine.network.eval()
    with torch.inference_mode():
        tokens = F.conv2d(patches, kernels, bias, stride=16, padding=1).flatten(2).transpose(1, 2)
        ours = network.backbone.patch_embed(network.units(patches))
        torch.testing.assert_close(ours.flatten(1), tokens.flatten(1), rtol=1e-4, atol=1e-5)
        tokens = torch.cat([(tensors["cls_token"] + tensors["pos_embed"][:, :1]).expand(3, -1, -1),
                            tokens + tensors["pos_embed"][:, 1:]], dim=1)  # fmt: skip
        for block in network.backbone.blocks:
            tokens = block(tokens)
        features = F.layer_norm(tokens[:, 1:].mean(dim=1), tokens.shape[-1:], eps=1e-6)
        expected = network.backbone.head(features)
        torch.testing.assert_close(network(patches), expected, rtol=1e-4, atol=1e-5)


def test_a_linear_probe_is_built_anew_as_it_was(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", band_names("sentinel2"), size=SIZE)
    what = dofa(trains="head")
    start = Engine(Trial(config=what, seed=0), store, torch.device("cpu")).network.state_dict()
    _, result = run(what, store)
    for name, value in result.state_dict.items():
        assert torch.equal(value, start[name]) == (not name.startswith("backbone.head.")), name
    again = rebuild(what.model, result.state_dict, bands=13, classes=3, size=(SIZE, SIZE))
    assert again.get_submodule("backbone.patch_embed.proj").padding == (1, 1)
    assert result.weights is not None
    assert result.weights.licence == "CC-BY-4.0"


def test_its_inputs_are_standardised_whatever_the_scale(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    store, cpu = make_store(tmp_path / "store", band_names("sentinel2"), size=SIZE), torch.device("cpu")
    one, *others = (
        Engine(Trial(config=dofa(weights_scale=scale), seed=0), store, cpu).network.state_dict()
        for scale in (1.0, 10.0, "standardised")
    )
    assert all(torch.equal(value, other[name]) for other in others for name, value in one.items())
    assert torch.equal(one["units.gain"], torch.ones(13, 1, 1))


def test_bands_that_it_was_not_trained_on_are_refused(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", band_names("landsat8"), sensor="landsat8", size=SIZE)
    with pytest.raises(BandError, match="B10, B11 are longer, or not known") as found:
        check(dofa(), store)
    assert "data.drop: [B10, B11]" in (found.value.hint or "")
    check(dofa().model_copy(update={"data": config(data={"drop": ["B10", "B11"]}).data}), store)


def test_a_file_without_its_generator_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = dofa_file()
    del found["patch_embed.fclayer.w1.weight"]
    keep(found, monkeypatch, tmp_path)
    store = make_store(tmp_path / "store", band_names("sentinel2"), size=SIZE)
    with pytest.raises(PlanError, match=r"patch_embed.fclayer.w1.weight is missing or of another shape"):
        Engine(Trial(config=dofa(), seed=0), store, torch.device("cpu"))


def test_its_file_is_used_by_name_alone(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    path = cached_at(known.of_torchgeo(NAME))
    with pytest.raises(PlanError, match="are used by name alone") as found:
        check(dofa(weights=str(path)), make_store(tmp_path / "store", band_names("sentinel2"), size=SIZE))
    assert NAME in (found.value.hint or "")
