"""Exported programs say what networks say, whatever the network; weights are read back only where they are weights."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import save
from torch import nn

from raysat.config.heads import head_of
from raysat.config.schema import Config
from raysat.data.model_inputs import ModelInputs
from raysat.data.stats import BandStats
from raysat.errors import ExportError, PlanError, RaysatError, StorageError, TrainingError
from raysat.inference.classifier import Classifier
from raysat.inference.export.onnx_file import check_size, run_onnx, write_onnx
from raysat.inference.export.program import (
    Program,
    check,
    largest_difference,
    rounding,
    run_traced,
    trace,
    trial_patches,
    write_torch,
)
from raysat.inference.export.read import read_model
from raysat.training.models.build import build
from raysat.training.models.classifiers import CoralClassifier
from tests.helpers.model_folder import WEIGHTS, manifest, seal, typed, write_model_folder
from tests.helpers.paths import ROOT
from tests.helpers.plugins import plugin_text, source_of_text, used

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
CLASSES = ("a", "b", "c")


def classifier(seed: int = 0, *, bands: int = 3, size: int = 32, dtype: str = "uint8", **config: Any) -> Classifier:
    """A network with weights and batch statistics of its own, whose probabilities differ from patch to patch."""
    typed_config = Config.model_validate({"model": {"name": "test_resnet"}} | config)
    stats = [BandStats(mean=60.0 + 10 * k, std=20.0 + k, low=0.0, high=255.0) for k in range(bands)]
    names = [f"b{k}" for k in range(bands)]
    inputs = ModelInputs(bands=names, sensor=None, height=size, width=size, dtype=dtype, stats=stats)
    torch.manual_seed(seed)
    head = head_of(typed_config.loss)
    network = build(typed_config.model, bands=bands, classes=len(CLASSES), size=(size, size), head=head)
    made = Classifier.restore(typed_config, inputs, CLASSES, network.state_dict(), CPU)
    with torch.no_grad():
        patches = made.scale.normalise(torch.from_numpy(trial_patches(inputs, 16)))
        made.network.train()
        made.network(patches)
        made.network.eval()
        linear = [module for module in made.network.modules() if isinstance(module, nn.Linear | CoralClassifier)]
        for module in linear[-1:]:
            module.weight.mul_(1 / made.network(patches).std())
    return made


# The families of the shipped studies in their smallest networks, with both stems and classifiers.
FAMILIES = {
    "resnet": {"loss": {"kind": "balanced_softmax"}},
    "resnet, CORN": {"loss": {"kind": "corn"}},
    "resnet, CORAL": {"loss": {"kind": "coral"}},
    "efficientnet, adapter, cosine": {
        "model": {"name": "test_efficientnet", "stem": "adapter", "classifier": "cosine"},
        "loss": {"kind": "ldam"},
        "bands": 11,
    },
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_onnx_and_torch_say_what_the_networks_say(tmp_path: Path, family: dict[str, Any]) -> None:
    model = classifier(**family)
    inputs, program = model.inputs, Program([model])
    traced = trace(program, inputs)
    about = typed(inputs=inputs.model_dump(mode="json"), classes=CLASSES)
    told = write_onnx(program, traced, about, tmp_path / "model.onnx")
    write_torch(traced, tmp_path / "model.pt2")
    patches = np.random.default_rng(1).integers(0, 256, (7, len(inputs.bands), 32, 32)).astype(np.uint8)
    expected = model.probabilities(patches)
    assert np.ptp(expected, axis=0).max() > 0.02, "else any program would do"
    content = (tmp_path / "model.onnx").read_bytes()
    found = run_onnx(content)(patches.astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    read = torch.export.load(tmp_path / "model.pt2")
    np.testing.assert_allclose(run_traced(read)(patches.astype(np.float32)), expected, atol=1e-6)
    assert told < 1e-5
    assert largest_difference(program, inputs, run_onnx(content)) == told

    written = onnx.load_from_string(content)
    assert max(opset.version for opset in written.opset_import) >= 18
    assert {entry.key: entry.value for entry in written.metadata_props}["classes"] == '["a", "b", "c"]'
    batch, *shape = written.graph.input[0].type.tensor_type.shape.dim
    assert (batch.dim_param, [dim.dim_value for dim in shape]) == ("batch", [len(inputs.bands), 32, 32])
    for file in tmp_path.iterdir():
        for word in (b"site-packages", b"build.py", str(ROOT).encode()):
            assert word not in file.read_bytes(), "where the code of a network lies is no part of it"


def test_a_plugins_network_is_exported_and_may_compute_in_float32_alone() -> None:
    """Then what rounding explains is not known, and taken for nothing."""
    body = """\
    class Net(torch.nn.Linear):
        def forward(self, patches):
            return super().forward(patches.mean((2, 3)).float())
    return Net(bands, classes)
