"""A release of the chart whose one pod is the program on this machine."""

from __future__ import annotations

import json
import os
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
        health, metrics = processes.free_ports(2)
        path = folder / "values.json"
        aws = {"region": "us-east-1", "endpointUrl": os.environ["AWS_ENDPOINT_URL"]}
        ports = {"health": {"port": health}, "metrics": {"port": metrics}, "extraArgs": ["--log-address=127.0.0.1:0"]}
        path.write_text(json.dumps({**ports, "aws": aws, **values}))
        more = ("--namespace", NAMESPACE, "--create-namespace", "--values", str(path))
        self.helm("install", RELEASE, str(CHART), *more)
        kubectl("wait", "--for=condition=Established", *(f"crd/{name}" for name in DEFINITIONS), "--timeout=60s")

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
