"""The local environment: a Kubernetes control plane and an AWS emulator.

The one place that knows how to build and start them; demo, tests and benchmark all
use it. ``python3 tests/env/env.py up --dir DIR`` prints the variables to export.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import build
import kubernetes
import processes
import service_account
from processes import EnvError

EMULATOR = build.HERE / "emulator"
CHART_TESTS = build.HERE.parent / "chart"
# The emulator accepts any key; these belong to no role, so they act in the default account.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIALOCALENVIRONMENT",
    "AWS_SECRET_ACCESS_KEY": "local-environment-has-no-secret",
    "AWS_REGION": "us-east-1",
    # AWS CLI v1 knows only this name of it, AWS CLI v2 and the SDKs the other or both.
    "AWS_DEFAULT_REGION": "us-east-1",
}
# What an environment may consist of. Without the controller manager, namespaces and objects
# deleted in the foreground never go.
EMULATOR_ONLY = ("emulator",)
WITHOUT_CONTROLLER_MANAGER = (*EMULATOR_ONLY, "etcd", "kube-apiserver")
EVERYTHING = (*WITHOUT_CONTROLLER_MANAGER, "kube-controller-manager")
# In the order of stopping: each before what it needs.
# The API server would wait a minute for its clients' watches. All it knows is in etcd.
GRACE_SECONDS = {
    "controller": 25.0,
    "kube-controller-manager": 5.0,
    "kube-apiserver": 2.0,
    "etcd": 10.0,
    "emulator": 5.0,
}

State = dict[str, Any]


def load(folder: Path) -> State | None:
    """Return what is recorded about the environment in ``folder``, if there is one."""
    path = folder / "env.json"
    return json.loads(path.read_text()) if path.exists() else None


def save(folder: Path, state: State) -> None:
    """Record the environment; a reader sees the old or the new file, never half of one."""
    fresh = folder / "env.json.new"
    fresh.write_text(json.dumps(state, indent=2) + "\n")
    fresh.rename(folder / "env.json")


def alive(folder: Path, state: State) -> bool:
    """Say whether every recorded process still runs."""
    return all(processes.is_ours(pid, folder) for pid in state["pids"].values())


def start_emulator(folder: Path, state: State) -> None:
    """Start the AWS emulator, wait until it answers, and record it."""
    port, log = state["ports"]["emulator"], folder / "emulator.log"
    python = build.emulator() / "bin" / "python"
    command = [str(python), str(EMULATOR / "server.py"), "--port", str(port), "--folder", f"{folder}/"]
    pid = processes.start(command, log, without_aws())
    state["pids"]["emulator"] = pid
    state["logs"]["emulator"] = str(log)
    save(folder, state)
    processes.wait_ready("The AWS emulator", pid, folder, log, lambda: _emulator_answers(port))


def _emulator_answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_emulator/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def start_apiserver(folder: Path, state: State) -> None:
    """Start kube-apiserver on its recorded port and record its process id."""
    ports = state["ports"]
    binary = Path(state["binaries"]) / "kube-apiserver"
    pid = kubernetes.start_apiserver(binary, folder, ports["kube-apiserver"], ports["etcd"])
    state["pids"]["kube-apiserver"] = pid
    save(folder, state)


def start_controlplane(folder: Path, state: State, binaries: Path) -> None:
    """Start etcd and kube-apiserver with fresh certificates and record them."""
    ports = state["ports"]
    kubernetes.prepare(folder, build.emulator() / "bin" / "python", ports["kube-apiserver"])
    state["binaries"] = str(binaries)
    state["kubeconfig"] = str(folder / "kubeconfig")
    state["apiserver_url"] = f"https://127.0.0.1:{ports['kube-apiserver']}"
    state["logs"]["etcd"] = str(folder / "etcd.log")
    state["logs"]["kube-apiserver"] = str(folder / "kube-apiserver.log")
    state["logs"]["audit"] = str(folder / "audit.log")
    pid = kubernetes.start_etcd(binaries / "etcd", folder, ports["etcd"], ports["etcd-peer"])
    state["pids"]["etcd"] = pid
    save(folder, state)
    start_apiserver(folder, state)


def start_controller_manager(folder: Path, state: State, binary: Path) -> None:
    """Start kube-controller-manager on its recorded port and record it."""
    name = "kube-controller-manager"
    state["controller_manager"] = str(binary)
    state["logs"][name] = str(folder / f"{name}.log")
    state["pids"][name] = kubernetes.start_controller_manager(binary, folder, state["ports"][name])
    save(folder, state)


def up(folder: Path, parts: tuple[str, ...] = EVERYTHING) -> State:
    """Build what is missing, start the parts in ``folder``, return what was started."""
    state = load(folder)
    if state and alive(folder, state) and set(parts) <= set(state["pids"]):
        return state
    binaries = build.controlplane() if "kube-apiserver" in parts else None
    manager = build.controller_manager() if "kube-controller-manager" in parts else None
    build.emulator()
    down(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = [*parts, "etcd-peer"]
    ports = dict(zip(names, processes.free_ports(len(names)), strict=True))
    state = {"aws_endpoint": f"http://127.0.0.1:{ports['emulator']}"}
    state.update(ports=ports, pids={}, logs={})
    try:
        start_emulator(folder, state)
        if binaries:
            start_controlplane(folder, state, binaries)
        if manager:
            start_controller_manager(folder, state, manager / "kube-controller-manager")
    except BaseException:
        stop_processes(folder, state)
        raise
    return state


def stop_processes(folder: Path, state: State) -> None:
    """Stop the recorded processes in order: each before what it needs."""
    for name in GRACE_SECONDS:
        if name in state["pids"]:
            processes.stop(state["pids"][name], folder, GRACE_SECONDS[name])


def down(folder: Path) -> None:
    """Stop everything in ``folder`` and remove its data; the logs stay to be read.

    An impatient second Ctrl-C does not interrupt it: that would leave processes behind.
    """
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _down(folder)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _down(folder: Path) -> None:
    state = load(folder)
    if state:
        stop_processes(folder, state)
        (folder / "env.json").unlink()
    for name in ("certs", "etcd"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("kubeconfig", "ccagi-aws-agent"):
        (folder / name).unlink(missing_ok=True)


def clean_up_when_told_to_end() -> None:
    """Let SIGTERM end this program as Ctrl-C does, so that what it started is stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def running(folder: Path) -> State:
    """Return the recorded environment with a control plane, or explain that there is none."""
    state = load(folder)
    if not state or "binaries" not in state:
        raise EnvError(f"There is no control plane in {folder}: run `env.py up --dir {folder}` first.")
    return state