"""
    with used(source_of_text(plugin_text("model", body))):
        model = classifier(model={"kind": "own"})
    program, patches = Program([model]), trial_patches(model.inputs, 4)
    found = run_traced(trace(program, model.inputs))(patches)
    np.testing.assert_allclose(found, model.posterior(torch.from_numpy(patches)).numpy(), atol=1e-6)
    assert rounding(program, model.inputs) == 0.0


def test_a_program_is_its_only_seed_and_the_mean_of_several() -> None:
    one, two = (classifier(seed, loss={"kind": "ldam"}) for seed in (0, 1))
    patches = torch.from_numpy(trial_patches(one.inputs, 5))
    with torch.inference_mode():
        first, second, both = Program([one])(patches), Program([two])(patches), Program([one, two])(patches)
    torch.testing.assert_close(first, one.posterior(patches), atol=1e-7, rtol=0)
    assert (first - second).abs().max() > 0.01
    torch.testing.assert_close(both, (first + second) / 2)
    torch.testing.assert_close(both.sum(dim=1), torch.ones(5))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_patches_to_try_a_program_with_are_such_as_a_store_holds(dtype: str) -> None:
    inputs = classifier(dtype=dtype).inputs
    patches = trial_patches(inputs, 40)
    assert (patches.dtype, patches.shape) == (np.float32, (40, 3, 32, 32))
    np.testing.assert_array_equal(patches, trial_patches(inputs, 40))
    np.testing.assert_allclose(patches.mean(axis=(0, 2, 3)), [60, 70, 80], atol=8)
    np.testing.assert_allclose(patches.std(axis=(0, 2, 3)), [20, 21, 22], rtol=0.2)
    if dtype != "float32":
        np.testing.assert_array_equal(patches, patches.astype(dtype))


def test_a_program_that_says_something_else_is_refused() -> None:
    model = classifier()
    program = Program([model])
    difference = largest_difference(
        program, model.inputs, lambda patches: np.full((len(patches), 3), 1 / 3, np.float32)
    )
    assert difference > 0.01
    with pytest.raises(ExportError, match="differs from the trained network by"):
        check("x", "ONNX", difference, rounding(program, model.inputs))
    with pytest.raises(ExportError):
        check("x", "ONNX", float("nan"), 0.0)
    with pytest.raises(ExportError):
        check("x", "ONNX", 2e-5, 1e-6)
    check("x", "ONNX", 9e-6, 0.0)
    check("x", "ONNX", 2e-5, 1e-5)  # the network itself is no surer


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_what_rounding_explains_is_little(family: dict[str, Any]) -> None:
    model = classifier(**family)
    assert 0 < rounding(Program([model]), model.inputs) < 1e-5


class Untraceable(nn.Module):
    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        return patches[:, :3, 0, 0] if patches.mean().item() > 0 else patches[:, :3, 1, 1]


def test_a_network_that_cannot_be_traced_is_one_error() -> None:
    model = classifier()
    program = Program([model])
    program.networks[0] = Untraceable()
    with pytest.raises(ExportError, match="test_resnet cannot be exported as torch") as caught:
        trace(program, model.inputs)
    assert "--format" in str(caught.value.hint_template)


def test_networks_beyond_what_onnx_holds_are_refused() -> None:
    check_size(25_000_000, 20)
    with pytest.raises(ExportError, match="2 GB"):
        check_size(25_000_000, 22)


class Planted:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("obeyed",)


def state(**changes: torch.Tensor) -> dict[str, torch.Tensor]:
    network = build(Config().model.model_copy(update={"name": "test_resnet"}), bands=2, classes=2, size=(32, 32))
    return {name: value.contiguous() for name, value in network.state_dict().items()} | changes


def header(text: str) -> bytes:
    return len(text).to_bytes(8, "little") + text.encode()


HOSTILE: dict[str, tuple[Any, type[RaysatError], str]] = {
    "pickle": (pickle.dumps(Planted()), StorageError, "holds no weights"),
    "nothing": (b"", StorageError, "holds no weights"),
    "a header beyond the file": ((1 << 60).to_bytes(8, "little") + b"{}", StorageError, "holds no weights"),
    "a tensor beyond the file": (
        header('{"a":{"dtype":"F32","shape":[1073741824],"data_offsets":[0,4294967296]}}'),
        StorageError,
        "holds no weights",
    ),
    "no JSON": (header("import os"), StorageError, "holds no weights"),
    "another network": (save({"a": torch.zeros(1)}), TrainingError, "do not fit test_resnet"),
    "one tensor more": (lambda: save(state(extra=torch.zeros(1))), TrainingError, "do not fit test_resnet"),
    "another size": (lambda: save(state(**{"fc.weight": torch.zeros(9, 9)})), TrainingError, "do not fit"),
}


@pytest.mark.parametrize(("content", "error", "match"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_weights_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], content, error, match) -> None:
    folder = write_model_folder(tmp_path / "model", {WEIGHTS: content() if callable(content) else content})
    with pytest.raises(error, match=match):
        read_model(folder, CPU)
    assert "obeyed" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["hf-hub:someone/model", "local-dir:/tmp", "../x", "", "resnet18; rm"])
def test_a_network_that_timm_does_not_have_is_not_looked_for(tmp_path: Path, name: str) -> None:
    content = save(state())
    folder = write_model_folder(tmp_path / "model", {WEIGHTS: content})
    about = manifest(files=typed_files(folder), config={"model": {"name": name}})
    write_model_folder(folder, {WEIGHTS: content}, about)
    with pytest.raises((PlanError, StorageError)):
        read_model(folder, CPU)


LARGE = {  # networks and sides of patches that a model.json may claim of small weights
    "vit_gigantic_patch14_clip_224": 224,  # 1.8 billion weights
    "resnet18": 5000,
    "beit_base_patch16_224": 4096,  # a place for each two of 65,536 tokens
}
READ_ALL = """
import resource, sys, torch
from pathlib import Path
from raysat.errors import TrainingError
from raysat.inference.export.read import read_model
resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, 2 << 30))
for name in sys.argv[1:]:
    try:
        read_model(Path(name), torch.device("cpu"))
    except TrainingError as error:
        print(error)
