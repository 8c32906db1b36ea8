"""What Prometheus has to say of metrics, rules and queries: its own code (tests/prometheus), fed with real scrapes."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from dataclasses import dataclass
from typing import Any

import build
from tools import NAMESPACE, RELEASE

# What Grafana writes for the variables of the dashboard; the intervals are those of a day of a scrape each 30 s.
VARIABLES = {"$namespace": NAMESPACE, "$__rate_interval": "2m", "$__range": "24h"}
# The labels that the Prometheus Operator gives a target that it finds by a ServiceMonitor.
TARGET = {
    "container": "controller", "endpoint": "metrics", "instance": "10.0.0.1:8080", "job": RELEASE,
    "namespace": NAMESPACE, "pod": f"{RELEASE}-0", "service": RELEASE,
}


@dataclass(frozen=True)
class Query:
    """A query, and the labels that its readers expect in what it gives."""

    where: str
    expression: str
    expected: frozenset[str] = frozenset()


def scrape(port: int) -> dict[str, str]:
    """Return what the program exposes, as Prometheus would be given it."""
    # Prometheus asks for more; the program has this one format.
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return {"contentType": answer.headers["content-type"], "text": answer.read().decode()}


def total(scraped: dict[str, str], metric: str, *labels: str) -> float:
    """Return the sum of the series of a metric that have all these labels, written as in `result="Success"`."""
    series = re.findall(rf"^{metric}{{(.*)}} (\S+)$", scraped["text"], re.MULTILINE)
    return sum(float(value) for own, value in series if all(label in own for label in labels))


def names(scraped: dict[str, str]) -> set[str]:
    """Return the names of all series in a scrape."""
    return set(re.findall(r"^(\w+)[{ ]", scraped["text"], re.MULTILINE))


def judge(
    scrapes: list[dict[str, Any]], monitor: dict[str, Any], rules: dict[str, Any], queries: list[Query]
) -> dict[str, Any]:
    """Return Prometheus' complaints about the last scrape and the rules, and what came of each query at its time."""
    [endpoint] = monitor["endpoints"]
    target = {"labels": TARGET, "honorLabels": endpoint.get("honorLabels", False)}
    asked = {"scrapes": scrapes, "target": target, "rules": rules, "queries": [one.expression for one in queries]}
    program = str(build.prometheus() / "prometheus")
    done = subprocess.run([program], input=json.dumps(asked), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def of_dashboard(dashboard: dict[str, Any]) -> list[Query]:
    """Return the queries of a dashboard's panels and variables, as Grafana would send them."""
    found = []
    for panel in dashboard["panels"]:
        for one in panel.get("targets", []):
            legend = frozenset(re.findall(r"{{(\w+)}}", one["legendFormat"]))
            found.append(Query(f"panel {panel['title']}", filled(one["expr"]), legend))
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert asked, variable
            found.append(Query(f"variable {variable['name']}", asked[1], frozenset([asked[2]])))
    return found


def filled(expression: str) -> str:
    """Return an expression with the values of Grafana's variables."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, f"{expression} has a variable that the dashboard does not declare"
    return expression


def of_rules(rules: dict[str, Any]) -> list[Query]:
    """Return the expressions of alerts, with the labels that their annotations name."""
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    said = [" ".join(alert["annotations"].values()) for alert in alerts]
    named = [frozenset(re.findall(r"\$labels\.(\w+)", text)) for text in said]
    return [Query(alert["alert"], alert["expr"], own) for alert, own in zip(alerts, named, strict=True)]
