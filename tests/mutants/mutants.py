"""Shows that the suite catches bugs: `make mutants`, or `BUGS='name …' make mutants`.

All seeded bugs are compiled into a copy of the sources, each behind a switch, so that one build serves for
all (mutant schemata: Untch, Offutt, Harrold, ISSTA '93). Then each is switched on alone, and its checks must
fail; with none switched on they must pass.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "env"))

import build  # noqa: E402
import env  # noqa: E402
from bugs import BUGS, Bug, Check  # noqa: E402

SWITCH = "CCAGI_SEEDED_BUG"
DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- mutants: begin -->", "<!-- mutants: end -->"
# A run in which a bug keeps something from ever becoming ready waits for it as long as the suite does.
LIMIT_SECONDS = 600
LANES = 2
# How much is shown of what a check prints that should have passed, in characters.
SHOWN = 3000
FUNCTION = f'''
/// Whether this seeded bug is the one at work.
#[doc(hidden)]
pub fn seeded_bug(name: &str) -> bool {{
    static BUG: std::sync::LazyLock<Option<String>> = std::sync::LazyLock::new(|| std::env::var("{SWITCH}").ok());
    BUG.as_deref() == Some(name)
}}
'''


class Missed(Exception):
    """A bug that could not be seeded or that no check catches, or a check that fails without a bug."""


def seed(folder: Path) -> None:
    """Put all bugs into the sources in ``folder``, each behind its switch."""
    for bug in BUGS:
        path = folder / bug.file
        text = path.read_text()
        if text.count(bug.before) != 1:
            raise Missed(f"{bug.name}: what it replaces stands {text.count(bug.before)} times in {bug.file}")
        switch = f'crate::seeded_bug("{bug.name}")'
        # A macro is expanded where it is used.
        switch = f"${switch}" if "$call" in bug.before else switch
        path.write_text(text.replace(bug.before, bug.after.replace("{bug}", switch)))
    library = folder / "src" / "lib.rs"
    library.write_text(library.read_text() + FUNCTION)
    call_another_version(folder / "Cargo.toml")
    keep_times(folder)


def call_another_version(manifest: Path) -> None:
    """Have cargo keep what is built of the copy apart: it tells packages by name and version, not by their folder."""
    text = manifest.read_text()
    seeded, changes = re.subn(r'^(version = "[^"]+)"$', r'\1+seeded"', text, count=1, flags=re.MULTILINE)
    if changes != 1:
        raise Missed(f"{manifest.name} has no version")
    manifest.write_text(seeded)


def keep_times(folder: Path) -> None:
    """Give the copies the times of what they were made from, so that cargo compiles again what has changed."""
    bugs = Path(__file__).with_name("bugs.py").stat().st_mtime
    seeded = {bug.file for bug in BUGS}
    for line in output("git", "-C", str(folder), "ls-files").splitlines():
        original = ROOT / line
        if original.exists():
            own = original.stat().st_mtime
            time = max(own, bugs) if line in seeded else own
            os.utime(folder / line, (time, time))


def output(*command: str) -> str:
    """Return what a command prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def executables(folder: Path) -> dict[str, str]:
    """Build the tests of the sources in ``folder``; return the executables of the library and the suite."""
    command = ["cargo", "test", "--all-features", "--lib", "--test", "suite", "--no-run"]
    command.append("--message-format=json-render-diagnostics")
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Missed("the seeded sources do not compile")
    found = {}
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["profile"]["test"]:
            found["suite" if message["target"]["name"] == "suite" else "lib"] = message["executable"]
    for name, path in found.items():
        if SWITCH.encode() not in Path(path).read_bytes():
            raise Missed(f"the bugs are not compiled into the executable of {name}")
    return found


