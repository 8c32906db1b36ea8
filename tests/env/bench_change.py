"""What a change of one resource costs in CPU: of one that shares agent and account with all others, and of one alone."""

from __future__ import annotations

import statistics
import time

import env
from bench_environment import PATH, VERSION, Bench, bucket

# How often each is changed, and the time until service agent and account have told of it.
ROUNDS, CHANGE_SECONDS = 50, 1.8
HEALTHS = ("Degraded", "Healthy")
# The namespace and the account of the bucket that is alone.
ALONE, ALONE_ID = "alone", "444455556666"
ALONE_PATH = f"/apis/{VERSION}/namespaces/{ALONE}/awsresources"


def measure(bench: Bench) -> dict[str, float]:
    """Return the CPU that a change of one of many takes, that of one alone, and what the many add, in ms.

    The status is changed by the benchmark: no reconcile follows, but all that sums up hears of it. The two and a pause
    take turns, because a machine is not as fast in one minute as in the next; of each the median counts.
    """
    declare_one_alone(bench)
    bench.wait_until_idle()
    turns = [("many", f"{PATH}/b0"), ("alone", f"{ALONE_PATH}/{ALONE}"), ("pause", None)]
    spent: dict[str, list[float]] = {name: [] for name, _ in turns}
    for number in range(ROUNDS):
        for name, path in turns:
            spent[name].append(turn_cpu_seconds(bench, path, HEALTHS[number % len(HEALTHS)]))
        turns.reverse()
    many, alone, pause = (statistics.median(seconds) * 1000 for seconds in spent.values())
    remove_one_alone(bench)
    return {
        "change_cpu_ms": round(many - pause, 2),
        "change_cpu_ms_of_one_alone": round(alone - pause, 2),
        "aggregation_cpu_ms": round(many - alone, 2),
    }


def turn_cpu_seconds(bench: Bench, path: str | None, health: str) -> float:
    """Change the health of the bucket at the path, if there is one, and return the CPU until all have told of it."""
    before = bench.cpu_seconds()
    if path:
        bench.connection.send("PATCH", f"{path}/status", {"status": {"health": health}})
    time.sleep(CHANGE_SECONDS)
    return bench.cpu_seconds() - before


def declare_one_alone(bench: Bench) -> None:
    """Declare a bucket in a namespace and an account of its own, and wait until it is ready."""
    role = f"arn:aws:iam::{ALONE_ID}:role/CcagiAgentRole"
    spec = {
        "accountId": ALONE_ID,
        "defaultRegion": "us-east-1",
        "regions": ["us-east-1"],
        "credentials": {"assumeRole": {"roleArn": role}},
        "allowedNamespaces": {"names": [ALONE]},
    }
    account = {"apiVersion": VERSION, "kind": "AwsAccount", "metadata": {"name": ALONE}, "spec": spec}
    env.kubectl(bench.state, "create", "namespace", ALONE)
    bench.connection.send("POST", f"/apis/{VERSION}/awsaccounts", account)
    bench.connection.send("POST", ALONE_PATH, bucket(ALONE, {}, account=ALONE))
    env.kubectl(bench.state, "wait", "-n", ALONE, "--for=condition=Ready", f"awsresource/{ALONE}", "--timeout=60s")


def remove_one_alone(bench: Bench) -> None:
    """Delete bucket and account again. The namespace stays: who would take it away is not in this environment."""
    env.kubectl(bench.state, "delete", "-n", ALONE, f"awsresource/{ALONE}", "--timeout=60s")
    env.kubectl(bench.state, "delete", f"awsaccount/{ALONE}", "--timeout=60s")
