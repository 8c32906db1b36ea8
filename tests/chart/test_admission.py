"""The admission policies, as people meet them through kubectl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import build
import pytest
from tools import CHART, DEFINITIONS, NAMESPACE, RELEASE, Helm, kubectl, refused, run, until


def account(name: str, allowed: dict[str, Any] | None) -> str:
    """Return an AwsAccount."""
    spec: dict[str, Any] = {"accountId": "111122223333", "defaultRegion": "us-east-1", "regions": ["us-east-1"]}
    if allowed is not None:
        spec["allowedNamespaces"] = allowed
    return json.dumps(
        {"apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsAccount", "metadata": {"name": name}, "spec": spec}
    )


def bucket(name: str, owner: str, **spec: Any) -> str:
    """Return an AwsResource for a bucket."""
    own = {"accountRef": {"name": owner}, "s3Bucket": {"bucketName": f"bucket-{name}"}, **spec}
    return json.dumps({
        "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource",
        "metadata": {"name": name, "namespace": "tenant"}, "spec": own,
    })


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    """Installs the chart, a namespace with labels, and accounts."""
    helm = Helm(4, build.helm(4))
    groups = "safety.destructiveFields.groups={platform-admins}"
    helm("install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--create-namespace", "--set", groups)
    kubectl("wait", "--for=condition=Established", *(f"crd/{name}" for name in DEFINITIONS), "--timeout=60s")
    kubectl("create", "namespace", "tenant")
    kubectl("label", "namespace", "tenant", "team=web", "stage=test")
    accounts = {"open": {"names": ["tenant"]}, "closed": None, "elsewhere": {"names": ["other"]}, **SELECTORS}
    for name, allowed in accounts.items():
        kubectl("create", "-f", "-", given=account(name, allowed))
    # A policy is in force a moment after it was written.
    until("the policies", lambda: all(
        run("kubectl", "create", "--dry-run=server", "-f", "-", given=one).returncode != 0
        for one in (bucket("probe", "elsewhere"), bucket("probe", "open", deletionPolicy="Delete"))
    ) and run("kubectl", "create", "--dry-run=server", "-f", "-", given=bucket("probe", "open")).returncode == 0)
    yield
    run("kubectl", "annotate", "awsresources,awsaccounts", "-A", "--all", "aws.ccagi.io/protected-")
    run("kubectl", "delete", "awsresources", "-A", "--all")
    run("kubectl", "delete", "awsaccounts", "--all")
    helm("uninstall", RELEASE, "--namespace", NAMESPACE)


SELECTORS: dict[str, dict[str, Any]] = {
    "yes-labels": {"selector": {"matchLabels": {"team": "web"}}},
    "yes-everything": {"selector": {}},
    "yes-in": {"selector": {"matchExpressions": [{"key": "stage", "operator": "In", "values": ["test", "dev"]}]}},
    "yes-exists": {"selector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}},
    "yes-not-in": {"selector": {"matchExpressions": [{"key": "absent", "operator": "NotIn", "values": ["x"]}]}},
    "no-labels": {"selector": {"matchLabels": {"team": "web", "stage": "live"}}},
    "no-not-in": {"selector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["web"]}]}},
    "no-absent": {"selector": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}},
    "no-in": {"selector": {"matchExpressions": [{"key": "absent", "operator": "In", "values": ["x"]}]}},
}


@pytest.mark.parametrize("name", ["closed", "elsewhere", *(one for one in SELECTORS if one.startswith("no-"))])
def test_a_namespace_that_the_account_does_not_allow_is_refused(name: str) -> None:
    said = refused("create", "-f", "-", given=bucket("b", name))
    assert f"the AwsAccount {name} does not allow the namespace tenant" in said


@pytest.mark.parametrize("name", ["open", "not-there", *(one for one in SELECTORS if one.startswith("yes-"))])
def test_an_allowed_namespace_and_an_account_that_is_not_there_yet_are_accepted(name: str) -> None:
    kubectl("create", "--dry-run=server", "-f", "-", given=bucket("b", name))


def test_an_object_whose_namespace_is_no_longer_allowed_can_still_be_deleted() -> None:
    kubectl("create", "-f", "-", given=account("for-a-while", {"names": ["tenant"]}))
    until("the policy to know the account", lambda: run(
        "kubectl", "create", "-f", "-", given=bucket("left", "for-a-while")).returncode == 0)
    finalizers = {"metadata": {"finalizers": ["aws.ccagi.io/finalizer"]}}
    kubectl("-n", "tenant", "patch", "awsresource", "left", "--type=merge", "-p", json.dumps(finalizers))
    closed = {"spec": {"allowedNamespaces": {"names": ["other"]}}}
    kubectl("patch", "awsaccount", "for-a-while", "--type=merge", "-p", json.dumps(closed))
    edit = {"spec": {"tags": {"a": "b"}}}
    until("the policy to know the change", lambda: run(
        "kubectl", "-n", "tenant", "patch", "awsresource", "left", "--type=merge", "--dry-run=server", "-p",
        json.dumps(edit)).returncode != 0)
    kubectl("-n", "tenant", "delete", "awsresource", "left", "--wait=false")
    none = {"metadata": {"finalizers": None}}
    kubectl("-n", "tenant", "patch", "awsresource", "left", "--type=merge", "-p", json.dumps(none))
    kubectl("-n", "tenant", "wait", "--for=delete", "awsresource/left", "--timeout=60s")


@pytest.mark.parametrize("kind, manifest", [
    ("awsresource", bucket("guarded", "open")), ("awsaccount", account("guarded", None)),
])
def test_what_is_protected_is_not_deleted_before_the_protection_goes(kind: str, manifest: str) -> None:
    kubectl("create", "-f", "-", given=manifest)
    own = ("-n", "tenant", kind, "guarded")
    kubectl("annotate", *own, "aws.ccagi.io/protected=true")
    said = refused("delete", *own)
    assert "guarded is protected: remove its annotation aws.ccagi.io/protected" in said
    if kind == "awsresource":
        assert "guarded is protected" in refused("delete", "awsresources", "-n", "tenant", "--all")
    kubectl("annotate", *own, "aws.ccagi.io/protected-")
    kubectl("delete", *own)


DESTRUCTIVE = {
    "deletionPolicy: Delete": {"deletionPolicy": "Delete"},
    "s3Bucket.forceDestroy: true": {"s3Bucket": {"bucketName": "bucket-b", "forceDestroy": True}},
    "rdsInstance.skipFinalSnapshot: true": {
        "s3Bucket": None, "rdsInstance": {
            "dbInstanceIdentifier": "orders", "engine": "postgres", "instanceClass": "db.t4g.micro",
            "allocatedStorageGib": 20, "masterUsername": "shop", "skipFinalSnapshot": True,
        },
    },
}


@pytest.mark.parametrize("field, spec", DESTRUCTIVE.items(), ids=DESTRUCTIVE.keys())
def test_only_members_of_the_group_set_what_destroys_data(field: str, spec: dict[str, Any]) -> None:
    manifest = bucket("b", "open", **spec)
    said = refused("create", "--dry-run=server", "-f", "-", given=manifest)
    assert f"{field} may only be set by members of: platform-admins" in said
    group = ("--as=jane", "--as-group=platform-admins", "--as-group=system:masters")
    kubectl("create", "--dry-run=server", *group, "-f", "-", given=manifest)


def test_what_a_member_has_set_may_stay_when_others_edit_and_goes_without_asking() -> None:
    group = ("--as=jane", "--as-group=platform-admins", "--as-group=system:masters")
    kubectl("create", *group, "-f", "-", given=bucket("doomed", "open", deletionPolicy="Delete"))
    patch = ("-n", "tenant", "patch", "awsresource", "doomed", "--type=merge", "-p")
    kubectl(*patch, '{"spec": {"tags": {"team": "web"}}}')
    assert "forceDestroy" in refused(*patch, '{"spec": {"s3Bucket": {"forceDestroy": true}}}')
    kubectl(*patch, '{"spec": {"deletionPolicy": "Retain"}}')
    assert "deletionPolicy: Delete" in refused(*patch, '{"spec": {"deletionPolicy": "Delete"}}')


TRUST = '{"Version": "2012-10-17", "Statement": []}'
BOUNDARY = "arn:aws:iam::111122223333:policy/Bounds"
IMAGE = {"imageId": "ami-0abcdef1234567890", "instanceType": "t3.micro"}
TEAM = {"names": ["tenant"]}
BY_LABEL = {"selector": {"matchExpressions": [{"key": "stage", "operator": "In", "values": ["test"]}]}}
GUARDRAILS: dict[str, dict[str, Any] | None] = {
    "guard-none": None,
    "guard-roles": {
        "allowedKinds": [{"kinds": ["*"]}, {"kinds": ["IamRole"], "namespaces": TEAM}],
        "adoption": {"namespaces": BY_LABEL},
        "passableRoles": ["arn:aws:iam::111122223333:role/app.x/*"],
    },
    "guard-elsewhere": {
        "allowedKinds": [{"kinds": ["*", "IamRole"], "namespaces": {"names": ["other"]}}],
        "adoption": {"namespaces": {"names": ["other"]}},
    },
    "guard-bounds": {
        "allowedKinds": [{"kinds": ["IamRole"], "namespaces": BY_LABEL}],
        "requiredPermissionsBoundary": BOUNDARY, "roleNamePattern": "app-*",
    },
}


def guarded(name: str, rules: dict[str, Any] | None) -> str:
    """Return an AwsAccount with these guardrails that acts through roles of its own."""
    made = json.loads(account(name, TEAM))
    chain = ["arn:aws:iam::999900002222:role/Hub", "arn:aws:iam::111122223333:role/platform/CcagiAgentRole"]
    made["spec"]["credentials"] = {"assumeRoleChain": [{"roleArn": arn} for arn in chain]}
    if rules is not None:
        made["spec"]["guardrails"] = rules
    return json.dumps(made)


def role(name: str, **more: Any) -> dict[str, Any]:
    """Return what an AwsResource for a role says instead of a bucket."""
    return {"s3Bucket": None, "iamRole": {"roleName": name, "assumeRolePolicy": TRUST, **more}}


def function(arn: str) -> dict[str, Any]:
    """Return the same for a function with a role by its ARN."""
    code = {"inline": {"fileName": "main.py", "source": "def main(event, context): return 1"}}
    return {"s3Bucket": None, "lambdaFunction": {"functionName": "orders", "roleArn": arn, "code": code,
                                                 "runtime": "python3.12", "handler": "main.main"}}


@pytest.fixture(scope="module")
def accounts_with_guardrails() -> None:
    """Makes the accounts, and waits until the policy knows each."""
    for name, rules in GUARDRAILS.items():
        kubectl("create", "-f", "-", given=guarded(name, rules))
    probes = {name: bucket("probe", name, adoptionPolicy="adopt") for name in ("guard-none", "guard-elsewhere")}
    probes["guard-bounds"] = bucket("probe", "guard-bounds")
    probes["guard-roles"] = bucket("probe", "guard-roles", **role("CcagiAgentRole"))
    until("the guardrails", lambda: all(
        run("kubectl", "create", "--dry-run=server", "-f", "-", given=one).returncode != 0 for one in probes.values()))


REFUSED = {
    "a role where nothing allows it": ("guard-none", role("orders"), "the kind IamRole is not allowed"),
    "a role where another namespace may": ("guard-elsewhere", role("orders"), "the kind IamRole is not allowed"),
    "a kind that is not named": ("guard-bounds", {}, "the kind S3Bucket is not allowed in the namespace tenant"),
    "adoption": ("guard-none", {"adoptionPolicy": "adopt"}, "spec.adoptionPolicy: the namespace tenant may not take"),
    "adoption by id": ("guard-none", {"resourceId": "bucket-b"}, "spec.resourceId: the namespace tenant may not take"),
    "a kind where only another namespace is named": ("guard-elsewhere", {}, "the kind S3Bucket is not allowed"),
    "the controller's role": (
        "guard-roles", role("CcagiAgentRole"), "CcagiAgentRole is a role that the AwsAccount guard-roles acts"),
    "the controller's role in other letters": ("guard-roles", role("ccagiAGENTrole"), "is never written to"),
    "the controller's role by its id": (
        "guard-roles", {"resourceId": "CcagiAgentRole", **role("CcagiAgentRole")}, "CcagiAgentRole is a role"),
    "giving the controller's role": (
        "guard-roles", function("arn:aws:iam::111122223333:role/app.x/CcagiAgentRole"), "is never given to a resource"),
    "giving a role": ("guard-none", function("arn:aws:iam::111122223333:role/Admin"), "guardrails.passableRoles"),
    "giving a role that no pattern covers": (
        "guard-roles", function("arn:aws:iam::111122223333:role/appyx/orders"), "guardrails.passableRoles"),
    "giving an instance profile": (
        "guard-none", {"s3Bucket": None, "ec2Instance": {**IMAGE, "iamInstanceProfile": "admins"}},
        "guardrails.passableRoles"),
    "a role without its boundary": ("guard-bounds", role("app-orders"), f"permissionsBoundary must be {BOUNDARY}"),
    "a role with another name": (
        "guard-bounds", role("orders", permissionsBoundary=BOUNDARY), "roleName must be as app-*"),
}


@pytest.mark.usefixtures("accounts_with_guardrails")
@pytest.mark.parametrize("name, spec, said", REFUSED.values(), ids=REFUSED.keys())
def test_what_the_guardrails_do_not_permit_is_refused(name: str, spec: dict[str, Any], said: str) -> None:
    answer = refused("create", "--dry-run=server", "-f", "-", given=bucket("b", name, **spec))
    assert said in answer and f"the AwsAccount {name}" in answer, answer


PERMITTED = {
    "a bucket without guardrails": ("guard-none", {}),
    "a role where it is named": ("guard-roles", role("orders")),
    "a bucket beside it": ("guard-roles", {}),
    "adoption where it is named by label": ("guard-roles", {"adoptionPolicy": "adopt"}),
    "observing what exists": ("guard-none", {"resourceId": "bucket-b", "managementPolicies": ["Observe"]}),
    "a role that a pattern covers": ("guard-roles", function("arn:aws:iam::111122223333:role/app.x/orders")),
    "a role that is named like one of another account that the controller acts through": ("guard-roles", role("Hub")),
    "a role with boundary and name": ("guard-bounds", role("app-orders", permissionsBoundary=BOUNDARY)),
}


@pytest.mark.usefixtures("accounts_with_guardrails")
@pytest.mark.parametrize("name, spec", PERMITTED.values(), ids=PERMITTED.keys())
def test_what_the_guardrails_permit_is_accepted(name: str, spec: dict[str, Any]) -> None:
    kubectl("create", "--dry-run=server", "-f", "-", given=bucket("b", name, **spec))


@pytest.mark.usefixtures("accounts_with_guardrails")
def test_what_was_there_before_its_guardrails_can_still_be_let_go_and_not_be_extended() -> None:
    rules = {"allowedKinds": [{"kinds": ["IamRole"]}], "adoption": {"namespaces": {"selector": {}}}}
    kubectl("create", "-f", "-", given=guarded("guard-for-a-while", rules))
    until("the policy to know the account", lambda: run(
        "kubectl", "create", "-f", "-",
        given=bucket("old", "guard-for-a-while", adoptionPolicy="adopt", **role("old"))).returncode == 0)
    kubectl("patch", "awsaccount", "guard-for-a-while", "--type=merge", "-p", '{"spec": {"guardrails": null}}')
    patch = ("-n", "tenant", "patch", "awsresource", "old", "--type=merge", "--dry-run=server", "-p")
    until("the policy to know the change", lambda: run(
        "kubectl", *patch, '{"spec": {"iamRole": {"description": "x"}}}').returncode != 0)
    assert "the kind IamRole is not allowed" in refused(*patch, '{"spec": {"iamRole": {"description": "x"}}}')
    kubectl(*patch, '{"spec": {"deletionPolicy": "Retain"}}')
