"""The program as the chart runs it: with the Deployment's arguments and variables, as the chart's ServiceAccount.

The API server's audit log tells whether the chart grants exactly what was needed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import build
import processes
import pytest
import service_account
import unused_permissions
from tools import CHART, RELEASE, Helm, get, kubectl, run, start

DEFINITIONS = ("awsaccounts.aws.ccagi.io", "awsresources.aws.ccagi.io")
AWS = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}


class Installed:
    """A release whose one pod is the program on this machine."""

    def __init__(self, namespace: str, values: dict[str, Any], folder: Path) -> None:
        self.namespace, self.folder = namespace, folder
        self.helm = Helm(4, build.helm(4))
        [self.port] = processes.free_ports(1)
        path = folder / "values.json"
        aws = {"region": "us-east-1", "endpointUrl": os.environ["AWS_ENDPOINT_URL"]}
        path.write_text(json.dumps({"health": {"port": self.port}, "aws": aws, **values}))
        more = ("--namespace", namespace, "--create-namespace", "--values", str(path))
        self.helm("install", RELEASE, str(CHART), *more)
        kubectl("wait", "--for=condition=Established", *(f"crd/{name}" for name in DEFINITIONS), "--timeout=60s")
        self.pid = self._start()

    def _start(self) -> int:
        kubeconfig = self.folder / "kubeconfig"
        service_account.write_kubeconfig(kubeconfig, RELEASE, self.namespace, dict(os.environ))
        deployment = get("deployment", RELEASE, "-n", self.namespace)
        return start(deployment, kubeconfig, self.folder, AWS)

    def stop(self) -> None:
        """Stop the program in good order."""
        processes.stop(self.pid, self.folder, 25.0)

    def remove(self) -> None:
        """Remove the release and the definitions, whatever the test has left."""
        run("kubectl", "delete", "awsresources", "-A", "--all", "--timeout=10s")
        run("kubectl", "delete", "awsaccounts", "--all", "--timeout=10s")
        self.stop()
        self.helm("uninstall", RELEASE, "--namespace", self.namespace)
        kubectl("delete", "crd", *DEFINITIONS, "--timeout=60s")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for one program, whose log is shown where the test fails."""
    yield tmp_path
    print(processes.tail(tmp_path / "program.log"))


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
    release = Installed("ccagi-all", {}, folder)
    try:
        declare("shop-all", "100000000001", {"names": ["shop-all"]})
        kubectl("wait", "--for=condition=Ready", "awsaccount/shop", "--timeout=90s")
        live_and_die("shop-all")
        release.stop()
        assert unused_permissions.judge(log, RELEASE) == []
    finally:
        release.remove()


def test_a_release_for_some_namespaces_works_there_with_rights_there_only(folder: Path) -> None:
    log = fresh_log()
    for name in ("shop-one", "shop-two", "shop-other"):
        kubectl("create", "namespace", name)
        kubectl("label", "namespace", name, "team=web")
    values = {"watch": {"namespaces": ["shop-one", "shop-two"]}, "clusterId": "test"}
    release = Installed("ccagi-some", values, folder)
    try:
        for name, number in (("shop-one", "100000000002"), ("shop-two", "100000000003")):
            declare(name, number, {"selector": {"matchLabels": {"team": "web"}}})
            live_and_die(name)
        declare("shop-other", "100000000004", {"selector": {"matchLabels": {"team": "web"}}})
        release.stop()
        other = get("awsresource", "assets", "-n", "shop-other")
        assert other["status"] == {"observedGeneration": -1}, "nobody works in a namespace that is not named"
        assert get("awsaccount", "shop")["status"] == {"observedGeneration": -1}, "accounts are only read"
        assert unused_permissions.judge(log, RELEASE) == []
    finally:
        release.remove()
