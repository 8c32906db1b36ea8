"""Installing, upgrading and uninstalling with both Helms."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tools import CHART, DEFINITIONS, NAMESPACE, RELEASE, Helm, get, kubectl, run, until

INSTALLED = (
    "serviceaccount/ccagi-aws-agent", "deployment/ccagi-aws-agent", "service/ccagi-aws-agent",
    "poddisruptionbudget/ccagi-aws-agent", "networkpolicy/ccagi-aws-agent", "role/ccagi-aws-agent-leader",
    "clusterrole/ccagi-aws-agent", "validatingadmissionpolicy/ccagi-aws-agent-deletion-protection",
)


@pytest.fixture(autouse=True)
def clean(helm: Helm) -> Iterator[None]:
    """Leaves the cluster as it was."""
    yield
    run(str(helm.program), "uninstall", RELEASE, "--namespace", NAMESPACE)


def install(helm: Helm, chart: Path, *arguments: str) -> str:
    """Install the chart and wait until its definitions are served."""
    said = helm("install", RELEASE, str(chart), "--namespace", NAMESPACE, "--create-namespace", *arguments)
    kubectl("wait", "--for=condition=Established", *(f"crd/{name}" for name in DEFINITIONS), "--timeout=60s")
    return said


def definitions() -> set[str]:
    """Return the names of our definitions in the cluster."""
    return {one["metadata"]["name"] for one in get("crd")["items"]} & set(DEFINITIONS)


def test_all_parts_are_installed_and_the_definitions_stay_when_they_are_uninstalled(helm: Helm) -> None:
    said = install(helm, CHART)
    assert "kubectl get awsaccounts" in said
    kubectl("-n", NAMESPACE, "get", *INSTALLED)
    account = {
        "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsAccount", "metadata": {"name": "kept"},
        "spec": {"accountId": "111122223333", "defaultRegion": "us-east-1", "regions": ["us-east-1"]},
    }
    kubectl("create", "-f", "-", given=json.dumps(account))
    helm("uninstall", RELEASE, "--namespace", NAMESPACE)
    assert definitions() == set(DEFINITIONS)
    kubectl("get", "awsaccount", "kept")
    # What was kept is taken over by the next release of the same name.
    install(helm, CHART)
    kubectl("delete", "awsaccount", "kept")


def test_an_upgrade_brings_the_definitions_up_to_date(helm: Helm, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(CHART, old)
    path = old / "files" / "crds" / "awsaccounts.yaml"
    definition = yaml.safe_load(path.read_text())
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    del spec["properties"]["allowedNamespaces"]
    path.write_text(yaml.safe_dump(definition))
    install(helm, old)
    field = "{.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.allowedNamespaces.type}"
    assert kubectl("get", "crd", DEFINITIONS[0], "-o", f"jsonpath={field}") == ""
    helm("upgrade", RELEASE, str(CHART), "--namespace", NAMESPACE)
    assert kubectl("get", "crd", DEFINITIONS[0], "-o", f"jsonpath={field}") == "object"


def test_without_keep_the_definitions_go_with_the_release(helm: Helm) -> None:
    said = install(helm, CHART, "--set", "crds.keep=false")
    assert "helm uninstall deletes the definitions" in said
    helm("uninstall", RELEASE, "--namespace", NAMESPACE)
    until("the definitions to go", lambda: definitions() == set())


def test_a_release_for_some_namespaces_has_roles_there_and_reads_accounts(helm: Helm) -> None:
    install(helm, CHART, "--set", "watch.namespaces={default},clusterId=shop")
    kubectl("-n", "default", "get", "role", RELEASE)
    own = get("clusterroles", "-l", f"app.kubernetes.io/instance={RELEASE}")["items"]
    rules = [(rule["resources"], rule["verbs"]) for role in own for rule in role["rules"]]
    assert rules == [(["awsaccounts"], ["list", "watch"])]
    assert get("validatingadmissionpolicies", "-l", f"app.kubernetes.io/instance={RELEASE}")["items"] == []


def test_a_packaged_chart_installs_as_the_folder_does(helm: Helm, tmp_path: Path) -> None:
    helm("package", str(CHART), "--destination", str(tmp_path))
    [package] = tmp_path.glob("*.tgz")
    install(helm, package)
    assert definitions() == set(DEFINITIONS)