class Runner:
    """Runs checks with one bug, or none, switched on."""

    def __init__(self, folder: Path, tests: dict[str, str], variables: dict[str, str]) -> None:
        """Remember what the tests need."""
        self.folder, self.tests, self.variables = folder, tests, variables
        self.unfit: list[Check] = []

    def failure(self, check: Check, bug: str) -> str | None:
        """Return the end of what the check prints if it fails; one that takes for ever fails."""
        what, name = check
        command = [self.tests["lib" if what == "lib" else "suite"], name]
        variables = {**self.variables, "RUST_BACKTRACE": "0", SWITCH: bug}
        with tempfile.TemporaryDirectory(prefix="ccagi-mutants-") as folder:
            if what == "plan":
                # Plans count their accounts from one, so that each needs an emulator of its own.
                own = [sys.executable, env.__file__, "exec", "--dir", folder, "--"]
                command = [*own, self.tests["suite"], "faults::every_call", "--ignored"]
                variables["FAULT"] = name
            try:
                done = subprocess.run(
                    command, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=LIMIT_SECONDS
                )
            except subprocess.TimeoutExpired:
                return f"no end after {LIMIT_SECONDS} s"
        if "running 0 tests" in done.stdout:
            return f"there is no test {name}"
        return None if done.returncode == 0 else (done.stdout + done.stderr)[-SHOWN:]

    def judge(self, bug: Bug) -> list[Check]:
        """Return the checks that catch the bug: they pass without it and fail with it."""
        caught = []
        for check in bug.checks:
            if failure := self.failure(check, ""):
                self.unfit.append(check)
                build.say(f"{in_words(check)} fails without {bug.name} too:\n{failure}")
            elif self.failure(check, bug.name):
                caught.append(check)
        build.say(f"{bug.name}: {', '.join(map(in_words, caught)) or 'NOT CAUGHT'}")
        return caught


def in_words(check: Check) -> str:
    """Return what the table calls a check."""
    what, name = check
    return {"lib": f"unit tests `{name}`", "suite": f"test `{name}`", "plan": f"plan `{name}`"}[what]


def table(caught: dict[str, list[Check]]) -> str:
    """Return the table of the bugs and what caught them."""
    lines = ["| bug | what it does | caught by |", "|---|---|---|"]
    for bug in BUGS:
        if bug.name in caught:
            by = "; ".join(map(in_words, caught[bug.name])) or "**nothing**"
            lines.append(f"| `{bug.name}` | {bug.words} | {by} |")
    return "\n".join(lines)


def write(text: str) -> None:
    """Put the table into the document."""
    document = DOCUMENT.read_text()
    head, rest = document.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    DOCUMENT.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")


def main() -> None:
    """Seed, build, run, report."""
    wanted = os.environ.get("BUGS", "").split()
    bugs = [bug for bug in BUGS if not wanted or bug.name in wanted]
    sources = Path(os.environ["CARGO_TARGET_DIR"]) / "seeded-bugs"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "remove", "--force", str(sources)], capture_output=True)
    subprocess.run([*git, "add", "--quiet", "--detach", "--force", str(sources)], check=True)
    try:
        seed(sources)
        tests = executables(sources)
        with tempfile.TemporaryDirectory(prefix="ccagi-mutants-") as name:
            folder = Path(name).resolve()
            state = env.up(folder)
            try:
                runner = Runner(sources, tests, env.suite_variables(folder, state))
                with ThreadPoolExecutor(LANES) as lanes:
                    caught = dict(zip([bug.name for bug in bugs], lanes.map(runner.judge, bugs), strict=True))
            finally:
                env.down(folder)
    finally:
        subprocess.run([*git, "remove", "--force", str(sources)], capture_output=True)
    text = table(caught)
    print(text)
    if not wanted:
        write(text)
    if missed := [name for name, checks in caught.items() if not checks]:
        raise Missed(f"not caught: {', '.join(missed)}")
    if runner.unfit:
        raise Missed(f"fail without any bug: {', '.join(map(in_words, runner.unfit))}")
    print(f"{len(caught)} bugs, one at a time: all are caught")


if __name__ == "__main__":
    env.clean_up_when_told_to_end()
    try:
        main()
    except (Missed, env.EnvError, KeyboardInterrupt) as error:
        sys.exit(f"mutants: {error or 'interrupted'}")
