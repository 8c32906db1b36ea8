"""The program as the chart runs it: with the Deployment's arguments and variables, as the chart's ServiceAccount.

The API server's audit log tells whether the chart grants exactly what was needed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import unused_permissions
from release import Installed
from tools import RELEASE, get, kubectl

# An Event is patched only when it repeats, which the stories bring about.
REPEATS = ["granted and never used: patch events.events.k8s.io"]


def declare(namespace: str, number: str, allowed: dict[str, Any]) -> None:
    """Declare an account that allows the namespace, and a bucket in it."""
    role = {"roleArn": f"arn:aws:iam::{number}:role/CcagiAgentRole"}
    spec = {
        "accountId": number, "defaultRegion": "us-east-1", "regions": ["us-east-1"],
        "credentials": {"assumeRole": role}, "allowedNamespaces": allowed,
    }
    for kind, name, own in (
        ("AwsAccount", "shop", spec),
        ("AwsResource", "assets", {
            "accountRef": {"name": "shop"}, "deletionPolicy": "Delete",
            "s3Bucket": {"bucketName": f"assets-{number}"},
        }),
    ):
        metadata = {"name": name, **({"namespace": namespace} if kind == "AwsResource" else {})}
        manifest = {"apiVersion": "aws.ccagi.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": own}
        kubectl("apply", "-f", "-", given=json.dumps(manifest))


def live_and_die(namespace: str) -> None:
    """See the bucket become ready and go."""
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "awsresource/assets", "--timeout=90s")
    kubectl("-n", namespace, "delete", "awsresource", "assets", "--timeout=90s")
    kubectl("delete", "awsaccount", "shop", "--timeout=90s")


def fresh_log() -> Path:
    """Forget what ServiceAccounts have done so far. The API server appends to the file."""
    log = Path(os.environ["CCAGI_AUDIT_LOG"])
    os.truncate(log, 0)
    return log


def test_the_charts_rights_are_those_that_the_program_needs(folder: Path) -> None:
    log = fresh_log()
    kubectl("create", "namespace", "shop-all")
    release = Installed({}, folder)
    try:
        release.start()
        declare("shop-all", "100000000001", {"names": ["shop-all"]})
        kubectl("wait", "--for=condition=Ready", "awsaccount/shop", "--timeout=90s")
        live_and_die("shop-all")
        release.stop()
        assert unused_permissions.judge(log, RELEASE) == REPEATS
    finally:
        release.remove()


def test_a_release_for_some_namespaces_works_there_with_rights_there_only(folder: Path) -> None:
    log = fresh_log()
    for name in ("shop-one", "shop-two", "shop-other"):
        kubectl("create", "namespace", name)
        kubectl("label", "namespace", name, "team=web")
    values = {"watch": {"namespaces": ["shop-one", "shop-two"]}, "clusterId": "test"}
    release = Installed(values, folder)
    try:
        release.start()
        for name, number in (("shop-one", "100000000002"), ("shop-two", "100000000003")):
            declare(name, number, {"selector": {"matchLabels": {"team": "web"}}})
            live_and_die(name)
        declare("shop-other", "100000000004", {"selector": {"matchLabels": {"team": "web"}}})
        release.stop()
        other = get("awsresource", "assets", "-n", "shop-other")
        assert other["status"] == {"observedGeneration": -1}, "nobody works in a namespace that is not named"
        assert get("awsaccount", "shop")["status"] == {"observedGeneration": -1}, "accounts are only read"
        assert unused_permissions.judge(log, RELEASE) == REPEATS
    finally:
        release.remove()
