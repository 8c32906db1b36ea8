"""The program as the chart runs it: with the Deployment's arguments and variables, as the chart's ServiceAccount.

The API server's audit log tells whether the chart grants exactly what was needed.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import unused_permissions
from release import Installed
from tools import NAMESPACE, RELEASE, get, kubectl, until

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
    # The agent that nobody declared comes with the first resource and goes with the last.
    agent = "serviceagent/registered-s3bucket"
    kubectl("-n", namespace, "wait", "--for=create", agent, "--timeout=90s")
    kubectl("-n", namespace, "wait", "--for=condition=Ready", agent, "--timeout=90s")
    kubectl("-n", namespace, "delete", "awsresource", "assets", "--timeout=90s")
    kubectl("-n", namespace, "wait", "--for=delete", agent, "--timeout=90s")
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


def in_words(role: dict[str, Any]) -> Iterator[str]:
    """Yield the rights of a role as the program names them."""
    # What a Role grants for Namespaces is for its own namespace's object.
    namespace = role["metadata"].get("namespace", "")
    for rule in role["rules"]:
        for group, resource, verb, name in itertools.product(
            rule["apiGroups"], rule["resources"], rule["verbs"], rule.get("resourceNames", [""])
        ):
            named = namespace if resource == "namespaces" and namespace else name
            words = unused_permissions.in_words((group, resource, verb))
            words += f" named {named}" if named else ""
            yield words + (f" in the namespace {namespace}" if namespace not in ("", named) else "")


def granted(manifests: list[dict[str, Any]]) -> set[str]:
    """Return the rights of the chart's roles but those for people."""
    roles = [one for one in manifests if one["kind"] in ("Role", "ClusterRole")]
    own = [one for one in roles if not any(unused_permissions.AGGREGATED in key for key in one["metadata"]["labels"])]
    return {words for role in own for words in in_words(role)}


def missing(said: str) -> set[str]:
    """Return the rights that the program says it lacks."""
    return set(said.partition("Missing rights: ")[2].partition(". The chart's roles")[0].split(", "))


@pytest.mark.parametrize("watch", [{}, {"watch": {"namespaces": ["rights-one", "rights-two"]}, "clusterId": "test"}])
def test_without_rights_the_program_names_those_that_the_chart_grants_and_starts_once_it_has_them(
    watch: dict[str, Any], folder: Path
) -> None:
    for name in watch.get("watch", {}).get("namespaces", []):
        kubectl("create", "namespace", name)
    release = Installed({**watch, "rbac": {"create": False}}, folder)
    try:
        release.start()
        until("the program to miss its rights", lambda: "Missing rights: " in release.readyz())
        wanted = granted(release.helm.template(watch, "--namespace", NAMESPACE))
        assert missing(release.readyz()) == wanted
        release.upgrade({"rbac": {"create": True}})
        until("the program to be ready", lambda: release.readyz() == "ok")
    finally:
        release.remove()
