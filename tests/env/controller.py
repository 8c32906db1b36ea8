"""Starts the controller for the demo and the benchmark, and follows the objects it works on."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import env
import processes
from processes import EnvError

ROOT = Path(__file__).resolve().parents[2]


def binary() -> Path:
    """Return the program that ``CCAGI_BINARY`` names, or else the development build."""
    if given := os.environ.get("CCAGI_BINARY"):
        found = Path(given).resolve()
    else:
        command = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
        metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
        found = Path(metadata["target_directory"]) / "debug" / "ccagi-aws-agent"
    if not os.access(found, os.X_OK):
        raise EnvError(f"There is no program {found}: build it first.")
    return found


def define(state: dict[str, Any]) -> None:
    """Install the custom resource definitions and wait until the API server serves them."""
    env.kubectl(state, "apply", "--server-side", "-f", str(ROOT / "crds"))

    # `kubectl wait` fails on a definition so fresh that its conditions are still null.
    def served() -> bool:
        listed = json.loads(env.kubectl(state, "get", "crds", "-o", "json"))["items"]
        return all(condition_holds(found, "Established") for found in listed)

    if not processes.wait_until(served, 60):
        raise EnvError("The API server does not serve the definitions in crds/ after 60 s.")


def start(folder: Path, state: dict[str, Any], arguments: list[str], metrics_address: str = "0") -> int:
    """Start the controller in the environment of ``folder`` and return its process id once it is ready.

    Its metrics are served at ``metrics_address``, and not at all where that is 0.
    """
    log = folder / "controller.log"
    log.unlink(missing_ok=True)
    # The folder in the command line marks the process as ours, so that `env.py down` may stop it.
    program = folder / "ccagi-aws-agent"
    program.unlink(missing_ok=True)
    program.symlink_to(binary())
    [port] = processes.free_ports(1)
    command = [str(program), "run", "--health-address", f"127.0.0.1:{port}"]
    command += ["--metrics-address", metrics_address, "--log-address", "0", *arguments]
    pid = processes.start(command, log, env.variables(state))
    state["pids"]["controller"] = pid
    state["logs"]["controller"] = str(log)
    env.save(folder, state)
    processes.wait_ready("The controller", pid, folder, log, lambda: calls_itself_ready(port))
    return pid


def calls_itself_ready(port: int) -> bool:
    """Say whether the controller calls itself ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class Watcher:
    """Keeps in mind the last state of every object of a collection, from a watch of its own."""

    def __init__(self, events: Iterator[tuple[str, dict[str, Any]]]) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        # Kept with each event: counting all objects again and again would take the controller's time.
        self.ready: set[str] = set()
        threading.Thread(target=self._follow, args=(events,), daemon=True).start()

    def _follow(self, events: Iterator[tuple[str, dict[str, Any]]]) -> None:
        for kind, found in events:
            if kind == "LISTED":
                self.objects = {one["metadata"]["name"]: one for one in found["items"]}
                self.ready = {name for name, one in self.objects.items() if is_ready(one)}
                continue
            name = found["metadata"]["name"]
            if kind == "DELETED":
                self.objects.pop(name, None)
            else:
                self.objects[name] = found
            if name in self.objects and is_ready(found):
                self.ready.add(name)
            else:
                self.ready.discard(name)

    def until(self, what: str, holds: Callable[[Watcher], bool], seconds: float) -> None:
        """Wait until something holds of the objects."""
        if not processes.wait_until(lambda: holds(self), seconds):
            known = len(self.objects)
            raise EnvError(f"Waited {seconds:.0f} s in vain for {what}: {len(self.ready)} of {known} are ready.")


def is_ready(found: dict[str, Any]) -> bool:
    """Say whether an object is ready in its present generation."""
    if found.get("status", {}).get("observedGeneration") != found["metadata"]["generation"]:
        return False
    return condition_holds(found, "Ready")


def condition_holds(found: dict[str, Any], kind: str) -> bool:
    """Say whether an object has a condition that is true."""
    conditions = found.get("status", {}).get("conditions") or []
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)
