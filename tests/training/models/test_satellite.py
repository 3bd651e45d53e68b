"""Networks that start from weights of satellite images: on 13, 11 and 3 bands, and from files that may be anything."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file as save_safetensors
from torch import Tensor, nn

from raysat.config.schema import Config, Trial
from raysat.data.store import PatchStore
from raysat.errors import PlanError, RaysatError
from raysat.planning.resolve import resolve_config
from raysat.training.check import check
from raysat.training.engine import Engine
from raysat.training.loop import Training
from raysat.training.models.rebuild import rebuild
from tests.helpers.satellite import S2, band_names, make_store, save_file, trained, without_classifier
from tests.helpers.training import config, run

pytestmark = pytest.mark.slow

SENTINEL2 = {"sensor": "sentinel2", "std": [10_000]}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    """A ResNet-18 of thirteen bands, as torchgeo's function returns it."""
    return trained("resnet18", 13)


@pytest.fixture(scope="module")
def file(theirs: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    return save_file(folder, without_classifier(theirs), bands=S2.bands, licence="CC-BY-4.0", **SENTINEL2)


def own(file: Path, **model: Any) -> Config:
    return config(model={"name": "resnet18", "weights": str(file), **model}, optim={"epochs": 1})


def engine(what: Config, store: PatchStore) -> Engine:
    return Engine(Trial(config=what, seed=0), store, CPU)


def features(network: nn.Module, patches: Tensor) -> Tensor:
    with torch.inference_mode():
        return network.eval().forward_features(patches)


def test_features_are_those_of_torchgeos_transform_and_network(file: Path, theirs: nn.Module, tmp_path: Path) -> None:
    """Its bands come in another order, and patches are standardised before: to rounding that changes nothing."""
    store = make_store(tmp_path / "store", band_names("sentinel2"))
    found = engine(own(file), store)
    raw = torch.from_numpy(np.asarray(store.images[:4]).astype(np.float32))
    network = found.network.eval()
    with torch.inference_mode():
        seen = network.get_submodule("units")(found._scale.normalise(raw))
    order = [store.bands.index(name) for name in
             ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")]  # fmt: skip
    torch.testing.assert_close(seen[:, order], raw[:, order] / 10_000, rtol=1e-5, atol=1e-6)
    backbone = network.get_submodule("backbone")
    with torch.inference_mode():
        torch.testing.assert_close(backbone.conv1(seen), theirs.conv1(raw[:, order] / 10_000), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(features(backbone, seen), features(theirs, raw[:, order] / 10_000), rtol=1e-4, atol=1e-4)
    assert found.weights_used is not None
    assert found.weights_used.licence == "CC-BY-4.0"


@pytest.mark.parametrize(
    ("sensor", "bands"),
    [("sentinel2", None), ("landsat8", None), ("sentinel2", ("B04", "B03", "B02"))],
    ids=["13 bands", "11 bands", "3 bands"],
)
def test_a_linear_probe_moves_no_bit_of_the_backbone(
    file: Path, tmp_path: Path, sensor: str, bands: tuple[str, ...] | None
) -> None:
    store = make_store(tmp_path / "store", bands or band_names(sensor), sensor=sensor)
    what = config(
        model={"name": "resnet18", "weights": str(file), "trains": "head"},
        optim={"kind": "sgd", "lr": 0.1, "weight_decay": 0.1, "epochs": 2, "clip_norm": 1.0},
        average={"kind": "ema", "decay": 0.5},
    )
    check(what, store)
    start = {name: value.clone() for name, value in engine(what, store).network.state_dict().items()}
    reports, result = run(what, store)
    assert all(np.isfinite(report.loss) for report in reports)
    for name, value in result.state_dict.items():
        assert torch.equal(value, start[name]) == (not name.startswith("backbone.fc.")), name
    assert result.parameters > 10_000_000  # of all, fixed ones too
    assert result.weights is not None


def test_no_gradient_goes_through_what_is_not_trained(file: Path, tmp_path: Path) -> None:
    found = engine(own(file, trains="head"), make_store(tmp_path / "store", band_names("sentinel2")))
    found.train_epoch(0)
    assert [n for n, p in found.network.named_parameters() if p.grad is not None] == [
        "backbone.fc.weight",
        "backbone.fc.bias",
    ]
    with torch.enable_grad():
        backbone = found.network.get_submodule("backbone")
        assert not backbone.forward_features(torch.zeros(1, 13, 32, 32)).requires_grad


def test_kernels_of_other_bands_keep_their_sum(file: Path, theirs: nn.Module, tmp_path: Path) -> None:
    """Three of thirteen are 13/3 times as large; a thermal band has the mean of all."""
    kernels = theirs.conv1.weight.detach()
    rgb = engine(own(file), make_store(tmp_path / "rgb", ("B04", "B03", "B02"))).network.get_submodule("backbone.conv1")
    torch.testing.assert_close(rgb.weight.detach(), kernels[:, [3, 2, 1]] * 13 / 3)
    landsat = engine(own(file), make_store(tmp_path / "l8", band_names("landsat8"), sensor="landsat8"))
    thermal = landsat.network.get_submodule("backbone.conv1").weight.detach()[:, 9]
    torch.testing.assert_close(thermal, kernels.mean(dim=1) * 13 / 11)


@pytest.mark.parametrize("classifier", ["linear", "cosine"])
def test_a_trained_network_is_built_anew_without_the_file(file: Path, tmp_path: Path, classifier: str) -> None:
    copy = tmp_path / "copy.pth"
    copy.write_bytes(file.read_bytes())
    copy.with_name("copy.pth.json").write_bytes(file.with_name(f"{file.name}.json").read_bytes())
    what = own(copy, trains=1, classifier=classifier)
    store = make_store(tmp_path / "store", band_names("sentinel2"))
    _, result = run(what, store)
    copy.unlink()
    again = rebuild(what.model, result.state_dict, bands=13, classes=3, size=(32, 32))
    for name, value in again.state_dict().items():
        assert torch.equal(value, result.state_dict[name])


def test_training_goes_on_from_its_state_bit_for_bit(file: Path, tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", band_names("sentinel2"))
    what = config(
        model={"name": "resnet18", "weights": str(file), "trains": 2, "layer_decay": 0.7},
        average={"kind": "swa", "start": 0.5, "every": 0.5},
    )
    _, whole = run(what, store)
    first, second = (Training(Trial(config=what, seed=0), store, device=CPU) for _ in range(2))
    first.advance()
    second.restore(first.state())
    second.advance()
    again = second.result()
    assert all(torch.equal(value, again.state_dict[name]) for name, value in whole.state_dict.items())
    np.testing.assert_array_equal(whole.probabilities, again.probabilities)


def test_safetensors_and_whole_networks_are_read_alike(file: Path, theirs: nn.Module, tmp_path: Path) -> None:
    """With a classifier, which is left out."""
    path = tmp_path / "weights.safetensors"
    save_safetensors({name: value.contiguous() for name, value in theirs.state_dict().items()}, path)
    path.with_name(f"{path.name}.json").write_bytes(file.with_name(f"{file.name}.json").read_bytes())
    store = make_store(tmp_path / "store", band_names("sentinel2"))
    one, other = (engine(own(each), store).network.state_dict() for each in (file, path))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_vit_of_another_patch_size_has_its_places_resampled(tmp_path: Path) -> None:
    network = trained("test_vit", 4)
    path = save_file(tmp_path, without_classifier(network, "head"), bands=("B02", "B03", "B04", "B08"), **SENTINEL2)
    store = make_store(tmp_path / "store", ("B02", "B03", "B04", "B08"), size=48)
    what = config(model={"name": "test_vit", "weights": str(path), "trains": "head"}, optim={"epochs": 1})
    found = engine(what, store).network.get_submodule("backbone")
    assert found.pos_embed.shape != network.pos_embed.shape
    assert torch.equal(found.patch_embed.proj.weight, network.patch_embed.proj.weight)
    _, result = run(what, store)
    assert np.isfinite(result.probabilities).all()


def test_the_plan_names_weights_by_content(file: Path, tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", band_names("sentinel2"))
    copy = tmp_path / "elsewhere.pth"
    copy.write_bytes(file.read_bytes())
    copy.with_name("elsewhere.pth.json").write_bytes(file.with_name(f"{file.name}.json").read_bytes())
    one, other = (resolve_config(own(each), store) for each in (file, copy))
    assert one.identity() == other.identity()
    assert one.model.weights != other.model.weights
    assert str(file) not in str(one.identity())
    copy.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(PlanError, match=r"model.weights_hash is \w{16}, but .* has"):
        resolve_config(other, store)
    with pytest.raises(PlanError, match=r"not .* as when the study was planned"):
        engine(other, store)


def test_weights_in_other_units_or_of_another_network_are_refused_before_training(file: Path, tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", band_names("sentinel2"), dtype=np.float32, level=0.15)
    with pytest.raises(PlanError, match="other units"):
        check(own(file), store)
    check(own(file, weights_scale=10_000), store)
    check(own(file, weights_scale="standardised"), store)
    with pytest.raises(PlanError, match=r"are those of a resnet18, and model.name is 'resnet50'"):
        check(own(file, name="resnet50", weights="torchgeo:ResNet18_Weights.SENTINEL2_ALL_MOCO"), store)


class _Runs:
    """Would create a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def _changed(change: Callable[[dict[str, Tensor]], Any]) -> Callable[[dict[str, Tensor], Path], object]:
    def make(state: dict[str, Tensor], path: Path) -> None:
        torch.save(change(state), path)

    return make


def _nan(state: dict[str, Tensor]) -> dict[str, Tensor]:
    state["layer1.0.conv1.weight"][0, 0, 0, 0] = torch.nan
    return state


HOSTILE: dict[str, tuple[Callable[[dict[str, Tensor], Path], object], str]] = {
    "code": (lambda _, path: torch.save(_Runs(path.parent / "run"), path), "it holds more than tensors"),
    "a module": (lambda _, path: torch.save(nn.Linear(1, 1), path), "it holds more than tensors"),
    "a script": (
        lambda _, path: torch.jit.trace(nn.Linear(1, 1), torch.ones(1)).save(path),
        "it holds more than tensors",
    ),
    "pickle": (lambda _, path: path.write_bytes(pickle.dumps(_Runs(path.parent / "run"))), "it is a pickle, not"),
    "old": (
        lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
        "it is of torch before 1.6",
    ),
    "empty": (lambda _, path: path.write_bytes(b""), "it is no file of torch.save"),
    "text": (lambda _, path: path.write_text("\x1b[31mred"), "it is no file of torch.save"),
    "pointer": (lambda _, path: path.write_text("version https://git-lfs"), "it is a pointer of Git LFS"),
    "cut": (lambda state, path: (torch.save(state, path), os.truncate(path, 9_000)), "it is damaged or cut short"),
    "list": (_changed(lambda _: [1, 2]), "is no state_dict"),
    "nested": (_changed(lambda state: {"state_dict": state}), "is no state_dict"),
    "a key missing": (_changed(lambda s: {k: v for k, v in s.items() if k != "bn1.weight"}), "bn1.weight.* is missing"),
    "a key too many": (_changed(lambda state: state | {"encoder.x": torch.ones(1)}), "has no .*encoder.x"),
    "a shape": (_changed(lambda state: state | {"bn1.weight": torch.ones(63)}), "bn1.weight is 63, not 64"),
    "bands": (
        _changed(lambda state: state | {"conv1.weight": torch.ones(64, 12, 7, 7)}),
        "conv1.weight is 64 x 12 x 7 x 7, not 64 x 13 x 7 x 7",
    ),
    "a type": (_changed(lambda state: state | {"bn1.weight": torch.ones(64, dtype=torch.int64)}), "is of the type"),
    "NaN": (_changed(_nan), "layer1.0.conv1.weight.* is not finite"),
    "sparse": (_changed(lambda state: state | {"bn1.weight": torch.ones(64).to_sparse()}), "plain tensor"),
    "huge": (_changed(lambda s: s | {"bn1.weight": torch.ones(1).expand(1 << 40)}), "larger than the file"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_may_be_anything_is_refused_in_one_line(theirs: nn.Module, tmp_path: Path, case: str) -> None:
    make, cause = HOSTILE[case]
    state = {name: value.clone() for name, value in without_classifier(theirs).items()}
    path = save_file(tmp_path, {}, bands=S2.bands, **SENTINEL2)
    make(state, path)
    with pytest.raises(RaysatError, match=cause) as found:
        engine(own(path), make_store(tmp_path / "store", band_names("sentinel2")))
    assert isinstance(found.value, PlanError)
    assert str(found.value).startswith(f"model.weights: {path}")
    assert found.value.hint
    assert "\n" not in str(found.value)
    assert "weights_only" not in f"{found.value}{found.value.hint}"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, (1 << 62).to_bytes(8, "little") + b"{}"])
def test_safetensors_that_are_none_are_refused(tmp_path: Path, content: bytes) -> None:
    path = save_file(tmp_path, {}, bands=S2.bands, name="weights.safetensors", **SENTINEL2)
    path.write_bytes(content)
    with pytest.raises(PlanError, match="no weights that can be read: it is no safetensors, or is cut short"):
        engine(own(path), make_store(tmp_path / "store", band_names("sentinel2")))
