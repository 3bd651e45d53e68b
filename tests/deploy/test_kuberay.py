"""``deploy/kuberay`` and the image: accepted by their operators, with no more rights than needed.

Pods are read by Kubernetes' own client, which knows every field of its API. Of KubeRay and Kueue the fields that the
files use are listed here; with their CRDs in a folder that ``RAYSAT_CRDS`` names, all is checked against these, too.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import jsonschema
import kubernetes.client
import pytest
from kubernetes.utils.quantity import parse_quantity
from ruamel.yaml import YAML

from raysat import __version__
from raysat.cli.main import cli
from tests.helpers.paths import ROOT

FOLDER: Final = ROOT / "deploy" / "kuberay"
POOL: Final = "raysat/pool"
# What KubeRay 1.7 and Kueue 0.18 know, as far as it is used here; a pod's own fields are Kubernetes'.
RAY_JOB: Final = {
    "entrypoint",
    "backoffLimit",
    "shutdownAfterJobFinishes",
    "ttlSecondsAfterFinished",
    "submitterPodTemplate",
    "rayClusterSpec",
}
RAY_CLUSTER: Final = {
    "rayVersion",
    "authOptions",
    "enableInTreeAutoscaling",
    "autoscalerOptions",
    "headGroupSpec",
    "workerGroupSpecs",
}
HEAD: Final = {"rayStartParams", "template"}
GROUP: Final = HEAD | {"groupName", "priority", "minReplicas", "maxReplicas"}
CLUSTER_QUEUE: Final = {"namespaceSelector", "queueingStrategy", "resourceGroups"}


def documents(name: str) -> list[dict[str, Any]]:
    return list(YAML(typ="safe").load_all((FOLDER / name).read_text(encoding="utf-8")))


@pytest.fixture(name="job")
def _job() -> dict[str, Any]:
    (job,) = documents("rayjob.yaml")
    return job


@pytest.fixture(name="queue")
def _queue() -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["kind"], each["metadata"]["name"]): each for each in documents("queue.yaml")}


def templates(job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The pod templates of a job, by what they are for."""
    cluster = job["spec"]["rayClusterSpec"]
    groups = {group["groupName"]: group["template"] for group in cluster["workerGroupSpecs"]}
    submitter, head = job["spec"]["submitterPodTemplate"], cluster["headGroupSpec"]["template"]
    return {"submitter": submitter, "head": head, **groups}


