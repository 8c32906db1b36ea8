"""What Flux and Helm 4 take our objects for, by their own library, in every state that the controller gives them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import build
import processes
import pytest
import yaml
from release import Installed
from tools import CHART, ROOT, emulator, get, kubectl, run, succeed, until

NUMBER, SLOW = "100000000011", "100000000012"
TENANT = "wait-tenant"


def manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return an object of ours."""
    place = {"namespace": TENANT} if kind != "AwsAccount" else {}
    return {"apiVersion": "aws.ccagi.io/v1alpha1", "kind": kind, "metadata": {"name": name, **place}, "spec": spec}


def account(name: str, number: str, role: str) -> dict[str, Any]:
    """Return an account whose role is in the account with the other number."""
    credentials = {"assumeRole": {"roleArn": f"arn:aws:iam::{role}:role/CcagiAgentRole"}}
    spec = {"accountId": number, "defaultRegion": "us-east-1", "regions": ["us-east-1"], "credentials": credentials}
    return manifest("AwsAccount", name, {**spec, "allowedNamespaces": {"names": [TENANT]}})


def bucket(name: str, owner: str = "ready") -> dict[str, Any]:
    """Return a bucket that goes with its object."""
    own = {"accountRef": {"name": owner}, "deletionPolicy": "Delete", "s3Bucket": {"bucketName": f"{name}-{NUMBER}"}}
    return manifest("AwsResource", name, own)


def instance(name: str) -> dict[str, Any]:
    """Return an instance that waits for a role that nobody has declared."""
    block = {"imageId": "ami-0abcdef1234567890", "instanceType": "t3.micro", "iamInstanceProfileRef": {"name": "none"}}
    return manifest("AwsResource", name, {"accountRef": {"name": "ready"}, "ec2Instance": block})


def agent(name: str, *depends_on: str) -> dict[str, Any]:
    """Return a service agent that selects nothing."""
    selector = {"matchLabels": {"nobody": "has-it"}}
    return manifest("ServiceAgent", name, {"selector": selector, "dependsOn": list(depends_on)})


# What the controller makes of each, by the name. A service agent is never busy.
OBJECTS = [
    account("ready", NUMBER, NUMBER), account("stalled", "100000000013", NUMBER), account("busy", SLOW, SLOW),
    bucket("ready"), bucket("stalled", "nobody"), instance("busy"),
    agent("ready"), agent("stalled", "nobody"),
]
STATES = {"ready": "Current", "stalled": "Failed", "busy": "InProgress"}
HEALTH = {"ready": "Healthy", "stalled": "Degraded", "busy": "Progressing"}
HOLD = "example.test/hold"
CONDITIONS = {"ready": "Ready", "stalled": "Stalled", "busy": "Reconciling"}


def kstatus(objects: list[dict[str, Any]]) -> list[str]:
    """Return the library's word for each object as it is in the cluster."""
    found = [get(*path(one)) for one in objects]
    given = json.dumps({"items": found})
    done = subprocess.run([build.kstatus()], input=given, capture_output=True, text=True, check=True)
    return done.stdout.split()


def argo(objects: list[dict[str, Any]]) -> list[str]:
    """Return what the health check in docs/gitops.md makes of each object."""
    page = (ROOT / "docs" / "gitops.md").read_text()
    [block] = [one for one in re.findall(r"^```yaml\n(.*?)^```$", page, re.M | re.S) if "argocd-cm" in one]
    checks = yaml.safe_load(yaml.safe_load(block)["data"]["resource.customizations"])
    given = json.dumps({"lua": checks["aws.ccagi.io/*"]["health.lua"], "items": [get(*path(one)) for one in objects]})
    command = [str(build.tools() / "bin" / "python"), str(Path(__file__).with_name("argo_health.py"))]
    return succeed(*command, given=given).split()


def path(one: dict[str, Any]) -> list[str]:
    """Return kubectl's words for an object."""
    place = one["metadata"].get("namespace")
    return [one["kind"].lower(), one["metadata"]["name"], *(["-n", place] if place else [])]


