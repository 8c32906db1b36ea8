"""Fails if `iam-policy --orphans` allows an action that no test has used: run after the suite, in its environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request

import controller


def main() -> None:
    """Compare what the program says it needs with what its calls have used."""
    command = [controller.binary(), "iam-policy", "--orphans"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    statements = [each for each in json.loads(printed)["Statement"] if each["Effect"] == "Allow"]
    needed = {action for statement in statements for action in statement["Action"]}
    url = f"{os.environ['AWS_ENDPOINT_URL']}/_emulator/actions?role=CcagiAgentRole"
    with urllib.request.urlopen(url, timeout=60) as answer:
        used = set(json.load(answer)["actions"])
    if unused := sorted(needed - used):
        sys.exit(f"iam-policy --orphans allows what no test has needed; test it or take it out: {', '.join(unused)}")
    print(f"every one of the {len(needed)} actions in iam-policy was used, and no other was allowed")


if __name__ == "__main__":
    main()
