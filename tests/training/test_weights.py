"""Pretrained weights from a Hub that is there, that is not, or that never answers."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save

from raysat.config.schema import Model
from raysat.errors import PlanError, TrainingError
from raysat.training import weights
from raysat.training.models import build as models
from tests.helpers.http_server import serving
from tests.helpers.training import TINY

PRETRAINED = Model(name=TINY, pretrained=True)


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No weights are at hand, and no proxy stands between."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "torch"))
    for variable in ("all_proxy", "http_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(variable, raising=False)


def use(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Make an address stand for the Hub."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[str], dict[str, torch.Tensor]]]:
    """A Hub on this machine that holds one model; what it was asked, and the weights."""
    torch.manual_seed(3)
    state = {name: value.clone() for name, value in timm.create_model(TINY).state_dict().items()}
    content, path = save(state), f"/{timm.models.get_pretrained_cfg(TINY).hf_hub_id}/resolve/main/model.safetensors"
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    with serving({path: content}, etag=etag, headers={"X-Repo-Commit": "a" * 40}) as site:
        use(monkeypatch, site.url)
        yield site.methods, state


def test_weights_are_fetched_once_and_are_those_of_the_hub(hub: tuple[list[str], dict[str, torch.Tensor]]) -> None:
    asked, state = hub
    assert not weights.is_cached(TINY)
    models.fetch_pretrained(TINY)
    assert "GET" in asked
    assert weights.is_cached(TINY)
    asked.clear()
    models.fetch_pretrained(TINY)
    assert not asked  # the cache is enough
    network = models.build(PRETRAINED, bands=3, classes=2, size=(32, 32))
    assert "GET" not in asked
    torch.testing.assert_close(network.state_dict()["conv1.0.weight"], state["conv1.0.weight"])


def test_cached_weights_serve_without_a_connection(
    hub: tuple[list[str], dict[str, torch.Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    models.fetch_pretrained(TINY)
    use(monkeypatch, f"http://127.0.0.1:{_closed_port()}")
    models.fetch_pretrained(TINY)
    started = time.perf_counter()
    network = models.build(PRETRAINED, bands=5, classes=2, size=(32, 32))
    assert time.perf_counter() - started < 5
    torch.testing.assert_close(network.state_dict()["layer1.0.conv1.weight"], hub[1]["layer1.0.conv1.weight"])


@pytest.mark.parametrize(
    "ask",
    [
        lambda: models.fetch_pretrained(TINY),
        lambda: models.build(PRETRAINED, bands=3, classes=2, size=(32, 32)),
    ],
)
def test_a_host_that_cannot_be_reached_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[], object]
) -> None:
    use(monkeypatch, f"http://127.0.0.1:{_closed_port()}")
    started = time.perf_counter()
    with pytest.raises(TrainingError, match=f"weights of '{TINY}' cannot be downloaded: 127.0.0.1 .* refused") as found:
        ask()
    assert time.perf_counter() - started < 5
    assert "pretrained: false" in (found.value.hint or "")
    assert found.value.__suppress_context__


def test_a_host_that_never_answers_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_ETAG_TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(TrainingError, match="timed out"):
            models.fetch_pretrained(TINY)


def test_offline_mode_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(TrainingError, match="cannot be downloaded") as found:
        models.fetch_pretrained("resnet18")
    assert "pretrained: false" in (found.value.hint or "")


def test_weights_with_an_address_of_their_own_are_found_in_torchs_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = timm.models.get_pretrained_cfg(TINY)
    config.hf_hub_id, config.url = None, f"http://127.0.0.1:{_closed_port()}/weights/tiny-0a1b2c3d.pth?v=1"
    monkeypatch.setattr(timm.models, "get_pretrained_cfg", lambda _: config)
    with pytest.raises(TrainingError, match="cannot be reached"):
        weights.is_cached(TINY)
    kept = tmp_path / "torch/checkpoints/tiny-0a1b2c3d.pth"
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert weights.is_cached(TINY)


def test_a_model_without_weights_is_refused() -> None:
    with pytest.raises(PlanError, match="timm has no weights of 'cspresnet50w'") as found:
        models.fetch_pretrained("cspresnet50w")
    assert "pretrained: false" in (found.value.hint or "")


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
