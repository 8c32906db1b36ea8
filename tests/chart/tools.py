"""Runs Helm and kubectl, and the program as the chart's Deployment would."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import controller
import processes
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "ccagi-aws-agent"
# All tests share one release and its definitions: a definition that is deleted as soon as it is established takes
# the API server minutes to clean up.
RELEASE = "ccagi-aws-agent"
NAMESPACE = "ccagi-system"
DEFINITIONS = [f"{path.stem}.aws.ccagi.io" for path in sorted((ROOT / "crds").glob("*.yaml"))]


def run(*command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command and return what came of it."""
    return subprocess.run(command, input=given, capture_output=True, text=True)


def succeed(*command: str, given: str | None = None) -> str:
    """Run a command that must succeed and return its output."""
    done = run(*command, given=given)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}{done.stdout}"
    return done.stdout


def kubectl(*arguments: str, given: str | None = None) -> str:
    """Run kubectl, which must succeed."""
    return succeed("kubectl", *arguments, given=given)


def refused(*arguments: str, given: str | None = None) -> str:
    """Run kubectl, which must fail, and return why."""
    done = run("kubectl", *arguments, given=given)
    assert done.returncode != 0, f"kubectl {' '.join(arguments)} was not refused: {done.stdout}"
    return done.stderr


def get(*arguments: str) -> Any:
    """Return what kubectl gets, as data."""
    return json.loads(kubectl("get", *arguments, "-o", "json"))


def emulator(method: str, path: str, **body: Any) -> None:
    """Tell the AWS emulator what is to happen; `tests/env/emulator/admin.py` lists what it understands."""
    url = f"{os.environ['AWS_ENDPOINT_URL']}/_emulator/{path}"
    asked = urllib.request.Request(url, json.dumps(body).encode(), method=method)
    urllib.request.urlopen(asked, timeout=60).close()


def until(what: str, holds: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until something holds; far longer than anything takes."""
    assert processes.wait_until(holds, seconds), f"waited in vain for {what}"


def remove_definitions() -> None:
    """Remove the definitions with all objects.

    With more patience than for all else: they have been seen to be there after ninety seconds.
    """
    run("kubectl", "delete", "crd", *DEFINITIONS, "--ignore-not-found", "--wait=false")
    left = ("kubectl", "get", "crd", *DEFINITIONS, "--ignore-not-found", "-o", "name")
    until("the definitions to go", lambda: succeed(*left) == "", 240)


@dataclass
class Helm:
    """One of the Helms."""

    major: int
    program: Path

    def __call__(self, *arguments: str) -> str:
        """Run it, which must succeed."""
        return succeed(str(self.program), *arguments)

    def fails(self, *arguments: str) -> str:
        """Run it, which must fail, and return why."""
        done = run(str(self.program), *arguments)
        assert done.returncode != 0, f"helm {' '.join(arguments)} did not fail: {done.stdout}"
        return done.stderr

    def template(self, values: dict[str, Any], *arguments: str) -> list[dict[str, Any]]:
        """Return the manifests of the chart with these values."""
        text = _rendered(self.program, json.dumps(values), *arguments)
        return [one for one in yaml.load_all(text, Loader=yaml.CSafeLoader) if one]


@functools.cache
def _rendered(program: Path, values: str, *arguments: str) -> str:
    command = [str(program), "template", RELEASE, str(CHART), "--values", "-", *arguments]
    return succeed(*command, given=values)


def container(deployment: dict[str, Any]) -> dict[str, Any]:
    """Return the one container of a Deployment."""
    [only] = deployment["spec"]["template"]["spec"]["containers"]
    return only


def start(deployment: dict[str, Any], kubeconfig: Path, folder: Path, more: dict[str, str]) -> int:
    """Start the program with the container's arguments and variables, as a kubelet would, and return its process id."""
    own = container(deployment)
    given = {one["name"]: one["value"] for one in own["env"] if "value" in one}
    program = folder / "ccagi-aws-agent"
    program.unlink(missing_ok=True)
    program.symlink_to(controller.binary())
    command = [str(program), *own["args"]]
    return processes.start(command, folder / "program.log", {**given, **more, "KUBECONFIG": str(kubeconfig)})