def stop_apiserver(folder: Path) -> None:
    """Stop only kube-apiserver and wait until it is gone; its data stays in etcd."""
    name = "kube-apiserver"
    processes.stop(running(folder)["pids"][name], folder, GRACE_SECONDS[name])


def restart_apiserver(folder: Path) -> None:
    """Start a stopped kube-apiserver again on the same port with the same data."""
    state, manager = running(folder), "kube-controller-manager"
    if processes.is_ours(state["pids"]["kube-apiserver"], folder):
        return
    start_apiserver(folder, state)
    if manager in state["pids"]:
        # It would come back by itself, but only after a pause that grows to half a minute.
        processes.stop(state["pids"][manager], folder, GRACE_SECONDS[manager])
        start_controller_manager(folder, state, Path(state["controller_manager"]))


def run_tests(arguments: list[str]) -> int:
    """Run the emulator's own tests against a started emulator; return pytest's exit code."""
    with tempfile.TemporaryDirectory(prefix="ccagi-emulator-") as name:
        folder = Path(name).resolve()
        state = up(folder, EMULATOR_ONLY)
        try:
            command = [str(build.emulator() / "bin" / "python"), "-m", "pytest", "-q"]
            command += ["--tb=short", "-p", "no:cacheprovider", *(arguments or [str(EMULATOR)])]
            code = subprocess.run(command, env=variables(state), cwd=EMULATOR).returncode
            if code != 0:
                log = Path(state["logs"]["emulator"])
                build.say(f"the end of the emulator's log:\n{processes.tail(log)}")
            return code
        finally:
            down(folder)


def run_chart_tests(arguments: list[str]) -> int:
    """Run the chart's tests with both Helms in an environment of their own; return pytest's exit code."""
    for major in (4, 3):
        build.helm(major)
    build.kstatus()
    build.prometheus()
    build.tools()
    with tempfile.TemporaryDirectory(prefix="ccagi-chart-") as name:
        folder = Path(name).resolve()
        state = up(folder)
        try:
            command = [str(build.emulator() / "bin" / "python"), "-m", "pytest", "-q"]
            command += ["--tb=short", "-p", "no:cacheprovider", *(arguments or ["."])]
            given = {**variables(state), "CCAGI_AUDIT_LOG": state["logs"]["audit"]}
            return subprocess.run(command, env=given, cwd=CHART_TESTS).returncode
        finally:
            down(folder)


