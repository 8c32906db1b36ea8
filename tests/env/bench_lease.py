"""How long the Lease takes to move, with the times that the program has by default.

Two replicas take turns: the leader is killed, or stops in good order, and the other is waited for. They watch
objects that do not exist, so that nothing but the election is measured.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import controller
import env
import processes
from bench_environment import Bench, say
from processes import EnvError

LEASE = "bench"
PATH = f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{LEASE}"
ARGUMENTS = [
    "--leader-elect", f"--leader-election-id={LEASE}", "--leader-election-namespace=default",
    "--watch-selector=bench=lease", "--metrics-address=0", "--log-address=0", "--log=warn",
]
# The longest time between two renewals.
RETRY_SECONDS = 1.0
LIMIT_SECONDS = 60.0


class Replica:
    """One process of two."""

    def __init__(self, bench: Bench) -> None:
        self.folder = Path(bench.state["kubeconfig"]).parent
        log = self.folder / "replica.log"
        [port] = processes.free_ports(1)
        command = [str(self.folder / "ccagi-aws-agent"), "run", f"--health-address=127.0.0.1:{port}", *ARGUMENTS]
        self.pid = processes.start(command, log, env.variables(bench.state))
        processes.wait_ready("A replica", self.pid, self.folder, log, lambda: controller.calls_itself_ready(port))

    def end(self, number: signal.Signals) -> None:
        """Send the process a signal that ends it."""
        os.kill(self.pid, number)

    def remove(self) -> None:
        """See that the process is gone."""
        processes.stop(self.pid, self.folder, 10.0)


def holder(bench: Bench) -> str:
    """Return who holds the Lease, nothing where nobody does."""
    lease = json.loads(bench.connection.text(PATH))
    return str(lease.get("spec", {}).get("holderIdentity") or "")


def move(bench: Bench, leader: Replica, number: signal.Signals) -> float:
    """End the leader at a random moment between two renewals and return the seconds until the other leads."""
    time.sleep(random.uniform(0, RETRY_SECONDS))
    before, begin = holder(bench), time.monotonic()
    leader.end(number)
    if not processes.wait_until(lambda: holder(bench) not in ("", before), LIMIT_SECONDS):
        raise EnvError(f"Nobody has taken the Lease after {LIMIT_SECONDS:.0f} s.")
    return time.monotonic() - begin


def measure(bench: Bench, times: int) -> dict[str, Any]:
    """Return the longest that the Lease took to move, after that many deaths and that many orderly stops."""
    longest = {}
    leader = Replica(bench)
    standby = Replica(bench)
    try:
        for name, number in {"killed": signal.SIGKILL, "stopped": signal.SIGTERM}.items():
            seconds = []
            for _ in range(times):
                seconds.append(move(bench, leader, number))
                leader.remove()
                leader, standby = standby, Replica(bench)
            say(f"the lease moved, its leader {name}, after " + ", ".join(f"{one:.2f} s" for one in seconds))
            longest[f"lease_moves_{name}_s"] = round(max(seconds), 2)
    finally:
        leader.remove()
        standby.remove()
    return longest