def let_go(one: dict[str, Any]) -> bool:
    """Take the last finalizer off if it is this test's; say whether it was."""
    first = {"path": "/metadata/finalizers/0"}
    patch = [{"op": "test", "value": HOLD, **first}, {"op": "remove", **first}]
    return run("kubectl", "patch", *path(one), "--type=json", "-p", json.dumps(patch)).returncode == 0


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """A release without a program yet, and a namespace."""
    folder = tmp_path_factory.mktemp("release")
    installed = Installed({"reconcile": {"backoffBase": "200ms", "backoffMax": "2s"}}, folder)
    kubectl("create", "namespace", TENANT)
    yield installed
    print(processes.tail(folder / "program.log"))
    installed.remove()
    kubectl("delete", "namespace", TENANT, "--timeout=30s")


def break_identity(number: str) -> None:
    """Have AWS not answer who we are in this account."""
    emulator("POST", "faults", account=number, operation="GetCallerIdentity", kind="error-before", times=-1)


def test_every_state_is_read_as_what_it_is(release: Installed) -> None:
    defined = {yaml.safe_load(file.read_text())["spec"]["names"]["kind"] for file in (CHART / "files/crds").iterdir()}
    assert {one["kind"] for one in OBJECTS} == defined, "every definition has its states here"
    break_identity(SLOW)
    for one in OBJECTS:
        kubectl("create", "-f", "-", given=json.dumps(one))
    assert kstatus(OBJECTS) == ["InProgress"] * len(OBJECTS), "nobody has looked yet"
    assert argo(OBJECTS) == ["Progressing"] * len(OBJECTS)

    release.start()
    for one in OBJECTS:
        kubectl("wait", f"--for=condition={CONDITIONS[one['metadata']['name']]}", *path(one), "--timeout=90s")
    assert kstatus(OBJECTS) == [STATES[one["metadata"]["name"]] for one in OBJECTS]
    assert argo(OBJECTS) == [HEALTH[one["metadata"]["name"]] for one in OBJECTS]

    leaving = [one for one in OBJECTS if one["metadata"]["name"] == "ready"]
    for one in leaving:
        held = [*get(*path(one))["metadata"].get("finalizers", []), HOLD]
        kubectl("patch", *path(one), "--type=merge", "-p", json.dumps({"metadata": {"finalizers": held}}))
        kubectl("delete", *path(one), "--wait=false")
    assert kstatus(leaving) == ["Terminating"] * len(leaving)
    # The account waits for all resources that use it.
    kubectl("delete", "awsresources", "-n", TENANT, "--all", "--wait=false")
    for one in reversed(leaving):
        until("our finalizer to be the only one", lambda one=one: let_go(one))
    kubectl("wait", "--for=delete", *path(leaving[0]), "--timeout=90s")


def test_helm_waits_until_aws_is_ready_and_no_longer_for_what_is_stalled(release: Installed, tmp_path: Path) -> None:
    if release.pid is None:
        release.start()
    kubectl("create", "-f", "-", given=json.dumps(account("ready", NUMBER, NUMBER)))
    for name, owner in (("waits", "ready"), ("stuck", "nobody")):
        chart = tmp_path / name
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": name, "version": "1.0.0"}))
        (chart / "templates" / "bucket.yaml").write_text(json.dumps(bucket(name, owner)))
    install = ("install", "--wait=watcher", "--namespace", TENANT)
    release.helm(*install, "--timeout=90s", "waits", str(tmp_path / "waits"))
    assert kstatus([bucket("waits")]) == ["Current"]
    # Long before its patience ends, which the test would not outlive.
    said = release.helm.fails(*install, "--timeout=1h", "stuck", str(tmp_path / "stuck"))
    assert "stuck" in said and "Failed" in said, said
    run(str(release.helm.program), "uninstall", "waits", "stuck", "--namespace", TENANT)
