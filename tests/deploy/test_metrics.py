"""A run's metrics, as a real Prometheus has them of a real Ray; the board and the alerts that are made of them."""

from __future__ import annotations

import csv
import json
import os
import runpy
import secrets
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from raysat.data.store import PatchStore
from raysat.execution.monitoring.catalog import METRICS, Kind, TrialState
from raysat.planning.build import make_plan
from raysat.planning.stages import train_jobs
from raysat.storage.ledger import Ledger
from raysat.study.load import load_study
from raysat.training.loop import train
from tests.helpers.hosts import NO_HOSTS, Host, hosts
from tests.helpers.namespaces import NoHostsError
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S
from tests.helpers.prometheus import (
    GRAFANA,
    Series,
    board_expressions,
    fetch,
    missing_tools,
    operands,
    over,
    quickened,
    read_board,
)

BOARD = ROOT / "deploy" / "grafana" / "raysat.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
STUDY: Final = """\
study: observed
base: {model: {name: test_resnet}, optim: {epochs: 15, batch_size: 8}}
seeds: 1
arms:
  plain: {}
  DRW \N{GREEK SMALL LETTER LAMDA}: {reweight: {kind: drw}}
  gan: {synthetic: {kind: dcgan, classes: [b], equalise: false, patches: 8, steps: 6, width: 4, batch_size: 8}}
"""
ON_GPUS: Final = ("GPUs reserved: A", "GPU memory of raysat: A", "GPU utilisation: A")
needs_prometheus = pytest.mark.skipif(bool(missing_tools()), reason="no Prometheus (Debian: prometheus)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A run that is over, and the Prometheus that has watched it."""

    host: Host
    token: str
    began: float  # seconds since 1970
    output: str

    @property
    def run(self) -> Path:
        return self.host.tmp / "home" / "runs" / "observed"

    def over(self, *expressions: str) -> list[list[Series]]:
        return over(self.host, expressions, self.began)

    def last(self, expression: str) -> float:
        """The last value of the only series."""
        ((_, values),) = self.over(expression)[0]
        return values[-1][1]


@pytest.fixture(scope="module", name="observed")
def _observed(landsat_store: PatchStore) -> Iterator[Observed]:
    if os.environ.get(NO_HOSTS) == "1":
        pytest.skip(f"{NO_HOSTS}=1")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp", prefix="metrics.")))
        try:
            (host,) = stack.enter_context(hosts(folder, 1))
        except NoHostsError as error:
            pytest.fail(f"no hosts can be made here: {error}; {NO_HOSTS}=1 leaves out what needs them", pytrace=False)
        yield _observe(host, landsat_store)


def _observe(host: Host, store: PatchStore) -> Observed:
    """Set up Prometheus as the docs say, start Ray, and have a run watched from its beginning to a little after."""
    home, began, token = host.tmp / "home", time.time(), secrets.token_hex(32)
    shutil.copytree(store.path, home / "store")
    (home / "study.yaml").write_text(STUDY, encoding="utf-8")
    (home / ".ray").mkdir(mode=0o700)
    (home / ".ray" / "auth_token").write_text(token, encoding="ascii")
    (home / ".ray" / "auth_token").chmod(0o600)
    said = host.run("raysat", "cluster", "metrics").splitlines()
    assert len(said) <= 10, said
    settings = home / "raysat-metrics" / "prometheus" / "prometheus.yml"
    settings.write_text(quickened(settings.read_text(encoding="utf-8")), encoding="utf-8")
    (begin,) = (line for line in said if line.startswith("  prometheus "))
    exports = dict(line.removeprefix("  export ").split("=", 1) for line in said if line.startswith("  export "))
    host.start(*begin.split(), stdout=subprocess.DEVNULL)
    host.start("python", "-c", GRAFANA, stdout=subprocess.DEVNULL)
    environment = {"RAY_AUTH_MODE": "token", "RAY_metrics_report_interval_ms": "1000", **exports}
    shape = (f"--node-ip-address={host.address}", "--port=6379", "--num-cpus=2", f"--object-store-memory={100 << 20}")
    host.run("ray", "start", "--head", *shape, "--disable-usage-stats", environment=environment)
    words = ["raysat", "ablate", "--space", "study.yaml", "--data", "store", "--address", f"{host.address}:6379"]
    words += ["--cpus-per-trial", "1", "--checkpoint-every", "1epoch"]
    output = host.run(*words, environment=environment, timeout=PATIENCE_S)
    seen = Observed(host=host, token=token, began=began, output=output)
    deadline = time.monotonic() + PATIENCE_S
    while not any(values[-1][1] == 0 for _, values in seen.over("ray_raysat_run_active")[0]):
        assert time.monotonic() < deadline, "the end of the run was not scraped"
        time.sleep(1)
    return seen


@needs_prometheus
def test_every_panel_and_every_alert_has_data_of_a_real_run(observed: Observed) -> None:
    assert "done       4 jobs, 0 failed" in observed.output
    panels = board_expressions(read_board(BOARD), rate="10s")
    rules = YAML(typ="safe").load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]
    alerts = {f"{rule['alert']}: {part}": part for rule in rules for part in operands(rule["expr"])}
    assert len(alerts) >= len(rules) + 4, "and, unless"
    named = {**panels, **alerts}
    answers = dict(zip(named, observed.over(*named.values()), strict=True))
    empty = {name for name, series in answers.items() if not any(values for _, values in series)}
    assert empty <= set(ON_GPUS), "there may be no GPU here"
    firing = {labels["alertname"] for labels, _ in observed.over('ALERTS{alertstate="firing"}')[0]}
    assert firing <= {"RaysatDiskNearlyFull"}, "this machine's disk may be full"


