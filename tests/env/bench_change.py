"""What a change of one resource costs in CPU: of one that shares agent and account with all others, and of one alone."""

from __future__ import annotations

import statistics
import time

import env
from bench_environment import PATH, VERSION, Bench, bucket

# How often they take turns, how many changes there are in one, and the time until service agent and account have told
# of them. A process that wakes up is billed for far more than it does, differently every time: one change alone is lost
# in that, many at once are not. They are an odd number, so that each is one when the same resource goes to and fro.
ROUNDS, CHANGES, TURN_SECONDS = 25, 51, 2.2
HEALTHS = ("Degraded", "Healthy")
# The namespace and the account of the bucket that is alone.
ALONE, ALONE_ID = "alone", "444455556666"
ALONE_PATH = f"/apis/{VERSION}/namespaces/{ALONE}/awsresources"


def measure(bench: Bench) -> dict[str, float]:
    """Return the CPU that a change among many takes, that of one alone, and what the many add, in ms.

    The status is changed by the benchmark: no reconcile follows, but all that sums up hears of it. The two and a pause
    take turns, because a machine is not as fast in one minute as in the next; of each the median counts.
    """
    declare_one_alone(bench)
    bench.wait_until_idle()
    many = [f"{PATH}/b{number}" for number in range(CHANGES)]
    turns = [("many", many), ("alone", [f"{ALONE_PATH}/{ALONE}"] * CHANGES), ("pause", [])]
    spent: dict[str, list[float]] = {name: [] for name, _ in turns}
    for number in range(ROUNDS):
        for name, paths in turns:
            spent[name].append(turn_cpu_seconds(bench, paths, number))
        turns.reverse()
    many_ms, alone_ms, pause_ms = (statistics.median(seconds) * 1000 / CHANGES for seconds in spent.values())
    remove_one_alone(bench)
    return {
        "change_cpu_ms": round(many_ms - pause_ms, 2),
        "change_cpu_ms_of_one_alone": round(alone_ms - pause_ms, 2),
        "aggregation_cpu_ms": round(many_ms - alone_ms, 2),
    }


def turn_cpu_seconds(bench: Bench, paths: list[str], number: int) -> float:
    """Change the health of the buckets at the paths and return the CPU until all have told of it."""
    before = bench.cpu_seconds()
    for place, path in enumerate(paths, number):
        bench.connection.send("PATCH", f"{path}/status", {"status": {"health": HEALTHS[place % 2]}})
    time.sleep(TURN_SECONDS)
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
