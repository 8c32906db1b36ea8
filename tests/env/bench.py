"""Measures the controller with many buckets, and with many shops: `make bench`.

COUNT is how many buckets (1000), SHOPS how many shops of 13 objects (50; 0 for none), IDLE_SECONDS how long the
controller is watched doing nothing (60), LEASES how often the leader is killed, and stopped (5; 0 for never), and
BENCH_OUT names a file that gets the figures as JSON. The budget of AWS calls is switched off: all is in one account, and
would go as slowly as half of AWS's rates.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import bench_change
import bench_lease
import bench_restart
import bench_shop
import controller
import env
from bench_environment import PATH, READY_LIMIT_SECONDS, Bench, bucket, say, side_by_side
from cluster import Connection
from processes import EnvError

SAMPLES = 100
READ_VERBS = ("Get", "Head", "List", "Describe")


def first_call_p99_ms(bench: Bench) -> float:
    """Return how long an idle controller takes from apply to its first AWS call, in ms (nearest rank)."""
    bench.wait_until_idle()
    delays = []
    for number in range(SAMPLES):
        name = f"first-{number}"
        last = bench.last()
        begin = time.time()
        bench.connection.send("POST", PATH, bucket(name, {"team": "bench"}))
        bench.wait_until_ready(name, number + 1)
        entries = bench.journal(f"?since={last}")["entries"]
        first = next(entry["time"] for entry in entries if entry["resource"] == f"bench-{name}")
        delays.append((first - begin) * 1000)
    for number in range(SAMPLES):
        bench.connection.send("DELETE", f"{PATH}/first-{number}")
    bench.watcher.until("the samples to go", lambda w: not w.objects, 300)
    return float(sorted(delays)[math.ceil(len(delays) * 0.99) - 1])


def apply_all(bench: Bench, count: int) -> dict[str, Any]:
    """Apply all buckets, wait until they are ready, and return what that took."""
    calls, writes, events = bench.journal("/summary"), bench.writes(), bench.writes("events")
    cpu, begin = bench.cpu_seconds(), time.monotonic()

    def create(connection: Connection, number: int) -> None:
        connection.send("POST", PATH, bucket(f"b{number}", {"team": "bench", "number": str(number)}))

    side_by_side(bench, create, count)
    bench.wait_until_ready("all buckets to be ready", count)
    seconds = time.monotonic() - begin
    spent = bench.cpu_seconds() - cpu
    after = bench.journal("/summary")
    by_operation = {name: (n - calls.get(name, 0)) / count for name, n in after.items() if n > calls.get(name, 0)}
    say(f"events written per object: {(bench.writes('events') - events) / count:.2f}")
    return {
        "objects": count,
        "ready_seconds": round(seconds, 2),
        "aws_calls_per_object": round(sum(by_operation.values()), 3),
        "aws_calls_by_operation": {name: round(n, 3) for name, n in sorted(by_operation.items())},
        # The POST of each object is the benchmark's own.
        "api_writes_per_object": round((bench.writes() - writes) / count - 1, 3),
        "cpu_seconds": round(spent, 2),
    }


def idle(bench: Bench, seconds: float) -> dict[str, Any]:
    """Watch the controller do nothing for a while."""
    bench.wait_until_idle()
    calls, writes = bench.journal("/summary"), bench.writes(subresource="status")
    time.sleep(seconds)
    after = bench.journal("/summary")
    new = {name: n - calls.get(name, 0) for name, n in after.items()}
    reads = sum(n for name, n in new.items() if name.split(":")[1].startswith(READ_VERBS))
    return {
        "idle_aws_reads_per_minute": round(reads * 60 / seconds, 1),
        "idle_aws_writes": sum(new.values()) - reads,
        "idle_status_writes": int(bench.writes(subresource="status") - writes),
    }


def delete_all(bench: Bench, count: int) -> float:
    """Delete all buckets and return the seconds until objects and buckets are gone."""
    last = bench.last()
    begin = time.monotonic()
    side_by_side(bench, lambda connection, number: connection.send("DELETE", f"{PATH}/b{number}"), count)
    bench.watcher.until("all objects to go", lambda w: not w.objects, READY_LIMIT_SECONDS)
    seconds = time.monotonic() - begin
    entries = bench.journal(f"?since={last}")["entries"]
    gone = {e["resource"] for e in entries if e["operation"] == "DeleteBucket" and e["status"] == 204}
    if len(gone) != count:
        raise EnvError(f"All objects are gone, but only {len(gone)} of {count} buckets were deleted in AWS.")
    return round(seconds, 2)


def measure(folder: Path, figures: dict[str, Any]) -> None:
    """Run all phases and put in the figures as they come."""
    count, idle_seconds = int(os.environ.get("COUNT", "1000")), float(os.environ.get("IDLE_SECONDS", "60"))
    # A program that is not there is better told of before anything starts.
    controller.binary()
    bench = Bench(folder)
    say(f"one bucket after the other, {SAMPLES} times …")
    figures["first_call_p99_ms"] = round(first_call_p99_ms(bench), 1)
    say(f"{count} buckets …")
    figures |= apply_all(bench, count)
    say(f"idle for {idle_seconds:.0f} s …")
    figures |= idle(bench, idle_seconds)
    say("changes of one of them, and of one that is alone …")
    figures |= bench_change.measure(bench)
    say("the controller stops and starts …")
    figures |= bench_restart.measure(bench)
    figures |= bench.memory_mb()
    say("deleting …")
    figures["delete_seconds"] = delete_all(bench, count)
    if shops := int(os.environ.get("SHOPS", "50")):
        say(f"{shops} shops …")
        figures |= bench_shop.measure(bench, shops)
        figures["peak_rss_mb_with_shops"] = bench.memory_mb()["peak_rss_mb"]
    if leases := int(os.environ.get("LEASES", "5")):
        say(f"{leases} leaders that are killed, and as many that stop …")
        figures |= bench_lease.measure(bench, leases)


def main() -> None:
    """Measure, and show what was measured, be it only a part."""
    env.clean_up_when_told_to_end()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="ccagi-bench-") as name:
        folder = Path(name).resolve()
        try:
            measure(folder, figures)
        finally:
            env.down(folder)
            show(figures)


def show(figures: dict[str, Any]) -> None:
    """Print the figures as a table, and write the JSON file where one is wanted."""
    for name, value in figures.items():
        if isinstance(value, dict):
            print(name)
            for part, calls in value.items():
                print(f"  {part:<28}{calls:>10}")
        else:
            print(f"{name:<30}{value:>10}")
    if out := os.environ.get("BENCH_OUT"):
        Path(out).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    try:
        main()
    except (EnvError, RuntimeError, KeyboardInterrupt) as error:
        sys.exit(f"bench: {str(error) or 'interrupted'}")
