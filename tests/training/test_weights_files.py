"""Files of torchgeo's weights: from torch hub's cache, from a host, or, without a network, one error."""

from __future__ import annotations

import hashlib
import io
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from raysat.data.weights import about as known
from raysat.errors import DownloadError, PlanError
from raysat.execution.check_models import check_models
from raysat.training.weights_files import cached_at, fetch
from tests.helpers.http_server import Site, serving
from tests.helpers.satellite import S2, band_names, make_store, trained, without_classifier
from tests.helpers.training import config

NAME = "torchgeo:ResNet18_Weights.SENTINEL2_ALL_MOCO"


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No weights are at hand, and no proxy stands between."""
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for variable in ("all_proxy", "http_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="module")
def content() -> bytes:
    buffer = io.BytesIO()
    torch.save(without_classifier(trained("resnet18", 13)), buffer)
    return buffer.getvalue()


def use(monkeypatch: pytest.MonkeyPatch, content: bytes, host: str) -> known.About:
    """Make the table's weights these, at a host of this machine."""
    prefix = hashlib.sha256(content).hexdigest()[:8]
    url = f"{host}/resnet18_sentinel2_all_moco-{prefix}.pth"
    about = S2.model_copy(update={"url": url, "sha256_prefix": prefix})
    monkeypatch.setattr(known, "table", lambda: {str(about.name): about})
    return about


@pytest.fixture
def site() -> Iterator[Site]:
    """A host of this machine."""
    with serving({}) as found:
        yield found


def test_a_file_is_fetched_once_and_checked(
    monkeypatch: pytest.MonkeyPatch, site: Site, content: bytes, tmp_path: Path
) -> None:
    about = use(monkeypatch, content, site.url)
    site.files[f"/{about.file}"] = content
    store = make_store(tmp_path / "store", band_names("sentinel2"))
    check_models([config(model={"name": "resnet18", "weights": NAME})], store)
    assert site.methods == ["HEAD", "GET"]
    assert fetch(NAME) == cached_at(about)
    assert cached_at(about).read_bytes() == content
    assert site.methods == ["HEAD", "GET"]
    cached_at(about).write_bytes(content[:-1])
    with pytest.raises(PlanError, match="is damaged") as found:
        fetch(NAME)
    assert about.url in (found.value.hint or "")


def test_what_a_host_sends_instead_is_not_kept(monkeypatch: pytest.MonkeyPatch, site: Site, content: bytes) -> None:
    about = use(monkeypatch, content, site.url)
    site.files[f"/{about.file}"] = b"<html>log in</html>"
    with pytest.raises(DownloadError, match="invalid hash value"):
        fetch(NAME)
    assert not cached_at(about).exists()


def test_a_cache_that_cannot_be_written_says_how_to_name_another(
    monkeypatch: pytest.MonkeyPatch, site: Site, content: bytes, tmp_path: Path
) -> None:
    about = use(monkeypatch, content, site.url)
    site.files[f"/{about.file}"] = content
    (tmp_path / "torch").touch()
    with pytest.raises(DownloadError, match="Not a directory") as found:
        fetch(NAME)
    assert (found.value.hint or "").startswith("name a folder that you may write in with TORCH_HOME, or\nput http")


def test_without_a_network_one_error_says_what_would_have_to_lie_where(
    monkeypatch: pytest.MonkeyPatch, content: bytes, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    about = use(monkeypatch, content, f"http://127.0.0.1:{port}")
    started = time.perf_counter()
    with pytest.raises(DownloadError, match=r"SENTINEL2_ALL_MOCO cannot be downloaded: .*refused") as e:
        fetch(NAME)
    assert time.perf_counter() - started < 5
    hint = e.value.hint or ""
    assert str(about.url) in hint
    assert str(tmp_path / "torch/checkpoints" / about.file) in hint
    assert "45 MB" in hint
    cached_at(about).parent.mkdir(parents=True, exist_ok=True)
    cached_at(about).write_bytes(content)
    assert fetch(NAME) == cached_at(about)


def test_offline_mode_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE is set"):
        fetch(NAME)