def containers(job: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each container with its pod."""
    for template in templates(job).values():
        for container in template["spec"]["containers"]:
            yield template["spec"], container


def as_kubernetes_reads(kind: str, value: dict[str, Any]) -> Any:
    """A value as Kubernetes' client makes it of its own model: without what that does not know."""
    api = kubernetes.client.ApiClient()
    return api.sanitize_for_serialization(api._ApiClient__deserialize(value, kind))  # type: ignore[attr-defined]


def test_pods_have_nothing_that_kubernetes_does_not_know(job: dict[str, Any]) -> None:
    for template in templates(job).values():
        assert as_kubernetes_reads("V1PodTemplateSpec", template) == template
    mistake = templates(job)["head"]
    mistake["spec"]["containers"][0]["securityContext"]["readOnlyRoot"] = True
    assert as_kubernetes_reads("V1PodTemplateSpec", mistake) != mistake


def test_the_rest_has_nothing_that_kuberay_and_kueue_do_not_know(
    job: dict[str, Any], queue: dict[tuple[str, str], dict[str, Any]]
) -> None:
    spec = job["spec"]
    cluster = spec["rayClusterSpec"]
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert spec.keys() <= RAY_JOB
    assert cluster.keys() <= RAY_CLUSTER
    assert cluster["headGroupSpec"].keys() <= HEAD
    assert all(group.keys() <= GROUP for group in cluster["workerGroupSpecs"])
    assert queue["ClusterQueue", "raysat"]["spec"].keys() <= CLUSTER_QUEUE
    kinds = {kind for kind, _ in queue}
    assert kinds == {"Namespace", "NetworkPolicy", "ResourceFlavor", "ClusterQueue", "LocalQueue"}


def test_other_namespaces_reach_the_jobs_of_a_head_at_most(queue: dict[tuple[str, str], dict[str, Any]]) -> None:
    policy = queue["NetworkPolicy", "raysat"]
    assert as_kubernetes_reads("V1NetworkPolicy", policy) == policy
    spec = policy["spec"]
    assert (spec["podSelector"], spec["policyTypes"]) == ({}, ["Ingress"])  # of all pods, whatever comes
    within, operator = spec["ingress"]
    assert within == {"from": [{"podSelector": {}}]}
    assert operator["ports"] == [{"port": 8265}]
    assert [who["podSelector"]["matchLabels"] for who in operator["from"]] == [
        {"app.kubernetes.io/name": "kuberay-operator"}
    ]


@pytest.mark.skipif(
    "RAYSAT_CRDS" not in os.environ, reason="RAYSAT_CRDS names no folder with the CRDs of KubeRay and Kueue"
)
@pytest.mark.parametrize("name", ["rayjob.yaml", "queue.yaml"])
def test_the_crds_accept_it(name: str) -> None:
    schemas = {}
    for file in Path(os.environ["RAYSAT_CRDS"]).glob("*.yaml"):
        crd = YAML(typ="safe").load(file.read_text(encoding="utf-8"))["spec"]
        for version in crd["versions"]:
            key = (f"{crd['group']}/{version['name']}", crd["names"]["kind"])
            schemas[key] = _strict(version["schema"]["openAPIV3Schema"])
    for document in documents(name):
        if document["kind"] not in {"Namespace", "NetworkPolicy"}:
            schema = schemas[document["apiVersion"], document["kind"]]
            schema["properties"]["metadata"] = {"type": "object"}
            assert [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(document)] == []


def _strict(schema: Any) -> Any:
    """A CRD's schema as one that refuses unknown fields, as ``kubectl --validate=strict`` does."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    found = {key: _strict(value) for key, value in schema.items()}
    if found.get("type") == "object" and "properties" in found:
        found.setdefault("additionalProperties", False)
    return found


def test_no_container_has_more_rights_than_the_restricted_standard_gives(
    job: dict[str, Any], queue: dict[tuple[str, str], dict[str, Any]]
) -> None:
    labels = queue["Namespace", "raysat"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    contexts = [container["securityContext"] for _, container in containers(job)]
    contexts.append(job["spec"]["rayClusterSpec"]["autoscalerOptions"]["securityContext"])
    for context in contexts:
        assert context == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    for pod, _ in containers(job):
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["runAsUser"] == 1000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all({"emptyDir", "configMap"} & volume.keys() for volume in pod.get("volumes", ()))
    workers = [group["template"]["spec"] for group in job["spec"]["rayClusterSpec"]["workerGroupSpecs"]]
    assert all(pod["automountServiceAccountToken"] is False for pod in workers)


def test_head_and_submitter_are_where_no_machine_is_taken_back_and_every_pool_has_a_quota(
    job: dict[str, Any], queue: dict[tuple[str, str], dict[str, Any]]
) -> None:
    flavors = {
        flavor["spec"]["nodeLabels"][POOL]: name for (kind, name), flavor in queue.items() if kind == "ResourceFlavor"
    }
    pools = {name: template["spec"]["nodeSelector"][POOL] for name, template in templates(job).items()}
    assert pools == {"submitter": "head", "head": "head", "gpu-spot": "spot", "gpu-on-demand": "on-demand"}
    assert set(pools.values()) == set(flavors)
    (group,) = queue["ClusterQueue", "raysat"]["spec"]["resourceGroups"]
    quotas = {
        flavor["name"]: {each["name"]: parse_quantity(each["nominalQuota"]) for each in flavor["resources"]}
        for flavor in group["flavors"]
    }
    for spec in job["spec"]["rayClusterSpec"]["workerGroupSpecs"]:
        for container in spec["template"]["spec"]["containers"]:
            quota = quotas[flavors[pools[spec["groupName"]]]]
            for resource, amount in container["resources"]["requests"].items():
                assert spec["maxReplicas"] * parse_quantity(amount) <= quota[resource], (spec["groupName"], resource)
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "raysat"
    assert queue["LocalQueue", "raysat"]["spec"]["clusterQueue"] == "raysat"


def test_it_grows_with_the_work_and_spot_machines_come_first(job: dict[str, Any]) -> None:
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["enableInTreeAutoscaling"]
    assert job["metadata"]["annotations"]["kueue.x-k8s.io/elastic-job"] == "true", "Kueue refuses to scale others"
    assert cluster["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}
    assert [group["minReplicas"] for group in cluster["workerGroupSpecs"]] == [0, 0]
    spot, on_demand = cluster["workerGroupSpecs"]
    assert spot["priority"] > on_demand["priority"]
    assert cluster["authOptions"] == {"mode": "token"}


def test_a_machine_that_is_cut_off_is_given_up_as_soon_as_on_aws(job: dict[str, Any]) -> None:
    aws = YAML(typ="safe").load((ROOT / "cluster.yaml").read_text(encoding="utf-8"))["head_start_ray_commands"][-1]
    expected = dict(re.findall(r"(RAY_health_check_\w+)=(\d+)", aws))
    (head,) = templates(job)["head"]["spec"]["containers"]
    assert {each["name"]: each["value"] for each in head["env"] if "health_check" in each["name"]} == expected


def test_its_command_is_one_that_raysat_takes(job: dict[str, Any]) -> None:
    program, command, *words = shlex.split(job["spec"]["entrypoint"])
    assert program == "raysat"
    given = cli.commands[command].make_context("ablate", words, resilient_parsing=False)
    assert isinstance(given, click.Context)
    with pytest.raises(click.UsageError):
        cli.commands[command].make_context("ablate", [*words, "--max-concurent", "4"])


def test_one_image_for_all_with_the_pinned_ray(job: dict[str, Any]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    pinned = re.search(r"^ray==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert pinned is not None
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == pinned[1]
    images = {container["image"] for _, container in containers(job)}
    assert images == {f"REGISTRY/raysat:{__version__}"}
    assert f"-t REGISTRY/raysat:{__version__} ." in dockerfile
