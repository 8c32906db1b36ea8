"""The documentation, against the code and the cluster: its commands run, its manifests are valid, its lists whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import build
import controller
import pytest
import yaml
from tools import CHART, DEFINITIONS, ROOT, kubectl, remove_definitions, run, succeed

# In the order in which somebody would follow them.
PAGES = ("install", "accounts-and-roles", "operations", "gitops", "upgrade-and-uninstall")
# Of others than us, whose API server is not here.
FOREIGN = ("kustomize.toolkit.fluxcd.io/v1", "argoproj.io/v1alpha1")
# Where reasons of conditions and Events are written, and words there that are none: actions, states, operations.
WITH_REASONS = (
    "agents/aggregate.rs", "agents/membership.rs", "aws/error.rs", "aws/session.rs", "controllers/*.rs", "lifecycle/*.rs",
    "lifecycle/decide/*.rs",
)
NO_REASONS = set(
    "Active Adopt BeginRestart Changed Create CreateResource Delete DeleteResource EndRestart GetCallerIdentity "
    "InvalidClientTokenId Judge Normal Nothing Recommend Reconcile Record Refuse RemoveFinalizer Reread Start Stopped "
    "Unknown Update UpdateResource Verify Wait Warning WriteIntent".split()
)


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of this language."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Has `helm` and `ccagi-aws-agent` on the path and leaves the cluster as it was."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "helm").symlink_to(build.helm(4))
    (folder / "ccagi-aws-agent").symlink_to(controller.binary())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        yield
        run("helm", "uninstall", "ccagi", "--namespace", "ccagi-system")
    run("kubectl", "delete", "awsaccounts", "--all", "--timeout=30s")
    remove_definitions()


def test_every_command_runs_that_needs_no_more_than_a_cluster(tmp_path: Path) -> None:
    remove_definitions()
    # Tests before this one may have made the namespaces that the pages create.
    run("kubectl", "delete", "namespace", "ccagi-system", "shop", "--ignore-not-found", "--timeout=60s")
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("charts", "crds", "examples"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    ran = 0
    for page in PAGES:
        for block in blocks(page, "sh"):
            if block.startswith("# needs "):
                continue
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, f"docs/{page}.md:\n{block}\n{done.stderr}"
            ran += 1
    assert ran > 10


@pytest.mark.parametrize("page", PAGES)
def test_manifests_and_values_are_valid(page: str, tmp_path: Path) -> None:
    kubectl("apply", "--server-side", "--force-conflicts", "-f", f"{ROOT}/crds")
    kubectl("wait", "--for=condition=Established", *(f"crd/{name}" for name in DEFINITIONS), "--timeout=60s")
    run("kubectl", "create", "namespace", "argocd")
    for block in blocks(page, "yaml"):
        if block.startswith("# values.yaml"):
            path = tmp_path / "values.yaml"
            path.write_text(block)
            succeed("helm", "template", "ccagi", str(CHART), "--values", str(path))
            continue
        if block.startswith("AWSTemplateFormatVersion"):
            continue
        if yaml.safe_load(block)["apiVersion"] not in FOREIGN:
            kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", given=block)
    for block in blocks(page, "json"):
        assert json.loads(block)["Version"] == "2012-10-17"


def test_every_reason_is_explained_and_every_explained_reason_exists() -> None:
    written: set[str] = set()
    for pattern in WITH_REASONS:
        for path in (ROOT / "src").glob(pattern):
            if path.name == "tests.rs":
                continue
            code = path.read_text().split("#[cfg(test)]")[0]
            lines = [line for line in code.splitlines() if not line.strip().startswith("//")]
            written |= set(re.findall(r'"([A-Z][a-z]+(?:[A-Z][a-z]+)*)"', "\n".join(lines)))
    page = (ROOT / "docs" / "operations.md").read_text()
    explained = re.findall(r"^\| `([A-Z]\w+)` \|.*\|.*\|$", page.split("## Reasons")[1], re.MULTILINE)
    assert explained == sorted(explained), "the list is sorted"
    assert set(explained) == written - NO_REASONS
    assert NO_REASONS <= written, f"no longer in the code: {NO_REASONS - written}"
