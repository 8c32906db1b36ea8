"""What the program tells Prometheus, and the chart's dashboard and alerts, judged by Prometheus' own code.

The program works before it is scraped, and AWS fails in the ways that alerts are about.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import processes
import prometheus
import pytest
from release import Installed
from tools import NAMESPACE, RELEASE, ROOT, emulator, get, kubectl, until

NUMBER, TENANT = "100000000021", "metrics-tenant"
# How AWS treats the creation of a bucket, and what each call of that counts as.
FAILURES = {"denied": "AccessDenied", "throttle": "Throttled", "error-before": "AwsUnavailable"}
# Alerts whose reason is there, once they have lasted. All others must not fire.
FIRING = {
    "CcagiAwsAgentReconcileErrors", "CcagiAwsCallsDenied", "CcagiAwsCallsFailing", "CcagiAwsCallsThrottled",
    "CcagiResourcesStalled", "CcagiResourcesUnhealthy",
}
# Series of kube-state-metrics and of the kubelet's cAdvisor, which are not here. What names them is only parsed.
FOREIGN = {
    "container_cpu_usage_seconds_total", "container_memory_working_set_bytes",
    "kube_deployment_status_replicas_ready", "kube_pod_container_status_restarts_total",
}
DAY = 24 * 60 * 60


def objects() -> Iterator[dict[str, Any]]:
    """Return an account, an instance, and a bucket that is made and one for each way in which that fails."""
    role = {"assumeRole": {"roleArn": f"arn:aws:iam::{NUMBER}:role/CcagiAgentRole"}}
    account = {
        "accountId": NUMBER, "defaultRegion": "us-east-1", "regions": ["us-east-1"], "credentials": role,
        "allowedNamespaces": {"names": [TENANT]},
    }
    blocks = {"web": {"ec2Instance": {"imageId": "ami-0abcdef1234567890", "instanceType": "t3.micro"}}}
    for name in ("made", *FAILURES):
        blocks[name] = {"deletionPolicy": "Delete", "s3Bucket": {"bucketName": f"metrics-{name}-{NUMBER}"}}
    yield {"kind": "AwsAccount", "metadata": {"name": "metrics"}, "spec": account}
    for name, block in blocks.items():
        spec = {"accountRef": {"name": "metrics"}, **block}
        yield {"kind": "AwsResource", "metadata": {"name": name, "namespace": TENANT}, "spec": spec}


def work() -> None:
    """Have some objects made, some fail, and an instance fall ill."""
    for kind in FAILURES:
        fault = {"operation": "CreateBucket", "match": f"metrics-{kind}-{NUMBER}", "kind": kind, "times": -1}
        emulator("POST", "faults", account=NUMBER, **fault)
    for one in objects():
        kubectl("create", "-f", "-", given=json.dumps({"apiVersion": "aws.ccagi.io/v1alpha1", **one}))
    wait = ("wait", "-n", TENANT, "--timeout=90s")
    kubectl(*wait, "--for=condition=Ready", "awsresource/made", "awsresource/web")
    instance = get("awsresource", "web", "-n", TENANT)["status"]["id"]
    emulator("PUT", "checks", account=NUMBER, id=instance, system="impaired")
    kubectl("annotate", "-n", TENANT, "awsresource", "web", "aws.ccagi.io/reconcile-requested-at=impaired")
    kubectl(*wait, "--for=jsonpath={.status.health}=Unhealthy", "awsresource/web")
    kubectl(*wait, "--for=condition=Stalled", "awsresource/denied")


@dataclass
class Seen:
    """What was installed, and what was scraped from the program."""

    monitor: dict[str, Any]
    rules: dict[str, Any]
    dashboard: dict[str, Any]
    scrapes: list[dict[str, Any]]

    def judged(self, queries: list[prometheus.Query]) -> list[tuple[prometheus.Query, dict[str, Any]]]:
        """Return the queries over our own metrics with what came of each; they must be readable."""
        said = prometheus.judge(self.scrapes, self.monitor, self.rules, queries)["queries"]
        assert [one["error"] for one in said] == [""] * len(queries), said
        both = zip(queries, said, strict=True)
        return [(query, one) for query, one in both if not {part["metric"] for part in one["selectors"]} & FOREIGN]


@pytest.fixture(scope="module")
def seen(monitoring: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A release with all that is for Prometheus, and two scrapes of its program, told to be 30 s apart."""
    folder = tmp_path_factory.mktemp("metrics")
    values = {name: {"enabled": True} for name in ("serviceMonitor", "prometheusRule", "dashboards")}
    # Where it is not known whether a bucket was made, a second look would come so late that this fails seldom.
    pace = {"reconcile": {"backoffBase": "200ms", "backoffMax": "1s"}, "extraArgs": ["--visibility-lag=0s"]}
    release = Installed({**values, **pace}, folder)
    try:
        kubectl("create", "namespace", TENANT)
        release.start()
        work()
        yield observed()
    finally:
        print(processes.tail(folder / "program.log"))
        emulator("DELETE", f"faults?account={NUMBER}")
        release.remove()
        kubectl("delete", "namespace", TENANT, "--timeout=60s")


