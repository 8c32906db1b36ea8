"""Gives the tested controller the rights that the chart gives it, and no others."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import build
from processes import EnvError

CHART = build.HERE.parents[1] / "charts" / "ccagi-aws-agent"
NAMESPACE = "ccagi-system"
NAME = "ccagi-aws-agent"


def grant(folder: Path, variables: dict[str, str]) -> dict[str, str]:
    """Write the chart's rights into the cluster and return what the end-to-end stories need to use them.

    ``CCAGI_CONTROLLER_KUBECONFIG`` acts as the chart's ServiceAccount; ``CCAGI_LEADER_ROLE`` is a file with the
    rights to a Lease, which a story grants in its own namespace.
    """
    rights, leader = folder / "rights.yaml", folder / "leader-role.yaml"
    rights.write_text(_rendered(variables, "serviceaccount", "rbac-cluster"))
    leader.write_text(_rendered(variables, "rbac-leader"))
    _run(["kubectl", "create", "namespace", NAMESPACE], variables)
    _run(["kubectl", "apply", "-f", str(rights)], variables)
    path = folder / "controller.kubeconfig"
    write_kubeconfig(path, NAME, NAMESPACE, variables)
    return {"CCAGI_CONTROLLER_KUBECONFIG": str(path), "CCAGI_LEADER_ROLE": str(leader)}


def write_kubeconfig(path: Path, name: str, namespace: str, variables: dict[str, str]) -> None:
    """Write a kubeconfig that acts with a token of this ServiceAccount, as a pod of it would."""
    token = _run(["kubectl", "-n", namespace, "create", "token", name, "--duration", "12h"], variables).strip()
    config = json.loads(Path(variables["KUBECONFIG"]).read_text())
    config["users"][0]["user"] = {"token": token}
    config["contexts"][0]["context"]["namespace"] = namespace
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))


def _rendered(variables: dict[str, str], *templates: str) -> str:
    """Return these templates of the chart; the stories need the right to read Secrets too."""
    command = [str(build.helm(4)), "template", NAME, str(CHART), "--namespace", NAMESPACE]
    command += ["--set", "rbac.readSecrets=true"]
    for name in templates:
        command += ["--show-only", f"templates/{name}.yaml"]
    return _run(command, variables)


def _run(command: list[str], variables: dict[str, str]) -> str:
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode != 0:
        raise EnvError(f"{' '.join(command[:4])} … failed:\n{done.stderr.strip()}")
    return done.stdout