"""


def test_a_manifest_that_claims_more_than_its_weights_takes_no_memory(tmp_path: Path) -> None:
    weights = {WEIGHTS: save(state())}
    for name, side in LARGE.items():
        folder = write_model_folder(tmp_path / name, weights)
        inputs = manifest()["inputs"] | {"height": side, "width": side}
        about = manifest(files=typed_files(folder), config={"model": {"name": name}}, inputs=inputs)
        write_model_folder(folder, weights, about)
    words = [sys.executable, "-P", "-c", READ_ALL, *(tmp_path / name for name in LARGE)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for line, name in zip(done.stdout.splitlines(), LARGE, strict=True):
        assert f"do not fit {name}: " in line or f"{name} for patches of 4096 x 4096 pixels has " in line


def typed_files(folder: Path) -> list[dict[str, Any]]:
    import json

    files: list[dict[str, Any]] = json.loads((folder / "model.json").read_text(encoding="utf-8"))["files"]
    return files


def test_weights_are_what_decides(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path / "model", {WEIGHTS: save(state())})
    patches = np.random.default_rng(0).integers(0, 255, (3, 2, 32, 32)).astype(np.uint8)
    found = read_model(folder, CPU).predict(patches)
    assert found.shape == (3, 2)
    (folder / WEIGHTS).write_bytes(save(state()))  # others, at random
    with pytest.raises(StorageError, match="hash differs"):
        read_model(folder, CPU)
    seal(folder)
    with pytest.raises(StorageError, match="not the hash"):
        read_model(folder, CPU)
