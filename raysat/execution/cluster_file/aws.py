"""What is wrong in a cluster file for AWS: what Ray would do there by default, and spot machines without a way out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from raysat.config.yaml_source import Key
from raysat.execution.cluster_file.alternatives import PRICE
from raysat.execution.cluster_file.finding import Finding, error, risk
from raysat.execution.cluster_file.reading import ClusterFile

_STACK: Final = "see deploy/aws/stack.yaml"
_PROVIDER: Final = "{type: external, module: raysat.execution.aws_nodes.AwsNodes}"


def aws_findings(file: ClusterFile) -> Iterator[Finding]:
    """What is wrong in a file whose provider is ``aws``."""
    if not file.get(("provider", "region")):
        yield error(file, ("provider",), "no region", "provider: {type: aws, region: us-west-2}")
    named = file.get(("provider", "security_group", "GroupName"))
    for kind in file.node_types:
        key: Key = (*kind.key, "node_config")
        node = file.get(key, {})
        if not node.get("InstanceType"):
            yield error(file, key, f"{kind.name}: no InstanceType", "such as InstanceType: g6.2xlarge")
        if not node.get("ImageId"):
            yield risk(file, key, f"{kind.name}: no ImageId: Ray's default is an old image", _STACK)
        if not (named or node.get("SecurityGroupIds")):
            yield risk(file, key, f"{kind.name}: no security group: Ray's own lets the whole world try SSH", _STACK)
        if not node.get("IamInstanceProfile"):
            what = (
                "Ray gives the head all rights over EC2 and S3" if kind.is_head else "workers cannot reach the bucket"
            )
            yield (risk if kind.is_head else error)(file, key, f"{kind.name}: no IamInstanceProfile: {what}", _STACK)
        if not _is_encrypted(node):
            yield risk(
                file, key, f"{kind.name}: its disk is not encrypted", "BlockDeviceMappings: Ebs: Encrypted: true"
            )
        if file.get((*key, "MetadataOptions", "HttpTokens")) != "required":
            yield risk(file, key, f"{kind.name}: its role can be asked for without a token", "HttpTokens: required")
        for choice in kind.choices:
            if choice.usd_per_hour is None:
                what = f"{kind.name}: {choice.instance} has no price, so that no study's can be told"
                yield risk(file, kind.key, what, f'labels: {{{PRICE}: "0.98"}}')
        if "alternatives" in node and not file.has_alternatives:
            yield error(file, key, f"{kind.name}: Ray's own provider knows no alternatives", _PROVIDER)
        if kind.choices[-1].is_spot:
            what = (
                "AWS may take the head, and the run with it"
                if kind.is_head
                else "without a spot machine, nothing trains"
            )
            yield risk(
                file, key, f"{kind.name}: {what}", f"alternatives, the last on demand, and provider: {_PROVIDER}"
            )


def _is_encrypted(node: dict[str, Any]) -> bool:
    given = node.get("BlockDeviceMappings")
    disks = [disk.get("Ebs") if isinstance(disk, dict) else None for disk in given] if isinstance(given, list) else []
    return bool(disks) and all(isinstance(disk, dict) and disk.get("Encrypted") is True for disk in disks)
