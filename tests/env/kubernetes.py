"""Starts the local control plane: one etcd, one kube-apiserver, one kube-controller-manager.

The controller manager runs only what ends objects and namespaces and gives namespaces their
service accounts. No kubelet and no other controller run, so nothing else but the tested
controller ever acts on an object.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import processes

# Without the first, a foreground deletion never ends; without the second, a namespace never goes.
CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
)
AUDIT_POLICY = Path(__file__).resolve().with_name("audit-policy.yaml")


def prepare(folder: Path, python: Path, port: int) -> None:
    """Write certificates, and tokens and kubeconfigs of administrator and controller manager into ``folder``."""
    certs = folder / "certs"
    certs.mkdir()
    script = Path(__file__).resolve().with_name("certs.py")
    subprocess.run([str(python), str(script), str(certs)], check=True)
    authority = base64.b64encode((certs / "ca.crt").read_bytes()).decode()
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": authority}
    users = {"admin": folder / "kubeconfig", "system:kube-controller-manager": certs / "controller-manager.kubeconfig"}
    lines = []
    for user, path in users.items():
        token = secrets.token_hex(16)
        lines.append(f'{token},{user},{user},"system:masters"\n')
        _write_kubeconfig(path, cluster, user, token)
    _write_private(certs / "tokens.csv", "".join(lines))


def _write_kubeconfig(path: Path, cluster: dict[str, str], user: str, token: str) -> None:
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "local",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": user}}],
    }
    # JSON is YAML, so no YAML library is needed to write it.
    _write_private(path, json.dumps(kubeconfig, indent=2) + "\n")


def start_etcd(binary: Path, folder: Path, port: int, peer_port: int) -> int:
    """Start etcd and wait until it is healthy; return its process id."""
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    command = [
        str(binary),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--log-level=warn",
        # The data of a test need not survive a power cut, and fsync dominates every write.
        "--unsafe-no-fsync",
    ]
    log = folder / "etcd.log"
    pid = processes.start(command, log)
    processes.wait_ready("etcd", pid, folder, log, lambda: _answers_ok(f"{client}/health"))
    return pid


def start_apiserver(binary: Path, folder: Path, port: int, etcd_port: int) -> int:
    """Start kube-apiserver and wait for ``/readyz``; return its process id."""
    certs = folder / "certs"
    command = [
        str(binary),
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={certs}",
        f"--tls-cert-file={certs / 'server.crt'}",
        f"--tls-private-key-file={certs / 'server.key'}",
        f"--token-auth-file={certs / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={certs / 'service-account.pub'}",
        f"--service-account-signing-key-file={certs / 'service-account.key'}",
        "--service-cluster-ip-range=10.0.0.0/24",
        # A loopback address cannot be published as an endpoint, and nothing needs it.
        "--endpoint-reconciler-type=none",
        f"--audit-policy-file={AUDIT_POLICY}",
        f"--audit-log-path={folder / 'audit.log'}",
        # Load tests measure the controller: fairness queues would measure themselves.
        "--enable-priority-and-fairness=false",
        "--max-requests-inflight=4000",
        "--max-mutating-requests-inflight=2000",
        # Nobody looks for an Event that is older, and a long run makes a hundred thousand of them.
        "--event-ttl=5m",
    ]
    log = folder / "kube-apiserver.log"
    # A quarter of its time would go into collecting garbage, for memory that a test has.
    pid = processes.start(command, log, {"GOGC": "400", **os.environ})
    url = f"https://127.0.0.1:{port}/readyz"
    processes.wait_ready("kube-apiserver", pid, folder, log, lambda: _answers_ok(url, _trusted(certs)))
    return pid


def start_controller_manager(binary: Path, folder: Path, port: int) -> int:
    """Start kube-controller-manager and wait for ``/healthz``; return its process id.

    Its garbage collector looks for new kinds when it starts and every 30 s after that, which no flag changes.
    """
    certs = folder / "certs"
    command = [
        str(binary),
        f"--kubeconfig={certs / 'controller-manager.kubeconfig'}",
        f"--controllers={','.join(CONTROLLERS)}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={certs / 'server.crt'}",
        f"--tls-private-key-file={certs / 'server.key'}",
        f"--service-account-private-key-file={certs / 'service-account.key'}",
    ]
    log = folder / "kube-controller-manager.log"
    pid = processes.start(command, log)
    url = f"https://127.0.0.1:{port}/healthz"
    processes.wait_ready("kube-controller-manager", pid, folder, log, lambda: _answers_ok(url, _trusted(certs)))
    return pid


def _trusted(certs: Path) -> ssl.SSLContext:
    """Trust what the environment's own authority has signed."""
    return ssl.create_default_context(cafile=str(certs / "ca.crt"))


def _answers_ok(url: str, trusted: ssl.SSLContext | None = None) -> bool:
    """Say whether an address answers 200 now; while a server starts it may refuse or drop."""
    try:
        with urllib.request.urlopen(url, timeout=5, context=trusted) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
