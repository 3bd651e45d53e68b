"""``ray up cluster.yaml`` on an AWS account of moto's, by Ray's own launcher as far as SSH goes, and its autoscaler."""

from __future__ import annotations

import ast
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from raysat.execution.cluster_file.checks import Demand, findings
from raysat.execution.cluster_file.reading import read_cluster_file
from tests.helpers.aws import MINE, Account, account, free_port
from tests.helpers.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.ray]


@pytest.fixture(scope="module", name="aws")
def _aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("aws")) as made:
        (made.folder / "cluster.yaml").write_text(made.cluster_file(), encoding="utf-8")
        yield made


@pytest.fixture(scope="module", name="up")
def _up(aws: Account) -> subprocess.CompletedProcess[str]:
    return aws.ray("up", "--yes", "--no-config-cache", "cluster.yaml")


def test_the_filled_in_file_passes_its_check(aws: Account) -> None:
    file = read_cluster_file(aws.folder / "cluster.yaml")
    assert findings(file, Demand(cpus=4, gpus=0.5)) == []


def test_the_stack_lets_nobody_else_in(aws: Account) -> None:
    group = aws.client("ec2").describe_security_groups(GroupNames=["raysat"])["SecurityGroups"][0]
    ssh, among = sorted(group["IpPermissions"], key=lambda rule: rule["IpProtocol"], reverse=True)
    assert (ssh["FromPort"], ssh["ToPort"], [each["CidrIp"] for each in ssh["IpRanges"]]) == (22, 22, [MINE])
    assert among["IpProtocol"] == "-1"
    assert among["IpRanges"] == []
    assert [pair["GroupId"] for pair in among["UserIdGroupPairs"]] == [group["GroupId"]]


def test_its_bucket_is_encrypted_and_private(aws: Account) -> None:
    s3, bucket = aws.client("s3"), aws.outputs["Bucket"]
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    template = YAML().load((ROOT / "deploy" / "aws" / "stack.yaml").read_text(encoding="utf-8"))  # moto leaves it out
    assert list(template["Resources"]["Bucket"]["Properties"]["PublicAccessBlockConfiguration"].values()) == [True] * 4


def test_workers_may_reach_the_bucket_and_nothing_else(aws: Account) -> None:
    """What the head may do beside is to start machines, and to end those of this cluster."""
    iam = aws.client("iam")
    for role in ("raysat-worker", "raysat-head"):
        (attached,) = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)["PolicyVersion"][
            "Document"
        ]
        resources = {statement["Resource"] for statement in document["Statement"]}
        assert resources == {f"arn:aws:s3:::{aws.outputs['Bucket']}", f"arn:aws:s3:::{aws.outputs['Bucket']}/*"}
    assert iam.list_role_policies(RoleName="raysat-worker")["PolicyNames"] == []
    policy = iam.get_role_policy(RoleName="raysat-head", PolicyName="workers")["PolicyDocument"]
    own = ast.literal_eval(policy)["Statement"]  # as moto writes it
    allowed = {
        action for each in own for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }
    assert allowed == {
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceTypes",
        "ec2:RunInstances",
        "ec2:CreateTags",
        "ec2:TerminateInstances",
        "iam:PassRole",
    }
    (ends,) = [each for each in own if each["Action"] == "ec2:TerminateInstances"]
    assert ends["Condition"] == {"StringEquals": {"ec2:ResourceTag/ray-cluster-name": "raysat"}}
    (passes,) = [each for each in own if each["Action"] == "iam:PassRole"]
    assert passes["Resource"].endswith(":role/raysat-worker")


def test_ray_up_starts_the_head_as_it_is_written(aws: Account, up: subprocess.CompletedProcess[str]) -> None:
    assert up.returncode == 0, up.stdout + up.stderr
    (head,) = [each for each in aws.instances() if _tags(each)["ray-node-type"] == "head"]
    assert head["InstanceType"] == "m6i.xlarge"
    assert head["ImageId"] == aws.outputs["Image"]
    assert head["IamInstanceProfile"]["Arn"].endswith("instance-profile/raysat-head")
    assert [group["GroupName"] for group in head["SecurityGroups"]] == ["raysat"]
    assert head["MetadataOptions"]["HttpTokens"] == "required"
    assert "InstanceLifecycle" not in head, "a head that AWS may take back"
    assert _tags(head)["project"] == "raysat"
    (disk,) = _disks(aws, head)
    assert disk["Encrypted"] is True
    assert disk["Size"] == 150


def test_ray_up_sets_the_head_up_as_it_is_written(aws: Account, up: subprocess.CompletedProcess[str]) -> None:
    assert up.returncode == 0
    done = aws.commands()
    (container,) = [command for command in done if "docker run" in command]
    for word in ("rayproject/ray:2.60.0-py311", "RAY_AUTH_MODE=token", f"RAYSAT_OUT=s3://{aws.outputs['Bucket']}/runs"):
        assert word in container
    start = next(command for command in done if "ray start" in command)
    order = ["pip install -c", "ray stop", "ray start --head"]
    places = [next(place for place, command in enumerate(done) if word in command) for word in order]
    assert places == sorted(places)
    # By itself Ray turns its usage statistics on before our command; what comes last holds.
    assert start.rpartition("RAY_USAGE_STATS_ENABLED=")[2][0] == "0"
    assert "RAY_AUTH_MODE=token" in start
    assert "--dashboard-host=127.0.0.1" in start


