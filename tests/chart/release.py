"""A release of the chart whose one pod is the program on this machine."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import build
import processes
import service_account
from tools import CHART, DEFINITIONS, NAMESPACE, RELEASE, Helm, get, kubectl, run, start

AWS = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}


class Installed:
    """The release, and the program where it was started."""

    def __init__(self, values: dict[str, Any], folder: Path) -> None:
        self.folder = folder
        self.pid: int | None = None
        self.helm = Helm(4, build.helm(4))
        self.health, metrics = processes.free_ports(2)
        aws = {"region": "us-east-1", "endpointUrl": os.environ["AWS_ENDPOINT_URL"]}
        ports = {"health": {"port": self.health}, "metrics": {"port": metrics}, "extraArgs": ["--log-address=127.0.0.1:0"]}
        self.values = {**ports, "aws": aws, **values}
        self._helm("install", "--create-namespace")
        kubectl("wait", "--for=condition=Established", *(f"crd/{name}" for name in DEFINITIONS), "--timeout=60s")

    def _helm(self, command: str, *arguments: str) -> None:
        path = self.folder / "values.json"
        path.write_text(json.dumps(self.values))
        self.helm(command, RELEASE, str(CHART), "--namespace", NAMESPACE, "--values", str(path), *arguments)

    def upgrade(self, values: dict[str, Any]) -> None:
        """Upgrade the release to these values."""
        self.values |= values
        self._helm("upgrade")

    def readyz(self) -> str:
        """Return what the program says of whether it is ready, nothing where it does not answer yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/readyz", timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as refusal:
            return refusal.read().decode()
        except OSError:
            return ""

    def start(self) -> None:
        """Start the program with a token of the chart's ServiceAccount."""
        kubeconfig = self.folder / "kubeconfig"
        service_account.write_kubeconfig(kubeconfig, RELEASE, NAMESPACE, dict(os.environ))
        self.pid = start(get("deployment", RELEASE, "-n", NAMESPACE), kubeconfig, self.folder, AWS)

    def stop(self) -> None:
        """Stop the program in good order."""
        if self.pid is not None:
            processes.stop(self.pid, self.folder, 25.0)

    def remove(self) -> None:
        """Remove the release, whatever the test has left."""
        for kind in ("awsresources", "awsaccounts"):
            run("kubectl", "delete", kind, "-A", "--all", "--timeout=20s")
        self.stop()
        self.helm("uninstall", RELEASE, "--namespace", NAMESPACE)
        # The program's own, so that no release knows of it.
        run("kubectl", "-n", NAMESPACE, "delete", "lease", RELEASE)
