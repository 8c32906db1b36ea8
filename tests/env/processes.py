"""Starting, finding and stopping the detached processes of the local environment.

Every process is started in a session of its own, so that it outlives the
command that started it, and carries the environment's folder in its command
line, so that a recycled process id is never taken for one of ours.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

POLL_SECONDS = 0.05


class EnvError(Exception):
    """A failure that is explained to the user in one sentence."""


def free_ports(count: int) -> list[int]:
    """Return that many different free TCP ports of the loopback interface."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        # All are held open until all are chosen: otherwise the same port could come twice.
        for held in sockets:
            held.bind(("127.0.0.1", 0))
        return [held.getsockname()[1] for held in sockets]
    finally:
        for held in sockets:
            held.close()


def start(command: list[str], log: Path, env: dict[str, str] | None = None) -> int:
    """Start a detached process whose output is appended to ``log``; return its id.

    ``env`` is its whole environment, the caller's own where it is not given.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=env,
        )
    return process.pid


def command_line(pid: int) -> str:
    """Return the command line of a process, empty if there is none or it is a zombie."""
    proc = Path("/proc") / str(pid) / "cmdline"
    if Path("/proc/self/cmdline").exists():
        try:
            return proc.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    listed = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True)
    return listed.stdout


def is_ours(pid: int, folder: Path) -> bool:
    """Say whether the process lives and belongs to the environment in ``folder``."""
    return f"{folder}/" in command_line(pid)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll until the condition holds; say whether it did before the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def wait_ready(name: str, pid: int, folder: Path, log: Path, ready: Callable[[], bool]) -> None:
    """Wait until a started process answers; explain with its log if it died or hangs.

    One that is waited for in vain, or no longer because of Ctrl-C, is stopped: nobody else knows of it yet.
    """
    try:
        outcome = wait_until(lambda: ready() or not _lives(pid, folder), 90)
        if not outcome or not ready():
            raise EnvError(f"{name} did not become ready. The end of its log {log}:\n{tail(log)}")
    except BaseException:
        stop(pid, folder, 2.0)
        raise


def _lives(pid: int, folder: Path) -> bool:
    """Say whether the process lives, after collecting it if it is a dead child of ours.

    Right after the start a process has no command line for an instant, so a child of
    ours is asked for its state instead.
    """
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return is_ours(pid, folder)


def stop(pid: int, folder: Path, grace_seconds: float) -> None:
    """End a process of ours and wait until it is gone; no error if it already is."""
    for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 10.0)):
        if not _lives(pid, folder):
            return
        os.kill(pid, number)
        if wait_until(lambda: not _lives(pid, folder), seconds):
            return
    raise EnvError(f"Process {pid} did not end after SIGKILL.")


def tail(log: Path, lines: int = 20) -> str:
    """Return the last lines of a log file."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