def observed() -> Seen:
    """Scrape the program twice, and read what was installed."""
    ports = get("service", RELEASE, "-n", NAMESPACE)["spec"]["ports"]
    [port] = [one["port"] for one in ports if one["name"] == "metrics"]

    def failed(scraped: dict[str, str]) -> list[float]:
        results = [f'result="{result}"' for result in FAILURES.values()]
        return [prometheus.total(scraped, "ccagi_aws_calls_total", result) for result in results]

    until("AWS to have failed in every way", lambda: all(failed(prometheus.scrape(port))))
    first = last = prometheus.scrape(port)

    def failed_again() -> bool:
        nonlocal last
        last = prometheus.scrape(port)
        return all(now > before for now, before in zip(failed(last), failed(first), strict=True))

    until("AWS to have failed once more in every way", failed_again)
    now = int(time.time())
    place = (RELEASE, "-n", NAMESPACE)
    dashboard = get("configmap", f"{RELEASE}-dashboard", "-n", NAMESPACE)["data"]["ccagi-aws-agent.json"]
    return Seen(
        monitor=get("servicemonitor", *place)["spec"],
        rules=get("prometheusrule", *place)["spec"],
        dashboard=json.loads(dashboard),
        scrapes=[{"seconds": now - before, **one} for before, one in ((DAY, first), (30, first), (0, last))],
    )


def test_lint_has_no_complaint_about_the_metrics(seen: Seen) -> None:
    assert prometheus.judge(seen.scrapes, seen.monitor, seen.rules, [])["lint"] == []


def test_only_what_succeeded_counts_as_an_action(seen: Seen) -> None:
    created = prometheus.total(seen.scrapes[-1], "ccagi_actions_total", 'type="CreateResource"')
    assert created == 2, "the instance and one bucket were made"


def test_no_label_of_the_metrics_is_pushed_aside_by_one_of_the_target(seen: Seen) -> None:
    renamed = [prometheus.Query(name, f'{{exported_{name}=~".+"}}') for name in prometheus.TARGET]
    assert {query.where for query, said in seen.judged(renamed) if said["samples"]} == set()


def test_every_query_of_the_dashboard_selects_series_that_the_program_exposes(seen: Seen) -> None:
    queries = prometheus.of_dashboard(seen.dashboard)
    judged = seen.judged(queries)
    assert len(judged) > 25
    for query, said in judged:
        assert said["samples"] > 0, f"{query} gives nothing"
        assert query.expected <= set(said["labels"]), f"{query} gives only the labels {said['labels']}"
        for part in said["selectors"]:
            assert part["series"] > 0, f"{query}: there is no {part['text']}"


def test_the_rules_can_be_read_and_select_series_that_the_program_exposes(seen: Seen) -> None:
    queries = prometheus.of_rules(seen.rules)
    assert prometheus.judge(seen.scrapes, seen.monitor, seen.rules, [])["rules"] == []
    for query, said in seen.judged(queries):
        labels = set(said["grouping"])
        for part in said["selectors"]:
            assert part["series"] > 0, f"{query}: there is no {part['text']}"
            assert labels <= set(part["labels"]), f"{query}: {part['text']} has only {part['labels']}"
        assert query.expected <= labels, f"{query} says of labels that its result lacks"


def test_an_alert_fires_exactly_where_its_reason_is_there(seen: Seen) -> None:
    judged = seen.judged(prometheus.of_rules(seen.rules))
    assert {query.where for query, said in judged if said["samples"]} == FIRING


def test_every_metric_that_is_named_anywhere_exists(seen: Seen) -> None:
    queries = prometheus.of_dashboard(seen.dashboard) + prometheus.of_rules(seen.rules)
    said = prometheus.judge(seen.scrapes, seen.monitor, seen.rules, queries)["queries"]
    named = {part["metric"] for one in said for part in one["selectors"]}
    exposed = prometheus.names(seen.scrapes[-1])
    assert named - exposed == FOREIGN
    ours = r"\b(?:ccagi|controller_runtime|workqueue|leader_election)_[a-z_]+\b"
    page = (ROOT / "docs" / "operations.md").read_text()
    bare = {re.sub("_(bucket|sum|count)$", "", name) for name in exposed}
    assert set(re.findall(f"`({ours})`", page)) == bare, "the documentation lists what there is"


def test_every_alert_says_what_is_and_what_to_do_and_is_documented(seen: Seen) -> None:
    alerts = [rule for group in seen.rules["groups"] for rule in group["rules"]]
    for alert in alerts:
        assert {"summary", "description"} <= set(alert["annotations"]), alert
        assert alert["labels"]["severity"] in ("critical", "warning"), alert
    page = (ROOT / "docs" / "operations.md").read_text()
    listed = re.findall(r"^\| `(Ccagi\w+)` \|", page, re.MULTILINE)
    assert listed == [alert["alert"] for alert in alerts]


def test_the_service_monitor_finds_the_port_of_the_metrics(seen: Seen) -> None:
    service = get("service", RELEASE, "-n", NAMESPACE)
    assert seen.monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    [endpoint] = seen.monitor["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
