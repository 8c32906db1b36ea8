"""Fails if the chart's ServiceAccounts may do what none of them has done, or have tried what they may not.

What was done is the API server's own word: its audit log, which the environment keeps for ServiceAccounts. Run it
after the suite, in its environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# API group, resource with its subresource, verb.
Right = tuple[str, str, str]

OURS = "app.kubernetes.io/part-of=ccagi-aws-agent"
AGGREGATED = "rbac.authorization.k8s.io/aggregate-to-"
REFUSED = 403


def granted() -> set[Right]:
    """Return all rights of the chart's roles in the cluster but those for people."""
    command = ["kubectl", "get", "clusterroles,roles", "-A", "-l", OURS, "-o", "json"]
    roles = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["items"]
    for_controllers = [role for role in roles if not any(key.startswith(AGGREGATED) for key in role["metadata"]["labels"])]
    return {
        (group, resource, verb)
        for role in for_controllers
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def records(log: Path, account: str) -> Iterator[dict[str, Any]]:
    """Return what the API server has written down of the requests of ServiceAccounts of this name."""
    with log.open() as lines:
        for line in lines:
            record = json.loads(line)
            if record["user"]["username"].split(":")[-1] == account and "objectRef" in record:
                yield record


def right(record: dict[str, Any]) -> Right:
    """Return the right that a request needs."""
    about = record["objectRef"]
    resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
    return about.get("apiGroup", ""), resource, record["verb"]


def judge(log: Path, account: str) -> list[str]:
    """Return what is wrong: rights that were never used, and requests that were refused."""
    used, refused = set(), set()
    for record in records(log, account):
        forbidden = record.get("responseStatus", {}).get("code") == REFUSED
        (refused if forbidden else used).add(right(record))
    wrong = [f"granted and never used: {in_words(one)}" for one in sorted(granted() - used)]
    return wrong + [f"needed and not granted: {in_words(one)}" for one in sorted(refused - used)]


def in_words(one: Right) -> str:
    """Return a right as it is read in a role."""
    group, resource, verb = one
    return f"{verb} {resource}{'.' + group if group else ''}"


def main() -> None:
    """Compare what the chart grants with what was done."""
    log = Path(os.environ["CCAGI_AUDIT_LOG"])
    if wrong := judge(log, "ccagi-aws-agent"):
        sys.exit("the chart's roles are not what the controller needs:\n  " + "\n  ".join(wrong))
    print(f"every one of the {len(granted())} rights of the chart's roles was used, and no other was asked for")


if __name__ == "__main__":
    main()