@needs_prometheus
def test_what_prometheus_has_is_what_the_run_did(observed: Observed, landsat_store: PatchStore) -> None:
    plan = make_plan(load_study(observed.host.tmp / "home" / "study.yaml"), landsat_store)
    jobs = train_jobs(plan.trials)
    assert len(jobs) == 3
    assert any(job.start_epoch for job in jobs), "DRW shares epochs with plain"
    epochs = sum(job.trials[-1].epochs - job.start_epoch for job in jobs)
    for expression, exactly in (
        ('sum(ray_raysat_images_total{kind="train"})', sum(job.samples_seen for job in jobs)),
        ('sum(ray_raysat_images_total{kind="generate"})', plan.generate_jobs[0].samples_seen),
        ("sum(ray_raysat_epochs_total)", epochs),
    ):  # where a machine is too busy for its agent, Ray gives up what a process has counted since it last sent it
        assert 0.5 * exactly <= observed.last(expression) <= exactly
    assert observed.last('ray_raysat_trials{state="done"}') == 4
    assert {labels["state"] for labels, _ in observed.over("ray_raysat_trials")[0]} == {*TrialState}
    assert {value for _, values in observed.over("ray_raysat_nodes")[0] for _, value in values} == {1.0}
    assert observed.last("ray_raysat_retries") == observed.last("ray_raysat_lost_nodes") == 0
    assert observed.last("sum(ray_raysat_checkpoint_seconds_count)") >= 3
    ledger = Ledger(observed.run)
    losses, accuracies = observed.over("ray_raysat_training_loss", "ray_raysat_balanced_accuracy")
    for series, column in ((losses, "loss"), (accuracies, "balanced_accuracy")):
        assert {labels["arm"] for labels, _ in series} == {"plain", r"DRW \u03bb", "gan"}
        for labels, values in series:
            (trial,) = (trial for trial in plan.trials if trial.arm[:3] == labels["arm"][:3])
            with (observed.run / "trials" / trial.id / "history.csv").open(encoding="utf-8", newline="") as file:
                written = {float(row[column]) for row in csv.DictReader(file)}
            assert labels["seed"] == "0"
            assert all(any(value == pytest.approx(each) for each in written) for _, value in values)
    plain = next(trial for trial in plan.trials if trial.arm == "plain")
    alone = train(plain.trial, landsat_store)
    assert ledger.read(plain.id).metrics == alone.metrics, "to the last digit"


