"""``raysat cluster metrics``: a folder for Prometheus and Grafana, whole or not at all."""

import configparser
import json
import stat
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import raysat
from raysat.errors import UsageError
from tests.helpers.paths import ROOT


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_all_that_is_written_leads_to_what_is_written_and_to_loopback(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    setup = raysat.set_up_metrics(folder, temp_dir="/var/ray", prometheus_port=9191, grafana_port=3131)
    assert {str(file.relative_to(folder)) for file in setup.files} == set(files(folder))
    settings = YAML(typ="safe").load(folder / "prometheus" / "prometheus.yml")
    (job,) = settings["scrape_configs"]
    assert job["file_sd_configs"][0]["files"] == ["/var/ray/prom_metrics_service_discovery.json"]
    assert [(folder / "prometheus" / name).is_file() for name in settings["rule_files"]] == [True]
    assert f"'--config.file={folder / 'prometheus' / 'prometheus.yml'}'" in setup.prometheus
    assert setup.prometheus.endswith("--web.listen-address=127.0.0.1:9191")
    ini = configparser.ConfigParser(interpolation=None)
    ini.read(folder / "grafana" / "grafana.ini")
    assert (ini["server"]["http_addr"], ini["server"]["http_port"]) == ("127.0.0.1", "3131")
    assert ini["security"]["disable_initial_admin_creation"] == "true", "Grafana's own would be admin, admin"
    provisioned = Path(ini["paths"]["provisioning"])
    (source,) = json.loads((provisioned / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["url"] == setup.environment["RAY_PROMETHEUS_HOST"] == "http://127.0.0.1:9191"
    (provider,) = json.loads((provisioned / "dashboards" / "boards.yml").read_text())["providers"]
    boards = {json.loads(file.read_text())["uid"] for file in Path(provider["options"]["path"]).iterdir()}
    assert boards == {"raysat-runs", "rayDefaultDashboard", "rayDataDashboard", "rayTrainDashboard"}
    assert setup.board == f"{setup.environment['RAY_GRAFANA_HOST']}/d/raysat-runs"
    assert (folder / "grafana" / "dashboards" / "raysat.json").read_bytes() == (
        ROOT / "deploy" / "grafana" / "raysat.json"
    ).read_bytes()
    assert {stat.S_IMODE(file.stat().st_mode) & 0o022 for file in setup.files} == {0}


def test_what_is_there_is_not_written_over_unless_asked_for(tmp_path: Path) -> None:
    first = raysat.set_up_metrics(tmp_path)
    assert raysat.set_up_metrics(tmp_path).files == ()
    changed = tmp_path / "prometheus" / "alerts.yml"
    changed.write_text("groups: []\n", encoding="utf-8")
    (tmp_path / "grafana" / "grafana.ini").unlink()
    before = files(tmp_path)
    with pytest.raises(UsageError, match=r"alerts\.yml: there already, .*; nothing was written"):
        raysat.set_up_metrics(tmp_path)
    assert files(tmp_path) == before
    assert set(raysat.set_up_metrics(tmp_path, replace=True).files) == {changed, tmp_path / "grafana" / "grafana.ini"}
    assert set(files(tmp_path)) == {str(file.relative_to(tmp_path)) for file in first.files}


@pytest.mark.parametrize(
    ("out", "options", "why"),
    [
        ("s3://bucket/metrics", {}, "read their files from a disk"),
        ("a${HOME}", {}, "can't hold this path"),
        ("a\nhttp_addr = 0.0.0.0", {}, "can't hold this path"),
        ("a", {"grafana_port": 9090}, "both would listen on port 9090"),
        ("a", {"grafana_port": 0}, "grafana_port must be a whole number from 1 to 65,535"),
        ("a", {"prometheus_port": 65536}, "prometheus_port must be a whole number from 1 to 65,535"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, options: dict[str, int], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=why):
        raysat.set_up_metrics(out, **options)
    assert not list(tmp_path.iterdir())
