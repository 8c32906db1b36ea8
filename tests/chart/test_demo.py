"""What a kept demo and `make up` print, used as they print it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import controller
import demo
import env
import pytest


def in_a_shell(printed: str, command: str) -> str:
    """Run a command in a shell that has taken the printed exports and knows nothing else of AWS or a cluster."""
    lines = [line for line in printed.splitlines() if line.startswith("export ")]
    bare = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    script = "\n".join([*lines, command])
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=bare, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_kept_demo_puts_the_program_on_the_path(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    demo.say_how_to_reach({"aws_endpoint": "http://127.0.0.1:1", "kubeconfig": str(tmp_path / "a b")})
    printed = capsys.readouterr().out
    assert in_a_shell(printed, "command -v ccagi-aws-agent").strip() == str(controller.binary())
    assert in_a_shell(printed, "ccagi-aws-agent --version").startswith("ccagi-aws-agent ")
    assert in_a_shell(printed, 'echo "$KUBECONFIG"').strip() == str(tmp_path / "a b")


def test_exports_serve_both_versions_of_the_aws_cli(capsys: pytest.CaptureFixture[str]) -> None:
    env.print_exports({"aws_endpoint": "http://127.0.0.1:1"})
    printed = capsys.readouterr().out
    both = 'echo "$AWS_REGION $AWS_DEFAULT_REGION $AWS_ENDPOINT_URL"'
    assert in_a_shell(printed, both).strip() == "us-east-1 us-east-1 http://127.0.0.1:1"
