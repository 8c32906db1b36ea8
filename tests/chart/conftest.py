"""What the chart's tests share: both Helms, kubectl, and a folder for files.

They run in an environment of their own: ``env.py exec -- $CCAGI_TEST_PYTHON -m pytest tests/chart``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "env"))

import build  # noqa: E402
import processes  # noqa: E402
from tools import Helm, kubectl, run, until  # noqa: E402


@pytest.fixture(params=[4, 3], ids=["helm4", "helm3"])
def helm(request: pytest.FixtureRequest) -> Helm:
    """Each Helm that people use."""
    return Helm(request.param, build.helm(request.param))


@pytest.fixture
def helm4() -> Helm:
    """The newest Helm, where the other would show the same."""
    return Helm(4, build.helm(4))


@pytest.fixture
def helm3() -> Helm:
    """The other one, to be compared with it."""
    return Helm(3, build.helm(3))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for one program, whose log is shown where the test fails."""
    yield tmp_path
    print(processes.tail(tmp_path / "program.log"))


@pytest.fixture(scope="session")
def monitoring() -> None:
    """The definitions of the Prometheus Operator, which stay in the cluster."""
    kubectl("apply", "--server-side", "-f", str(build.prometheus() / "definitions"))
    kinds = ("get", "servicemonitors,prometheusrules", "-A")
    until("the Prometheus Operator's kinds to be served", lambda: run("kubectl", *kinds).returncode == 0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Follow the documentation first, in a cluster that knows nothing of us, as its readers do."""
    items.sort(key=lambda item: "test_docs" not in item.nodeid)
