"""Measures many copies of `examples/shop.yaml`: graphs of objects that need each other."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import controller
import env
from bench_environment import PATH, READY_LIMIT_SECONDS, Bench, side_by_side
from cluster import Connection
from processes import EnvError

SHOP = controller.ROOT / "examples" / "shop.yaml"
# What the operations of EC2 speak of, by a word in their names; the first that fits counts.
EC2_WORDS = (
    ("SecurityGroup", "SecurityGroup"),
    ("Instance", "Ec2Instance"),
    ("Volume", "Ec2Instance"),
    ("Vpc", "VpcNetwork"),
    ("Subnet", "VpcNetwork"),
    ("Route", "VpcNetwork"),
    ("Gateway", "VpcNetwork"),
    ("Address", "VpcNetwork"),
)
SERVICES = {
    "s3": "S3Bucket",
    "dynamodb": "DynamoDbTable",
    "iam": "IamRole",
    "lambda": "LambdaFunction",
    "rds": "RdsInstance",
}


def manifest(bench: Bench) -> str:
    """Return the shop's objects as JSON documents, one after the other."""
    return env.kubectl(bench.state, "create", "--dry-run=client", "-o", "json", "-f", str(SHOP))


def shop(text: str, number: int) -> list[dict[str, Any]]:
    """Return the objects of one shop, with names of their own in Kubernetes and in AWS."""
    text = text.replace("webshop-", f"webshop-{number}-")
    found, decoder, at = [], json.JSONDecoder(), 0
    while at < len(text):
        document, at = decoder.raw_decode(text, at)
        at += len(text[at:]) - len(text[at:].lstrip())
        found += document.get("items", [document])
    objects = [document for document in found if document["kind"] == "AwsResource"]
    for one in objects:
        one["metadata"] = {"name": f"{one['metadata']['name']}-{number}", "namespace": "shop"}
        _rename(one["spec"], number)
    return objects


def _rename(value: Any, number: int) -> None:
    """Have references point into the same shop."""
    if isinstance(value, list):
        for item in value:
            _rename(item, number)
    elif isinstance(value, dict):
        for name, member in value.items():
            if name.endswith("Ref") and name != "accountRef":
                member["name"] += f"-{number}"
            elif name.endswith("Refs"):
                for reference in member:
                    reference["name"] += f"-{number}"
            else:
                _rename(member, number)


def kind_of(entry: dict[str, Any]) -> str | None:
    """Return the kind that a request was made for, as far as its operation tells."""
    if entry["service"] == "ec2":
        return next((kind for word, kind in EC2_WORDS if word in entry["operation"]), None)
    return SERVICES.get(entry["service"])


def measure(bench: Bench, shops: int) -> dict[str, Any]:
    """Apply all shops at once, wait until they are ready, delete them, and return what that took."""
    text = manifest(bench)
    objects = [one for number in range(shops) for one in shop(text, number)]
    kinds = Counter(_kind_block(one) for one in objects)
    last, begin = bench.last(), time.monotonic()

    def create(connection: Connection, number: int) -> None:
        connection.send("POST", PATH, objects[number])

    def delete(connection: Connection, number: int) -> None:
        connection.send("DELETE", f"{PATH}/{objects[number]['metadata']['name']}")

    side_by_side(bench, create, len(objects))
    bench.wait_until_ready("all shops to be ready", len(objects))
    ready, made = time.monotonic() - begin, bench.journal(f"?since={last}")["entries"]
    begin = time.monotonic()
    side_by_side(bench, delete, len(objects))
    bench.watcher.until("all shops to go", lambda w: not w.objects, READY_LIMIT_SECONDS)
    gone = time.monotonic() - begin
    deleted = {e["operation"] for e in bench.journal(f"?since={last}")["entries"] if e["status"] < 300}
    if "DeleteVpc" not in deleted:
        raise EnvError("All objects are gone, but no VPC was deleted.")
    calls = Counter(kind_of(entry) for entry in made)
    return {
        "shop_objects": len(objects),
        "shop_ready_seconds": round(ready, 2),
        "shop_gone_seconds": round(gone, 2),
        "shop_aws_calls_per_object": {kind: round(calls[kind] / n, 1) for kind, n in sorted(kinds.items())},
    }


def _kind_block(one: dict[str, Any]) -> str:
    """Return the kind of an object, from the member of its spec that declares it."""
    known = {kind[0].lower() + kind[1:]: kind for kind in {*SERVICES.values(), *dict(EC2_WORDS).values()}}
    return next(known[member] for member in one["spec"] if member in known)
