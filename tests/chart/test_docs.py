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

# What the commands of each page print, a pattern for each block that runs; pages in the order in which somebody would
# follow them. A block that is new needs its line here.
SHOWN = {
    "install": (
        r"secret/aws-keys created",
        r"STATUS: deployed(.|\n)*awsresources.aws.ccagi.io condition met",
        r"has been upgraded(.|\n)*STATUS: deployed",
        r"awsaccounts.aws.ccagi.io (not )?labeled(.|\n)*serviceagents.aws.ccagi.io annotated",
        r"rolebinding.rbac.authorization.k8s.io/orders-login created",
    ),
    "accounts-and-roles": (
        r"Usage: ccagi-aws-agent iam-policy",
        r"\A\Z",
        r"awsaccount.aws.ccagi.io/shop-production (created|configured)(.|\n)*\nshop-production +111122223333 ",
    ),
    "operations": (
        r"\nshop-production +111122223333 (.|\n)*No resources found",
        r"shop-production serverside-applied(.|\n)*Account Id: +111122223333",
        r"\A\Z",
        r"\A(awsaccount.aws.ccagi.io/shop-production annotated\n){5}\Z",
        r"\ANo orphans\.\n\Z",
    ),
    "gitops": (),
    "upgrade-and-uninstall": (
        r'Release "ccagi" has been upgraded',
        r"",
        r"awsresources.aws.ccagi.io serverside-applied",
        r'release "ccagi" uninstalled(.|\n)*No resources found',
        r"STATUS: deployed",
        r'"awsresources.aws.ccagi.io" deleted',
    ),
}
PAGES = tuple(SHOWN)
# Of others than us, whose API server is not here.
FOREIGN = ("kustomize.toolkit.fluxcd.io/v1", "argoproj.io/v1alpha1")
# Where reasons of conditions and Events are written, and words there that are none: actions, states, operations.
WITH_REASONS = (
    "agents/aggregate.rs", "agents/membership.rs", "aws/error.rs", "aws/session.rs", "controllers/*.rs", "lifecycle/*.rs",
    "lifecycle/decide/*.rs",
)
NO_REASONS = set(
    "Active Adopt BeginRestart Changed Create CreateResource Delete DeleteResource EndRestart ExpectEffect "
    "GetCallerIdentity Govern Invalid InvalidClientTokenId Judge Normal Nothing Recommend Reconcile Record Refuse "
    "RemoveFinalizer Reread Start Stopped Unknown Update UpdateResource Verify Wait Warning WriteIntent".split()
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
    for page, patterns in SHOWN.items():
        commands = [block for block in blocks(page, "sh") if not block.startswith("# needs ")]
        assert len(commands) == len(patterns), f"docs/{page}.md: what its commands print is to be looked at"
        for block, pattern in zip(commands, patterns, strict=True):
            shown = in_a_shell(block, folder)
            assert re.search(pattern, shown), f"docs/{page}.md:\n{block}\ndoes not show {pattern}:\n{shown}"
    # What the pages send into files.
    assert "Deny" in {one["Effect"] for one in json.loads((folder / "policy.json").read_text())["Statement"]}


def in_a_shell(block: str, folder: Path) -> str:
    """Run a block as its reader would, and return what it printed."""
    command = ["bash", "-euo", "pipefail", "-c", block]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"{block}\n{done.stdout}"
    return done.stdout


def test_what_is_stalled_is_listed_and_nothing_else(tmp_path: Path) -> None:
    [block] = [block for block in blocks("operations", "sh") if "Stalled" in block]
    kubectl("apply", "--server-side", "--force-conflicts", "-f", f"{ROOT}/crds")
    kubectl("wait", "--for=condition=Established", *(f"crd/{name}" for name in DEFINITIONS), "--timeout=60s")
    run("kubectl", "create", "namespace", "listed")
    for name in ("new", "well", "stuck"):
        given = {
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource",
            "metadata": {"name": name, "namespace": "listed"},
            "spec": {"accountRef": {"name": "none"}, "s3Bucket": {"bucketName": f"shop-{name}"}},
        }
        kubectl("create", "-f", "-", given=json.dumps(given))
    try:
        for name, ready in (("well", True), ("stuck", False)):
            common = {"lastTransitionTime": "2026-01-01T00:00:00Z", "reason": "R", "message": "It waits for you."}
            conditions = [{"type": "Ready", "status": str(ready), **common}]
            conditions += [] if ready else [{"type": "Stalled", "status": "True", **common}]
            patch = json.dumps({"status": {"conditions": conditions}})
            kubectl("patch", "awsresource", name, "-n", "listed", "--subresource=status", "--type=merge", "-p", patch)
        assert in_a_shell(block, tmp_path) == "listed/stuck: It waits for you.\n"
    finally:
        kubectl("delete", "awsresources", "--all", "-n", "listed", "--timeout=30s")


def disown_definitions() -> None:
    """Take off what Helm goes by: definitions that were just made cannot be removed and made anew within minutes."""
    kubectl("label", "crd", *DEFINITIONS, "app.kubernetes.io/managed-by-")
    kubectl("annotate", "crd", *DEFINITIONS, "meta.helm.sh/release-name-", "meta.helm.sh/release-namespace-")


@pytest.mark.parametrize("major", [4, 3])
def test_definitions_of_the_readmes_shell_way_are_taken_over_by_helm(major: int, tmp_path: Path) -> None:
    run("helm", "uninstall", "ccagi", "--namespace", "ccagi-system")
    [by_hand] = re.findall(r"^kubectl apply .*$", readme(), re.MULTILINE)
    [plain] = re.findall(r"^helm install .*$", readme(), re.MULTILINE)
    [take_over] = [block for block in blocks("install", "sh") if "--take-ownership" in block]
    [by_labels] = [block for block in blocks("install", "sh") if block.startswith("kubectl label")]
    helm = str(build.helm(major))
    for name in ("charts", "crds"):
        (tmp_path / name).symlink_to(ROOT / name)
    assert "awsresources.aws.ccagi.io serverside-applied" in in_a_shell(by_hand, tmp_path)
    disown_definitions()
    done = subprocess.run(["bash", "-c", plain.replace("helm", helm, 1)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0 and "invalid ownership metadata" in done.stderr, done.stdout + done.stderr
    for way in (take_over, f"{by_labels}\n{plain}"):
        # Helm 3 knows no conflicts and no flag for them, as the page says.
        command = way.replace("--force-conflicts", "--force-conflicts" if major == 4 else "")
        try:
            command = re.sub(r"^helm ", f"{helm} ", command.replace(" \\\n", " "), flags=re.MULTILINE)
            shown = in_a_shell(command, tmp_path)
            assert "STATUS: deployed" in shown
        finally:
            run(helm, "uninstall", "ccagi", "--namespace", "ccagi-system")
        disown_definitions()


def readme() -> str:
    """Return what the project shows first."""
    return (ROOT / "README.md").read_text()


def test_every_command_of_the_readme_exists() -> None:
    shell = re.findall(r"^```sh\n(.*?)^```$", readme(), re.MULTILINE | re.DOTALL)
    commands = [line for block in shell for line in block.splitlines()]
    known = {"make": 0, "helm install": 0, "kubectl apply": 0, "cargo run": 0}
    for command in commands:
        [begins] = [one for one in known if command.startswith(one)]
        known[begins] += 1
        words = command.split("#")[0].split()
        if begins == "make":
            assert "python3" in succeed("make", "-n", "-C", str(ROOT), *words[1:])
        if begins == "cargo run":
            after = words[words.index("--") + 1 :]
            assert "Usage: ccagi-aws-agent run" in succeed(str(controller.binary()), *after, "--help")
    # The other two are run by the test of the definitions' owner.
    assert known == {"make": 2, "helm install": 1, "kubectl apply": 1, "cargo run": 1}


def test_every_command_of_ours_that_a_page_names_has_the_flags_that_it_names() -> None:
    named: set[str] = set()
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        text = path.read_text()
        named |= set(re.findall(r"`ccagi-aws-agent ([a-z][^`]*)`", text))
        named |= set(re.findall(r"^(?:\$ )?ccagi-aws-agent ([a-z].*?)(?: > .*)?$", text, re.MULTILINE))
    assert len(named) > 10
    for arguments in named:
        # What is optional is named in brackets, and one of several values is enough.
        words = [word.split("|")[0] for word in arguments.replace("[", "").replace("]", "").split()]
        assert "Usage: ccagi-aws-agent" in succeed(str(controller.binary()), *words, "--help"), arguments


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
