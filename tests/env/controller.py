"""Starts the controller for the demo and the benchmark, and knows where its program is."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import env
import processes
from processes import EnvError

ROOT = Path(__file__).resolve().parents[2]
READY_LINE = "the caches are filled"


def binary() -> Path:
    """Return the program that ``CCAGI_BINARY`` names, or else the development build."""
    if given := os.environ.get("CCAGI_BINARY"):
        return Path(given)
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    return Path(metadata["target_directory"]) / "debug" / "ccagi-aws-agent"


def start(folder: Path, state: dict[str, Any], arguments: list[str]) -> int:
    """Start the controller in the environment of ``folder`` and return its process id once it is ready."""
    log = folder / "controller.log"
    log.unlink(missing_ok=True)
    # The folder in the command line marks the process as ours, so that `env.py down` may stop it.
    program = folder / "ccagi-aws-agent"
    program.unlink(missing_ok=True)
    program.symlink_to(binary())
    command = [str(program), "run", "--health-address", "127.0.0.1:0", *arguments]
    pid = processes.start(command, log, env.exports(state))
    state["pids"]["controller"] = pid
    state["logs"]["controller"] = str(log)
    env.save(folder, state)
    processes.wait_ready("The controller", pid, folder, log, lambda: READY_LINE in log.read_text())
    return pid


class Watcher:
    """Keeps in mind the last state of every object of a collection, from a watch of its own."""

    def __init__(self, events: Iterator[tuple[str, dict[str, Any]]]) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        threading.Thread(target=self._follow, args=(events,), daemon=True).start()

    def _follow(self, events: Iterator[tuple[str, dict[str, Any]]]) -> None:
        for kind, found in events:
            name = found["metadata"]["name"]
            if kind == "DELETED":
                self.objects.pop(name, None)
            else:
                self.objects[name] = found

    def ready(self) -> int:
        """Return how many objects are ready."""
        return sum(map(is_ready, list(self.objects.values())))

    def until(self, what: str, holds: Callable[[Watcher], bool], seconds: float) -> None:
        """Wait until something holds of the objects."""
        if not processes.wait_until(lambda: holds(self), seconds):
            known = len(self.objects)
            raise EnvError(f"Waited {seconds:.0f} s in vain for {what}: {self.ready()} of {known} are ready.")


def is_ready(found: dict[str, Any]) -> bool:
    """Say whether an object is ready in its present generation."""
    status = found.get("status", {})
    if status.get("observedGeneration") != found["metadata"]["generation"]:
        return False
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