def run_with(folder: Path, command: list[str]) -> int:
    """Run a command with a fresh environment, stop it whatever happens, return the exit code."""
    build.helm(4)
    state = up(folder)
    try:
        return subprocess.run(command, env=suite_variables(folder, state)).returncode
    finally:
        down(folder)


def suite_variables(folder: Path, state: State) -> dict[str, str]:
    """Return the environment of the suite, whose controllers act as the chart's ServiceAccount."""
    given = {**variables(state), "CCAGI_TEST_PYTHON": str(build.emulator() / "bin" / "python")}
    given["CCAGI_AUDIT_LOG"] = state["logs"]["audit"]
    return given | service_account.grant(folder, given)


def exports(state: State) -> dict[str, str]:
    """Return the variables that point kubectl and the AWS SDKs at this environment."""
    found = {"AWS_ENDPOINT_URL": state["aws_endpoint"], **CREDENTIALS}
    return {"KUBECONFIG": state["kubeconfig"], **found} if "kubeconfig" in state else found


def without_aws() -> dict[str, str]:
    """Return the caller's variables but those for AWS: a profile or endpoint may lead to the real one."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def variables(state: State) -> dict[str, str]:
    """Return the environment of a program that uses this one."""
    return {**without_aws(), **exports(state)}


def kubectl(state: State, *arguments: str) -> str:
    """Run kubectl against the environment and return what it prints; explain what failed."""
    command = ["kubectl", *arguments]
    done = subprocess.run(command, env=variables(state), capture_output=True, text=True)
    if done.returncode != 0:
        raise EnvError(f"kubectl {' '.join(arguments)} failed:\n{done.stderr.strip()}")
    return done.stdout


def print_exports(state: State) -> None:
    """Print the variables as lines for a shell."""
    for name, value in exports(state).items():
        print(f"export {name}={shlex.quote(value)}")


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    top = argparse.ArgumentParser(prog="env.py", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build into the cache")
    building.add_argument("what", nargs="?", default="all", choices=[*build.BUILDERS, "all"])
    for name, text in {
        "up": "build what is missing and start everything",
        "down": "stop everything",
        "stop-apiserver": "stop only kube-apiserver",
        "start-apiserver": "start kube-apiserver again",
        "exec": "start everything, run a command with it, stop everything",
    }.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("--dir", type=lambda text: Path(text).resolve(), required=True)
        if name == "up":
            command.set_defaults(parts=EVERYTHING)
            less = command.add_mutually_exclusive_group()
            for flag, parts in {
                "--emulator-only": EMULATOR_ONLY,
                "--without-controller-manager": WITHOUT_CONTROLLER_MANAGER,
            }.items():
                less.add_argument(flag, dest="parts", action="store_const", const=parts)
        if name == "exec":
            command.add_argument("program", nargs="+", help="the command and its arguments, after --")
    for name, text in {"test": "test the emulator", "test-chart": "test the Helm chart"}.items():
        tests = commands.add_parser(name, help=text)
        tests.add_argument("arguments", nargs="*", help="arguments for pytest")
    return top


def run(options: argparse.Namespace) -> int:
    """Carry out one command and return its exit code."""
    if options.command == "build":
        for what, builder in build.BUILDERS.items():
            if options.what in (what, "all"):
                print(builder())
    elif options.command == "up":
        print_exports(up(options.dir, options.parts))
    elif options.command == "down":
        down(options.dir)
    elif options.command == "exec":
        return run_with(options.dir, options.program)
    elif options.command == "stop-apiserver":
        stop_apiserver(options.dir)
    elif options.command == "start-apiserver":
        restart_apiserver(options.dir)
    elif options.command == "test-chart":
        return run_chart_tests(options.arguments)
    else:
        return run_tests(options.arguments)
    return 0


if __name__ == "__main__":
    clean_up_when_told_to_end()
    try:
        sys.exit(run(parser().parse_args()))
    except (EnvError, KeyboardInterrupt) as error:
        sys.exit(f"env: {str(error) or 'interrupted'}")