@pytest.fixture(name="asked")
def _asked(
    aws: Account, up: subprocess.CompletedProcess[str], monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, str]]:
    """No spot machine is to be had; which types and markets are asked for."""
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models.instances import InstanceBackend

    assert up.returncode == 0
    found: list[tuple[str, str]] = []
    starts = InstanceBackend.run_instances

    def run_instances(self: InstanceBackend, *args: Any, **options: Any) -> Any:
        market = options.get("instance_market_options") or options.get("lifecycle") or "on demand"
        if not found or found[-1] != (options["instance_type"], market):  # Ray tries one several times
            found.append((options["instance_type"], market))
        if market == "spot":
            raise EC2ClientError("InsufficientInstanceCapacity", "there is none")  # type: ignore[no-untyped-call]
        return starts(self, *args, **options)

    monkeypatch.setattr(InstanceBackend, "run_instances", run_instances)
    return found


def test_where_there_is_no_spot_machine_the_autoscaler_takes_the_next_one(
    aws: Account, asked: list[tuple[str, str]]
) -> None:
    """The real autoscaler of a real head, with the configuration that ``ray up`` sent there."""
    head = next(each for each in aws.instances() if _tags(each)["ray-node-type"] == "head")
    (aws.folder / "ray_bootstrap_key.pem").write_bytes((aws.folder / "files" / "ray_bootstrap_key.pem").read_bytes())
    with _head(aws, head["InstanceId"]) as port:
        _ask_for_a_gpu(aws, port)
        until = time.monotonic() + 120
        while len(aws.instances()) < 2 and time.monotonic() < until:
            time.sleep(0.5)
    assert asked == [("g6.2xlarge", "spot"), ("g5.2xlarge", "spot"), ("g6.2xlarge", "on demand")]
    (worker,) = [each for each in aws.instances() if _tags(each)["ray-node-type"] == "worker"]
    assert worker["InstanceType"] == "g6.2xlarge"
    assert "InstanceLifecycle" not in worker
    assert worker["IamInstanceProfile"]["Arn"].endswith("instance-profile/raysat-worker")
    assert worker["MetadataOptions"]["HttpTokens"] == "required"
    assert _tags(worker)["project"] == "raysat"
    assert all(disk["Encrypted"] for disk in _disks(aws, worker))


def test_ray_down_ends_all_machines_and_leaves_the_bucket(aws: Account, up: subprocess.CompletedProcess[str]) -> None:
    assert up.returncode == 0
    aws.client("s3").put_object(Bucket=aws.outputs["Bucket"], Key="runs/study/plan.json", Body=b"{}")
    down = aws.ray("down", "--yes", "cluster.yaml")
    assert down.returncode == 0, down.stdout + down.stderr
    assert aws.instances() == []
    assert aws.client("s3").list_objects_v2(Bucket=aws.outputs["Bucket"])["KeyCount"] == 1


def _tags(instance: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in instance["Tags"]}


def _disks(aws: Account, instance: dict[str, Any]) -> list[dict[str, Any]]:
    ids = [disk["Ebs"]["VolumeId"] for disk in instance["BlockDeviceMappings"]]
    volumes: list[dict[str, Any]] = aws.client("ec2").describe_volumes(VolumeIds=ids)["Volumes"]
    return volumes


@contextmanager
def _head(aws: Account, instance: str) -> Iterator[int]:
    """Ray's head as ``ray up`` starts it, on loopback; yields its port."""
    folder = tempfile.mkdtemp(prefix="ray-")  # a socket's path is short
    environment = aws.environment | {
        "RAY_enable_autoscaler_v2": "1",
        "RAY_CLOUD_INSTANCE_ID": instance,
        "RAY_NODE_TYPE_NAME": "head",
        "RAY_OVERRIDE_RESOURCES": '{"CPU": 0}',
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    port = free_port()
    command = [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--node-ip-address=127.0.0.1"]
    command += [f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"]
    command += ["--min-worker-port=0", "--max-worker-port=0", f"--ray-client-server-port={free_port()}"]
    command += [f"--autoscaling-config={aws.folder / 'files' / 'ray_bootstrap_config.yaml'}"]
    with (aws.folder / "head.log").open("w") as log:
        process = subprocess.Popen(command, cwd=aws.folder, env=environment, stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _ask_for_a_gpu(aws: Account, port: int) -> None:
    asks = (
        "import sys\nfrom ray.autoscaler.v2.sdk import request_cluster_resources\n"
        "request_cluster_resources(sys.argv[1], [{'resources': {'CPU': 1, 'GPU': 1}}])"
    )
    until = time.monotonic() + 120
    while True:
        done = subprocess.run(
            [sys.executable, "-c", asks, f"127.0.0.1:{port}"],
            cwd=aws.folder,
            env=aws.environment | {"RAY_AUTH_MODE": "token"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode == 0:
            return
        assert time.monotonic() < until, done.stderr
        time.sleep(0.5)