@needs_prometheus
def test_each_metric_is_there_as_the_table_says(observed: Observed) -> None:
    """Beside Ray's own labels each has those of the table, and no others; nothing is there that is not in the table."""
    names = fetch(observed.host, "http://127.0.0.1:9090/api/v1/label/__name__/values")["data"]
    known = {
        metric.series + end
        for metric in METRICS
        for end in (("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",))
    }
    found = {name for name in names if name.startswith("ray_raysat_")}
    assert known - found <= {"ray_raysat_gpu_share", "ray_raysat_gpu_memory_bytes"}
    assert found <= known
    rays = {"Component", "NodeAddress", "SessionName", "Version", "WorkerId", "instance", "job", "le", "__name__"}
    there = [metric for metric in METRICS if metric.kind is not Kind.HISTOGRAM and metric.series in found]
    for metric, series in zip(there, observed.over(*(metric.series for metric in there)), strict=True):
        for labels, _ in series:
            own = {label for label in labels if label not in rays and not label.startswith("otel_")}
            assert own == set(metric.labels) - {label for label in metric.labels if labels.get(label, "") == ""}, metric
    kinds = fetch(observed.host, "http://127.0.0.1:9090/api/v1/metadata")["data"]
    for metric in METRICS:
        family = metric.series.removesuffix("_total")  # as OpenMetrics has it
        assert family not in kinds or kinds[family][0]["type"] == metric.kind
    assert {"ray_raysat_images", "ray_raysat_checkpoint_seconds"} <= kinds.keys(), "gauges are gone by now"


@needs_prometheus
def test_rays_dashboard_finds_prometheus_and_grafana_with_its_boards(observed: Observed) -> None:
    def asked(what: str) -> Any:
        return fetch(observed.host, f"http://127.0.0.1:8265/api/{what}_health", observed.token)

    assert asked("prometheus")["result"] is True
    health = asked("grafana")
    assert health["result"] is True, health
    assert health["data"]["grafanaHost"] == "http://127.0.0.1:3000"
    folder = observed.host.tmp / "home" / "raysat-metrics" / "grafana"
    boards = {read_board(file)["uid"] for file in (folder / "dashboards").iterdir()}
    uids = health["data"]["dashboardUids"]
    assert {uids["default"], uids["data"], uids["train"], "raysat-runs"} == boards
    source = json.loads((folder / "provisioning" / "datasources" / "prometheus.yml").read_text(encoding="utf-8"))
    assert source["datasources"][0]["name"] == health["data"]["dashboardDatasource"]


@needs_prometheus
def test_each_alert_fires_when_it_should_and_only_then() -> None:
    subprocess.run(["promtool", "check", "rules", ALERTS], check=True, capture_output=True)
    tests = ROOT / "tests" / "deploy" / "alerts_test.yml"
    done = subprocess.run(["promtool", "test", "rules", tests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = tests.read_text(encoding="utf-8")
    for rule in YAML(typ="safe").load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]:
        assert rule["annotations"].keys() == {"summary", "action"}
        assert f'alertname="{rule["alert"]}", alertstate="firing"' in said, "a case in which it fires"


def test_the_board_is_current_and_one_of_grafanas(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Grafana's own types read of it is all of it: a key that they do not know would be lost on the way."""
    monkeypatch.syspath_prepend(BOARD.parent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write = runpy.run_path(str(BOARD.parent / "write_board.py"))
        from grafana_foundation_sdk.cog.encoder import JSONEncoder
        from grafana_foundation_sdk.cog.plugins import register_default_plugins
        from grafana_foundation_sdk.models.dashboard import Dashboard
    assert BOARD.read_text(encoding="utf-8") == write["text"](), "python deploy/grafana/write_board.py"
    register_default_plugins()
    board = read_board(BOARD)
    assert json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder)) == board
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    for one in board["panels"]:
        at = one["gridPos"]
        assert at["x"] + at["w"] <= 24
        for other in board["panels"]:
            there = other["gridPos"]
            beside = at["x"] + at["w"] <= there["x"] or there["x"] + there["w"] <= at["x"]
            above = at["y"] + at["h"] <= there["y"] or there["y"] + there["h"] <= at["y"]
            assert one is other or beside or above, (one["title"], other["title"])
