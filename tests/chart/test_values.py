"""The chart's templates over many values, judged by the API server, and values that are refused."""

from __future__ import annotations

import json
from typing import Any

import controller
import pytest
from tools import CHART, ROOT, Helm, container, kubectl, succeed

# What each set of values is about, and the values.
MATRIX: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "one replica without leader election": {
        "replicaCount": 1, "leaderElection": {"enabled": False}, "prometheusRule": {"enabled": True},
    },
    "rules without metrics": {"metrics": {"enabled": False}, "prometheusRule": {"enabled": True}},
    "some namespaces": {"watch": {"namespaces": ["default", "kube-public"]}, "clusterId": "shop"},
    "everything switched off": {
        "crds": {"enabled": False},
        "metrics": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
        "rbac": {"create": False},
        "safety": {"deletionProtection": False, "accountNamespaces": False, "guardrails": False},
        "serviceAccount": {"create": False, "name": "other"},
    },
    "everything switched on": {
        "dashboards": {"enabled": True, "annotations": {"folder": "aws"}},
        "cost": {"prices": "api"},
        "prometheusRule": {"enabled": True},
        "rbac": {"readSecrets": True},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "tracing": {"otlpEndpoint": "http://collector.monitoring:4318"},
        "safety": {"destructiveFields": {"groups": ["platform", "oidc:admins"]}},
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/ccagi"}},
    },
    "AWS by keys and an endpoint": {
        "aws": {
            "region": "eu-west-1",
            "endpointUrl": "http://emulator.test:5000",
            "credentials": {"secretName": "aws-keys"},
            "budgetShare": 0,
        },
        "watch": {"labelSelector": "shard=a"},
    },
    "the European Sovereign Cloud": {"aws": {"region": "eusc-de-east-1"}},
    "an image by digest": {
        "image": {"registry": "registry.example", "digest": f"sha256:{'0' * 64}", "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "pull"}],
    },
    "names given": {"fullnameOverride": "aws", "podDisruptionBudget": {"maxUnavailable": "50%"}},
    "a pod with everything": {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "arch", "operator": "In", "values": ["amd64"]}]}]}}},
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
        ],
        "priorityClassName": "system-cluster-critical",
        "podLabels": {"team": "platform"},
        "podAnnotations": {"note": "yes"},
        "extraArgs": ["--visibility-lag=10s"],
        "extraEnv": [{"name": "AWS_CA_BUNDLE", "value": "/ca/bundle.pem"}],
        "envFrom": [{"configMapRef": {"name": "more", "optional": True}}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
        "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}}],
        "networkPolicy": {
            "healthFrom": [{"namespaceSelector": {}}],
            "metricsFrom": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}],
            "extraEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
        },
        "service": {"annotations": {"note": "yes"}},
    },
}

# The definitions are large, and the same for all values.
BARE = {"crds": {"enabled": False}}

# A wrong value, and what must stand in the message: its path.
WRONG: dict[str, tuple[str, str]] = {
    "a misspelt value": ("replicaCuont=2", "replicaCuont"),
    "a misspelt inner value": ("image.tga=1", "tga"),
    "no number": ("replicaCount=two", "replicaCount"),
    "an unknown word": ("image.pullPolicy=Sometimes", "pullPolicy"),
    "no duration": ("reconcile.resyncPeriod=ten", "resyncPeriod"),
    "no port": ("health.port=70000", "port"),
    "no region": ("aws.region=Frankfurt", "region"),
    "no URL": ("aws.endpointUrl=localhost:5000", "endpointUrl"),
    "more than AWS permits": ("aws.budgetShare=1.5", "budgetShare"),
    "no namespace": ("watch.namespaces={A_B},clusterId=x", "namespaces"),
    "namespaces without a cluster id": ("watch.namespaces={shop}", "clusterId"),
    "replicas without leader election": ("leaderElection.enabled=false", "enabled"),
    "a group that would end a CEL string": ("safety.destructiveFields.groups={it's}", "groups"),
    "an unknown log format": ("log.format=xml", "format"),
    "no collector's URL": ("tracing.otlpEndpoint=collector:4318", "otlpEndpoint"),
}


def test_the_chart_has_no_lint(helm: Helm) -> None:
    helm("lint", "--strict", str(CHART))


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
@pytest.mark.usefixtures("monitoring")
def test_the_api_server_accepts_what_is_rendered(helm4: Helm, values: dict[str, Any]) -> None:
    manifests = helm4.template({**values, **BARE} if values else {})
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", given=text)


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_both_helms_render_the_same(helm3: Helm, helm4: Helm, values: dict[str, Any]) -> None:
    # They sort some kinds in another order.
    def rendered(helm: Helm) -> list[str]:
        return sorted(json.dumps(one, sort_keys=True) for one in helm.template({**values, **BARE}))

    assert rendered(helm3) == rendered(helm4)


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_pods_meet_the_restricted_level_of_the_pod_security_standards(helm4: Helm, values: dict[str, Any]) -> None:
    [deployment] = [one for one in helm4.template({**values, **BARE}) if one["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]
    name = "restricted-pods"
    namespace = {
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }
    kubectl("apply", "-f", "-", given=json.dumps(namespace))
    pod["spec"].update(serviceAccountName="default")
    pod["spec"].pop("priorityClassName", None)
    manifest = {"apiVersion": "v1", "kind": "Pod", **pod, "metadata": {"name": "probe", "namespace": name}}
    until_service_account(name)
    kubectl("apply", "--dry-run=server", "-f", "-", given=json.dumps(manifest))


def until_service_account(namespace: str) -> None:
    """Wait for what every pod needs, even one that is only tried."""
    kubectl("wait", "--for=create", "serviceaccount/default", "-n", namespace, "--timeout=60s")


@pytest.mark.parametrize("wrong, path", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_value_is_refused_with_its_path(helm: Helm, wrong: str, path: str) -> None:
    said = helm.fails("template", "x", str(CHART), "--set", wrong)
    assert path in said and "schema" in said, said


def test_every_value_has_a_default_and_a_schema() -> None:
    import yaml

    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def compare(own: dict[str, Any], rules: dict[str, Any], path: str) -> None:
        known = set(rules["properties"]) - {"global"}
        assert set(own) == known, f"{path}: {sorted(set(own) ^ known)}"
        for name, inner in own.items():
            if "properties" in rules["properties"][name]:
                compare(inner, rules["properties"][name], f"{path}.{name}")

    compare(values, schema, "values")


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_the_program_knows_every_argument(helm4: Helm, values: dict[str, Any]) -> None:
    [deployment] = [one for one in helm4.template({**values, **BARE}) if one["kind"] == "Deployment"]
    # A flag that it does not know is complained of before the help is printed.
    succeed(str(controller.binary()), *container(deployment)["args"], "--help")


def test_the_collector_of_traces_is_told_to_the_program_and_may_be_reached(helm4: Helm) -> None:
    endpoint = "http://collector.monitoring:4318"
    rendered = {one["kind"]: one for one in helm4.template({"tracing": {"otlpEndpoint": endpoint}, **BARE})}
    variables = {one["name"]: one.get("value") for one in container(rendered["Deployment"])["env"]}
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == endpoint
    ports = [port["port"] for rule in rendered["NetworkPolicy"]["spec"]["egress"] for port in rule["ports"]]
    assert 4318 in ports, ports


def test_the_chart_carries_the_program_s_own_version() -> None:
    import tomllib

    import yaml

    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (version, version)
