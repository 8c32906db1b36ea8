"""What a release consists of, and the program where the image has nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import urllib.request
from pathlib import Path

import artifacts
import controller
import processes
from release import AWS
from tools import CHART, ROOT, RELEASE, NAMESPACE, Helm, kubectl, run, succeed, until

# What gcr.io/distroless/cc has beside the certificate authorities: glibc and libgcc.
IN_THE_IMAGE = {"linux-vdso", "libc", "libm", "libgcc_s", "ld-linux-x86-64", "ld-linux-aarch64"}


def test_the_manifest_of_a_release_installs_all_without_helm(helm4: Helm, tmp_path: Path) -> None:
    artifacts.manifests(tmp_path)
    try:
        kubectl("apply", "--server-side", "--force-conflicts", "-f", str(tmp_path / "install.yaml"))
        kubectl("-n", NAMESPACE, "get", f"deployment/{RELEASE}")
        kubectl("apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", str(tmp_path / "crds.yaml"))
    finally:
        run("kubectl", "delete", "-f", str(tmp_path / "install.yaml"), "--ignore-not-found", "--timeout=90s")
    [package] = tmp_path.glob("*.tgz")
    assert helm4("show", "values", str(package)) == helm4("show", "values", str(CHART))


def test_the_program_needs_no_library_that_the_image_lacks() -> None:
    listed = succeed("ldd", str(controller.binary()))
    needed = {re.split(r"\.so", Path(line.split()[0]).name)[0] for line in listed.splitlines()}
    assert needed <= IN_THE_IMAGE, needed - IN_THE_IMAGE
    assert "gcr.io/distroless/cc-debian12:nonroot" in (ROOT / "Dockerfile").read_text()


def test_the_program_works_from_an_empty_folder_with_nothing_but_a_bundle_of_authorities(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o555)
    [port] = processes.free_ports(1)
    bundle = {"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt"}
    given = {**bundle, **AWS, "AWS_REGION": "us-east-1", "KUBECONFIG": os.environ["KUBECONFIG"]}
    kubectl("apply", "--server-side", "--force-conflicts", "-f", f"{ROOT}/crds")
    with (tmp_path / "log").open("w") as log:
        command = [str(controller.binary()), "run", "--health-address", f"127.0.0.1:{port}"]
        command += ["--metrics-address", "0", "--log-address", "0"]
        program = subprocess.Popen(command, cwd=empty, env=given, stdout=log, stderr=log)
    try:
        until("the program to be ready", lambda: program.poll() is not None or is_ready(port))
        assert program.poll() is None, (tmp_path / "log").read_text()
        assert list(empty.iterdir()) == []
    finally:
        program.terminate()
        program.wait(30)


def is_ready(port: int) -> bool:
    """Say whether the program calls itself ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
