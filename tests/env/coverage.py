"""Measures which lines of `src/` the whole suite reaches: `make coverage`.

Unit tests, suite and the program that its stories start are compiled with counters, our own crate only. A line
counts as covered if any of them reaches it; lines that exist for tests alone do not count at all.
COVERAGE_TESTS has arguments for the suite, such as a filter, for a part of the picture.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import env

ROOT = Path(__file__).resolve().parents[2]
WRAPPER = Path(__file__).with_name("coverage_rustc.py")
# In per cent of all lines: the least for a folder of the sources.
LEAST = {"src/": 85.0, "src/lifecycle/": 95.0}
# How many lines that nothing reaches are named, for each file of the folder with the stricter bound.
SHOWN = 40

Lines = dict[str, dict[int, bool]]


def output(*command: str) -> str:
    """Return what a command prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def tool(name: str) -> str:
    """Return LLVM's tool that reads what this compiler writes; the toolchain gets it where it is missing."""
    host = next(line for line in output("rustc", "-vV").splitlines() if line.startswith("host: ")).split()[1]
    path = Path(output("rustc", "--print", "sysroot").strip()) / "lib" / "rustlib" / host / "bin" / name
    if not path.exists():
        subprocess.run(["rustup", "component", "add", "llvm-tools"], check=True)
    return str(path)


def executables(variables: dict[str, str]) -> dict[str, str]:
    """Compile everything with counters; return the executables by what they are."""
    command = ["cargo", "test", "--all-features", "--lib", "--test", "suite", "--no-run"]
    command.append("--message-format=json-render-diagnostics")
    done = subprocess.run(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.returncode)
    found = {}
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if path := message.get("executable"):
            kind = message["target"]["kind"][0]
            found["unit tests" if kind == "lib" else "suite" if kind == "test" else "program"] = path
    return found


def run_all(tests: dict[str, str], variables: dict[str, str]) -> bool:
    """Run the unit tests and the suite; say whether all passed."""
    units = subprocess.run([tests["unit tests"], "--quiet"], cwd=ROOT, env=variables).returncode
    arguments = os.environ.get("COVERAGE_TESTS", "").split()
    with tempfile.TemporaryDirectory(prefix="ccagi-coverage-") as name:
        folder = Path(name).resolve()
        state = env.up(folder)
        try:
            of_suite = variables | env.suite_variables(folder, state)
            suite = subprocess.run([tests["suite"], *arguments], cwd=ROOT, env=of_suite).returncode
        finally:
            env.down(folder)
    return units == 0 and suite == 0


def lines(executable: str, profile: Path) -> Lines:
    """Return the lines of our sources that an executable has, and whether they were reached."""
    command = [tool("llvm-cov"), "export", "--format=lcov", f"--instr-profile={profile}", executable]
    found: Lines = defaultdict(dict)
    file = ""
    for line in output(*command, f"--sources={ROOT / 'src'}").splitlines():
        if line.startswith("SF:"):
            file = line[3:].removeprefix(f"{ROOT}/")
        elif line.startswith("DA:") and file.startswith("src/"):
            number, count = line[3:].split(",")[:2]
            found[file][int(number)] = found[file].get(int(number), False) or int(count) > 0
    return found


def coverage(tests: dict[str, str], profile: Path) -> Lines:
    """Return the lines of the product, and whether anything reaches them."""
    # The program and the suite hold the product as it is shipped, without what is for unit tests.
    all_lines = lines(tests["program"], profile)
    for name in ("suite", "unit tests"):
        for file, reached in lines(tests[name], profile).items():
            if name == "suite":
                all_lines.setdefault(file, {})
            for number in reached:
                if name == "suite" or number in all_lines.get(file, {}):
                    all_lines[file][number] = all_lines[file].get(number, False) or reached[number]
    return all_lines


def percent(files: list[dict[int, bool]]) -> float:
    """Return how many per cent of the lines of some files are reached."""
    reached = [one for file in files for one in file.values()]
    return 100.0 * sum(reached) / len(reached) if reached else 100.0


def report(all_lines: Lines) -> list[str]:
    """Print the table; return what is below its bound."""
    for file in sorted(all_lines):
        own = all_lines[file]
        print(f"{percent([own]):6.1f} %  {sum(own.values()):5} of {len(own):5}  {file}")
    below = []
    for folder, least in LEAST.items():
        files = [own for file, own in all_lines.items() if file.startswith(folder)]
        share = percent(files)
        print(f"{share:6.1f} %  of {sum(map(len, files))} lines in {folder}, of which at least {least} % must be")
        if share < least:
            below.append(folder)
    return below


def name_unreached(all_lines: Lines, folder: str) -> None:
    """Print the lines of a folder that nothing reaches."""
    for file in sorted(file for file in all_lines if file.startswith(folder)):
        text = (ROOT / file).read_text().splitlines()
        unreached = sorted(number for number, reached in all_lines[file].items() if not reached)
        for number in unreached[:SHOWN]:
            print(f"  not reached: {file}:{number}: {text[number - 1].strip()}")


def main() -> int:
    """Compile, run, report."""
    folder = Path(os.environ["CARGO_TARGET_DIR"]).resolve() / "coverage"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    profiles = {**os.environ, "RUSTC_WORKSPACE_WRAPPER": str(WRAPPER), "LLVM_PROFILE_FILE": f"{folder}/%p%c.profraw"}
    tests = executables(profiles)
    passed = run_all(tests, profiles)
    profile = folder / "all.profdata"
    raw = [str(path) for path in folder.glob("*.profraw") if path.stat().st_size]
    subprocess.run([tool("llvm-profdata"), "merge", "--sparse", "--failure-mode=all", *raw, "-o", str(profile)], check=True)
    all_lines = coverage(tests, profile)
    below = report(all_lines)
    name_unreached(all_lines, "src/lifecycle/")
    if not passed:
        print("coverage: a test failed", file=sys.stderr)
    if below:
        print(f"coverage: too little in {', '.join(below)}", file=sys.stderr)
    return 0 if passed and not below else 1


if __name__ == "__main__":
    env.clean_up_when_told_to_end()
    sys.exit(main())
