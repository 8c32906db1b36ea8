"""What all measurements share: an environment with a controller, and what is counted in it."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import controller
import env
import processes
from cluster import Cluster
from processes import EnvError

ACCOUNT = "111122223333"
VERSION = "aws.ccagi.io/v1alpha1"
PATH = f"/apis/{VERSION}/namespaces/shop/awsresources"
CONNECTIONS = 4
READY_LIMIT_SECONDS = 1200
WRITE_VERBS = ("POST", "PUT", "PATCH", "APPLY", "DELETE")
# How long nothing may happen for the controller to count as idle, and how often that is tried.
QUIET_SECONDS, QUIET_TRIES = 2.0, 10


class Bench:
    """An environment with a controller, and what is measured in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.peak_kb = folder, 0
        # The controller manager watches all objects too, which would be measured with the controller.
        self.state = env.up(folder, env.WITHOUT_CONTROLLER_MANAGER)
        self.cluster = Cluster(self.state["kubeconfig"])
        self.connection = self.cluster.connect()
        controller.define(self.state)
        self.start_controller()
        env.kubectl(self.state, "apply", "-f", str(controller.ROOT / "examples/account.yaml"))
        env.kubectl(self.state, "wait", "--for=condition=Ready", "awsaccount/shop-production", "--timeout=60s")
        self.watcher = controller.Watcher(self.cluster.follow(PATH))

    def start_controller(self) -> None:
        """Start the controller and wait until it is ready."""
        [port] = processes.free_ports(1)
        self.metrics = f"127.0.0.1:{port}"
        # All objects are in one account, whose rates AWS would not let a client reach either: what is measured is
        # the controller, and not how it keeps to half of them.
        arguments = ["--log", "warn", "--aws-budget-share", "0"]
        self.pid = controller.start(self.folder, self.state, arguments, self.metrics)

    def stop_controller(self) -> None:
        """Stop the controller in good order."""
        self.peak_kb = max(self.peak_kb, self.memory_kb("VmHWM"))
        processes.stop(self.pid, self.folder, READY_LIMIT_SECONDS)

    def scrape(self) -> bytes:
        """Return the controller's metrics."""
        with urllib.request.urlopen(f"http://{self.metrics}/metrics") as answer:
            return bytes(answer.read())

    def journal(self, path: str = "") -> Any:
        """Return what the emulator's journal says of the account."""
        url = f"{self.state['aws_endpoint']}/_emulator/journal{path}"
        with urllib.request.urlopen(f"{url}{'&' if '?' in path else '?'}account={ACCOUNT}") as answer:
            return json.load(answer)

    def wait_until_idle(self) -> None:
        """Wait until AWS has not been asked anything for a while; very many objects are never all quiet."""
        last = -1
        for _ in range(QUIET_TRIES):
            before, last = last, self.last()
            if last == before:
                return
            time.sleep(QUIET_SECONDS)

    def last(self) -> int:
        """Return the number of the last request in the journal."""
        # No request reaches this number, so that the journal answers no entries.
        return int(self.journal(f"?since={10**9}")["last"])

    def wait_until_ready(self, what: str, count: int) -> None:
        """Wait until that many objects are ready, and show the controller's log if they do not become so."""
        try:
            self.watcher.until(what, lambda w: len(w.ready) == count, READY_LIMIT_SECONDS)
        except EnvError as error:
            log = processes.tail(Path(self.state["logs"]["controller"]))
            raise EnvError(f"{error} The controller's last words:\n{log}") from error

    def cpu_seconds(self) -> float:
        """Return the processor time that the controller has used."""
        # The clock of another process: clock_getcpuclockid(3), which Python does not have. /proc counts in ticks of
        # 10 ms, which is too coarse for one change.
        return time.clock_gettime((~self.pid << 3) | 2)

    def memory_kb(self, name: str) -> int:
        """Return what the kernel says of the controller's memory under this name, in KiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))

    def memory_mb(self) -> dict[str, float]:
        """Return the most memory that the controller has held so far, and what it holds now, in MB.

        What is now held is told apart: its own, and pages of the program, which replicas on a node share.
        """
        names = {"rss_mb": "VmRSS", "rss_own_mb": "RssAnon", "rss_program_mb": "RssFile"}
        peak = {"peak_rss_mb": max(self.peak_kb, self.memory_kb("VmHWM"))}
        now = {shown: self.memory_kb(name) for shown, name in names.items()}
        return {name: round(value / 1024, 1) for name, value in (peak | now).items()}

    def writes(self, resource: str = "awsresources", subresource: str | None = None) -> float:
        """Return how many writes the API server has answered."""
        counts = self.cluster.request_counts(resource).items()
        chosen = (n for (sub, verb), n in counts if verb in WRITE_VERBS and subresource in (None, sub))
        return sum(chosen)


def bucket(name: str, tags: dict[str, str], account: str = "shop-production") -> dict[str, Any]:
    """Return the manifest of a bucket with versioning, tags and blocked public access."""
    names = ("blockPublicAcls", "ignorePublicAcls", "blockPublicPolicy", "restrictPublicBuckets")
    spec = {
        "accountRef": {"name": account},
        "deletionPolicy": "Delete",
        "tags": tags,
        "s3Bucket": {
            "bucketName": f"bench-{name}",
            "versioning": "Enabled",
            "publicAccessBlock": dict.fromkeys(names, True),
        },
    }
    return {"apiVersion": VERSION, "kind": "AwsResource", "metadata": {"name": name}, "spec": spec}


def side_by_side(bench: Bench, work: Any, count: int) -> None:
    """Do the work for every number over a few connections, and raise what failed."""
    failures: list[BaseException] = []

    def run(first: int) -> None:
        try:
            connection = bench.cluster.connect()
            for number in range(first, count, CONNECTIONS):
                work(connection, number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(first,)) for first in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def say(text: str) -> None:
    """Tell the reader how far the benchmark is."""
    print(text, flush=True)
