"""Writes what a release consists of beside the image: ``artifacts.py FOLDER``.

The chart's package, the definitions as one file, all manifests as one file for people without Helm, and the
software bill of materials in CycloneDX.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import build
from processes import EnvError
from service_account import CHART, NAME, NAMESPACE

ROOT = build.HERE.parents[1]
CYCLONEDX_VERSION = "0.5.9"


def manifests(folder: Path) -> None:
    """Write the chart's package, ``crds.yaml`` and ``install.yaml``."""
    folder.mkdir(parents=True, exist_ok=True)
    helm = str(build.helm(4))
    _run(helm, "package", str(CHART), "--destination", str(folder))
    definitions = [path.read_text() for path in sorted((ROOT / "crds").glob("*.yaml"))]
    (folder / "crds.yaml").write_text("---\n".join(definitions))
    namespace = f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {NAMESPACE}\n"
    rendered = _run(helm, "template", NAME, str(CHART), "--namespace", NAMESPACE)
    (folder / "install.yaml").write_text(f"{namespace}{rendered}")


def bill_of_materials(folder: Path) -> None:
    """Write ``sbom.cdx.json`` with all that is linked into the program."""
    tool = build.cargo_tool("cargo-cyclonedx", CYCLONEDX_VERSION)
    # It writes beside the manifest, whatever it is told.
    command = [str(tool), "cyclonedx", "--all-features", "--format", "json", "--spec-version", "1.5"]
    _run(*command, "--override-filename", "sbom.cdx")
    shutil.move(ROOT / "sbom.cdx.json", folder / "sbom.cdx.json")


def checksums(folder: Path) -> None:
    """Write ``SHA256SUMS`` over all files of the folder."""
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)
    if done.returncode != 0:
        raise EnvError(f"{' '.join(command[:3])} failed:\n{done.stderr.strip()}")
    return done.stdout


def main() -> None:
    """Write everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    shutil.rmtree(folder, ignore_errors=True)
    manifests(folder)
    bill_of_materials(folder)
    checksums(folder)
    for path in sorted(folder.iterdir()):
        print(path)


if __name__ == "__main__":
    try:
        main()
    except EnvError as error:
        sys.exit(f"artifacts: {error}")
