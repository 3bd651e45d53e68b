"""``raysat cluster check`` and ``price``: broken files of every kind, each named in a line before it costs anything."""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from raysat.cli.main import cli
from raysat.data.store import PatchStore
from raysat.errors import RaysatError
from raysat.execution.cluster_file.alternatives import choices
from raysat.execution.cluster_file.reading import read_cluster_file
from tests.helpers.paths import ROOT

GOOD: Final = (
    (ROOT / "cluster.yaml")
    .read_text(encoding="utf-8")
    .replace("BUCKET", "my-bucket")
    .replace("ImageId: IMAGE", "ImageId: ami-1")
    .replace("py311", f"py{sys.version_info.major}{sys.version_info.minor}")
)
OWN: Final = (  # machines of one's own
    (ROOT / "cluster-onprem.yaml")
    .read_text(encoding="utf-8")
    .replace("head_ip: HEAD", "head_ip: 10.0.0.1")
    .replace("WORKER-1, WORKER-2", "10.0.0.2, 10.0.0.3")
    .replace("ssh_user: USER", "ssh_user: me")
    .replace("BUCKET", "my-bucket")
)


def check(folder: Path, text: str, *words: str) -> tuple[int, str]:
    """Run the command on a text; its exit code and what it says, an error that it raises included."""
    (folder / "cluster.yaml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(cli, ["cluster", "check", str(folder / "cluster.yaml"), *words], standalone_mode=False)
    if isinstance(done.exception, RaysatError):
        return done.exception.exit_code, str(done.exception)
    assert done.exception is None, done.exception
    return done.return_value, done.output.replace("\n", " ")


def without(pattern: str) -> Callable[[str], str]:
    """Take lines out that a pattern matches."""
    return lambda text: "".join(line for line in text.splitlines(keepends=True) if not re.search(pattern, line))


def instead(old: str, new: str) -> Callable[[str], str]:
    """Write one text in place of another."""
    return lambda text: text.replace(old, new)


BROKEN: Final = {
    "a head of no type": (instead("head_node_type: head", "head_node_type: haed"), "head_node_type 'haed' is none of"),
    "a misspelt key": (instead("max_workers: 4\nupscaling", "max_worker: 4\nupscaling"), "Ray knows no 'max_worker'"),
    "a misspelt key of a type": (instead("    min_workers: 0", "    min_worker: 0"), "Ray knows no 'min_worker'"),
    "text for a number": (instead("idle_timeout_minutes: 10", "idle_timeout_minutes: soon"), "idle_timeout_minutes"),
    "no storage": (without("RAYSAT_OUT"), "results would be lost with the head's disk"),
    "storage on a disk": (instead("s3://my-bucket/runs", "/home/ray/runs"), "lies on a disk that ends"),
    "a bucket to be filled in": (instead("my-bucket", "BUCKET"), "BUCKET is still to be filled in"),
    "another Ray": (instead("ray:2.60.0", "ray:2.41.0"), "Ray 2.41.0 in the image"),
    "another Python": (lambda text: re.sub(r"-py3\d+", "-py39", text), "Python 3.9 in the image"),
    "an image without a version": (lambda text: re.sub(r"ray:2\S+-gpu", "ray:latest", text), "names no version"),
    "nothing that may train": (instead("max_workers: 4", "max_workers: 0"), "no machine may train"),
    "alternatives that nobody reads": (
        lambda text: without("module:")(text).replace("type: external", "type: aws"),
        "Ray's own provider knows no alternatives",
    ),
    "no region": (without("^  region:"), "no region"),
    "workers without a role": (without("raysat-worker"), "workers cannot reach the bucket"),
    "a price that is none": (instead("usd-per-hour: 0.40", "usd-per-hour: cheap"), "'cheap' is no price"),
    "no YAML": (instead("provider:", "provider: ["), "not valid YAML"),
    "a list": (lambda _: "- a\n", "no cluster file"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_named_with_its_line(what: str, tmp_path: Path) -> None:
    change, message = BROKEN[what]
    broken = change(GOOD)
    assert broken != GOOD
    code, said = check(tmp_path, broken)
    assert code == 2
    assert message in said
    assert re.search(r"cluster\.yaml:\d+", said)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--gpus-per-trial", "2"), "no node type holds a worker of 1 CPU, 2 GPU (gpu 8 CPU, 1 GPU)"),
        (("--cpus-per-trial", "16"), "no node type holds a worker of 16 CPU"),
        (("--workers", "5", "--gpus-per-trial", "1"), "a trial of 5 workers has no room at once"),
    ],
)
def test_a_study_that_no_node_type_can_hold(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    code, said = check(tmp_path, GOOD, *words)
    assert code == 2
    assert message in re.sub(r"\s+", " ", said)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RaysatError, match="No such file") as caught:
        read_cluster_file(tmp_path / "none.yaml")
    assert caught.value.hint == "give the file that `ray up` takes"


BROKEN_OWN: Final = {
    "a head to be filled in": (instead("10.0.0.1", "HEAD"), "HEAD is still to be filled in"),
    "a worker to be filled in": (instead("10.0.0.3", "WORKER-2"), "WORKER-2 is still to be filled in"),
    "a user to be filled in": (instead("ssh_user: me", "ssh_user: USER"), "USER is still to be filled in"),
    "no head": (without("head_ip"), "no head_ip"),
    "no list of workers": (without("worker_ips"), "no worker_ips"),
    "a worker twice": (instead("10.0.0.3", "10.0.0.2"), "'10.0.0.2' stands there twice"),
    "the head as a worker": (instead("10.0.0.3", "10.0.0.1"), "'10.0.0.1' stands there twice"),
    "a number for a worker": (instead("10.0.0.3", "7"), "7 is no address"),
    "node types": (
        lambda text: text + "available_node_types: {a: {node_config: {}, resources: {}}}\nhead_node_type: a\n",
        "Ray takes no available_node_types with machines of your own",
    ),
    "no storage": (instead("RAYSAT_OUT=s3://my-bucket/runs", "NOTHING=1"), "no RAYSAT_OUT: runs would end with"),
    "storage in the folder of a job": (
        instead("RAYSAT_OUT=s3://my-bucket/runs", "RAYSAT_OUT=runs"),
        "RAYSAT_OUT=runs ends with the folder of its job",
    ),
    "no token on the machines": (without("auth_token: ~"), "the machines have no token"),
    "another port": (instead("$RAY_HEAD_IP:6379", "$RAY_HEAD_IP:6380"), "look for Ray at port 6380, and the head"),
    "the default port": (lambda text: text.replace(" --port=6379", "").replace(":6379", ":6380"), "listens at 6379"),
    "the newer autoscaler": (instead(" RAY_enable_autoscaler_v2=0", ""), "no worker would join"),
}


@pytest.mark.parametrize("what", BROKEN_OWN)
def test_a_broken_file_for_machines_of_ones_own(what: str, tmp_path: Path) -> None:
    change, message = BROKEN_OWN[what]
    broken = change(OWN)
    assert broken != OWN
    code, said = check(tmp_path, broken)
    assert code == 2
    assert message in re.sub(r"\s+", " ", said)
    assert re.search(r"cluster\.yaml:\d+", said)
    assert "1 error, 0 risks" in said, "one line for each"


RISKS_OWN: Final = {
    "no token": (
        lambda text: without("auth_token: ~")(text).replace("RAY_AUTH_MODE=token ", ""),
        "no token: who reaches",
    ),
    "an open dashboard": (instead("--dashboard-host=127.0.0.1", "--dashboard-host=0.0.0.0"), "listens beyond"),
    "no worker": (instead("[10.0.0.2, 10.0.0.3]", "[]"), "no worker: the head trains alone"),
    "workers left out": (lambda text: text + "max_workers: 1\n", "max_workers 1 leaves out 1 of 2 workers"),
    "no key": (without("ssh_private_key"), "the head may not get into the workers"),
}


@pytest.mark.parametrize("what", RISKS_OWN)
def test_a_risk_with_machines_of_ones_own(what: str, tmp_path: Path) -> None:
    change, message = RISKS_OWN[what]
    code, said = check(tmp_path, change(OWN))
    assert code == 0
    assert message in re.sub(r"\s+", " ", said)


@pytest.mark.parametrize("out", ["s3://my-bucket/runs", "/shared/runs", "$HOME/runs"])
def test_nothing_is_wrong_with_machines_of_ones_own(out: str, tmp_path: Path) -> None:
    code, said = check(tmp_path, OWN.replace("s3://my-bucket/runs", out))
    assert (code, said.strip()) == (0, "nothing is wrong that a look at the file can tell")


def test_machines_of_ones_own_have_no_price(tmp_path: Path, landsat_store: PatchStore) -> None:
    from raysat import load_cluster, load_study, plan

    (tmp_path / "cluster.yaml").write_text(OWN, encoding="utf-8")
    with pytest.raises(RaysatError, match=r"cluster\.yaml:\d+: machines of your own have no price here") as caught:
        load_cluster(tmp_path / "cluster.yaml").price(plan(load_study("table2"), landsat_store.path), rate=1000)
    assert caught.value.exit_code == 2


RISKS: Final = {
    "no token": (lambda text: without("-e RAY_AUTH")(text).replace("RAY_AUTH_MODE=token ", ""), "no token"),
    "an open dashboard": (instead("--dashboard-host=127.0.0.1", "--dashboard-host=0.0.0.0"), "listens beyond"),
    "a disk in the clear": (instead("Encrypted: true", "Encrypted: false"), "not encrypted"),
    "the role of Ray": (without("raysat-head"), "Ray gives the head all rights"),
    "the group of Ray": (without("security_group"), "Ray's own lets the whole world try SSH"),
    "an old image": (without("ImageId"), "Ray's default is an old image"),
    "spot alone": (without("{usd-per-hour: 0.98}"), "without a spot machine, nothing trains"),
    "a role for everybody": (instead("HttpTokens: required", "HttpTokens: optional"), "without a token"),
    "machines for ever": (instead("idle_timeout_minutes: 10", "idle_timeout_minutes: 0"), "never ended"),
}


@pytest.mark.parametrize("what", RISKS)
def test_a_risk_is_said_and_stops_nobody(what: str, tmp_path: Path) -> None:
    change, message = RISKS[what]
    code, said = check(tmp_path, change(GOOD))
    assert code == 0
    assert message in re.sub(r"\s+", " ", said)


def test_the_file_as_it_comes_lacks_two_words(tmp_path: Path) -> None:
    code, said = check(tmp_path, (ROOT / "cluster.yaml").read_text(encoding="utf-8"))
    assert code == 2
    assert "2 errors, 0 risks" in said
    assert "BUCKET is still" in said
    assert "IMAGE is still" in said


def test_the_images_are_of_the_ray_that_is_pinned() -> None:
    assert f"ray:{version('ray')}-py311" in (ROOT / "cluster.yaml").read_text(encoding="utf-8")


def test_alternatives_change_what_they_name_alone() -> None:
    given = {"InstanceType": "a", "Tags": [1], "alternatives": [{"Spot": True}, {"InstanceType": "b"}, {}]}
    assert choices(given) == [
        {"InstanceType": "a", "Tags": [1], "Spot": True},
        {"InstanceType": "b", "Tags": [1]},
        {"InstanceType": "a", "Tags": [1]},
    ]
    assert choices({"InstanceType": "a"}) == [{"InstanceType": "a"}]


def test_what_a_study_costs(tmp_path: Path, landsat_store: PatchStore) -> None:
    """By hand: 1,000 views a second on four machines of 0.40, 0.48 and 0.98 $, with a head of 0.19 $."""
    from raysat import load_cluster, load_study, plan
    from raysat.api.clusters import images

    (tmp_path / "cluster.yaml").write_text(GOOD, encoding="utf-8")
    planned = plan(load_study("table2"), landsat_store.path)
    found = load_cluster(tmp_path / "cluster.yaml").price(planned, rate=1000)
    hours = images(planned) / 1000 / 3600
    assert [cost.choice.instance for cost in found] == ["g6.2xlarge", "g5.2xlarge", "g6.2xlarge"]
    assert [cost.choice.is_spot for cost in found] == [True, True, False]
    assert [cost.usd for cost in found] == pytest.approx([hours * (price + 0.19 / 4) for price in (0.40, 0.48, 0.98)])
    assert all(cost.hours == pytest.approx(hours / 4) for cost in found)


def everywhere(value: object, key: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a file."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in items:
        yield (*key, part)
        yield from everywhere(inner, (*key, part))


@pytest.mark.slow
@pytest.mark.parametrize("file", [GOOD, OWN], ids=["aws", "local"])
@pytest.mark.parametrize("value", [None, "text", 1e300, [None], {"a": None}])
def test_no_value_in_any_place_is_more_than_a_finding_or_one_error(value: object, file: str, tmp_path: Path) -> None:
    good = YAML(typ="safe", pure=True).load(file)
    for key in everywhere(good):
        changed = copy.deepcopy(good)
        place = changed
        for part in key[:-1]:
            place = place[part]
        place[key[-1]] = value
        code, said = check(tmp_path, json.dumps(changed))  # which is YAML too
        assert code in (0, 2), key
        assert said, key
