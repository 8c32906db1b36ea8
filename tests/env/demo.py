"""Shows the product at work, from nothing to nothing: `make demo`.

KEEP=1 leaves the environment and the controller running and says how to reach them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import build
import controller
import env
import processes
from processes import EnvError

FOLDER = controller.ROOT / ".env"
ACCOUNT = "111122223333"
BUCKET = f"shop-assets-{ACCOUNT}"
# Short periods, so that a reader does not wait for what takes minutes by default.
ARGUMENTS = ["--drift-period", "10s", "--poll-period", "500ms", "--visibility-lag", "2s"]
PATIENCE_SECONDS = 120
WRONG = """
apiVersion: aws.ccagi.io/v1alpha1
kind: AwsResource
metadata: {name: wrong, namespace: shop}
spec:
  accountRef: {name: shop-production}
  s3Bucket: {bucketName: Shop_Assets}
"""
BEGUN = time.monotonic()


def step(text: str) -> None:
    """Print a line for a step that came true, with the time since the demo began."""
    print(f"[{time.monotonic() - BEGUN:6.1f} s] {text}", flush=True)


def indented(text: str) -> None:
    """Print the output of another program."""
    print("\n".join(f"             {line}" for line in text.strip().splitlines()), flush=True)


def build_all() -> None:
    """Build the control plane, the emulator and the program, side by side on the cores there are."""
    cores = os.cpu_count() or 1
    os.environ.setdefault("GO_JOBS", str(max(1, cores // 2)))
    failures: list[BaseException] = []

    def environment() -> None:
        try:
            build.controlplane()
            build.emulator()
        except BaseException as error:
            failures.append(error)

    beside = threading.Thread(target=environment)
    beside.start()
    if "CCAGI_BINARY" not in os.environ:
        build.run_long("building the program (minutes when cold)", ["cargo", "build", "--quiet"], controller.ROOT)
    beside.join()
    if failures:
        raise failures[0]


class Demo:
    """The tour, one method a stop."""

    def __init__(self) -> None:
        self.state = env.up(FOLDER, emulator_only=False)
        self.instance_id = ""
        step("a Kubernetes API server and an AWS emulator run on this machine")

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl and return what it prints."""
        return env.kubectl(self.state, *arguments)

    def get(self, name: str) -> dict[str, Any]:
        """Return an AwsResource."""
        return json.loads(self.kubectl("get", "awsresource", name, "-n", "shop", "-o", "json"))

    def aws(self, service: str, *arguments: str) -> Any:
        """Ask AWS with a client of its own: boto3, in the account of the demo."""
        python = build.emulator() / "bin" / "python"
        observer = controller.ROOT / "tests" / "e2e" / "observer.py"
        operation, parameters = arguments[0], json.loads(arguments[1]) if len(arguments) > 1 else {}
        question = {"account": ACCOUNT, "region": "us-east-1", "service": service}
        question |= {"operation": operation, "parameters": parameters}
        variables = {**os.environ, **env.exports(self.state)}
        command = [str(python), str(observer)]
        done = subprocess.run(command, input=json.dumps(question), env=variables, capture_output=True, text=True)
        if not done.stdout:
            raise EnvError(f"{operation} failed: {done.stderr}")
        return json.loads(done.stdout)

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait for something, telling now and then that it is still waited for."""
        begun = time.monotonic()
        while not processes.wait_until(holds, 20):
            waited = time.monotonic() - begun
            if waited > PATIENCE_SECONDS:
                raise EnvError(f"Waited in vain for {what}.\n{self.seen()}")
            step(f"… still waiting for {what}")

    def seen(self) -> str:
        """Return what can be seen of a demo that failed."""
        objects = self.kubectl("get", "awsresources,awsaccounts", "-A", "-o", "yaml")
        return f"{objects}\nThe controller's last words:\n{processes.tail(FOLDER / 'controller.log')}"

    def start(self) -> None:
        """Install the definitions and start the controller."""
        self.kubectl("apply", "--server-side", "-f", str(controller.ROOT / "crds"))
        self.kubectl("wait", "--for=condition=Established", "-f", str(controller.ROOT / "crds"))
        controller.start(FOLDER, self.state, ARGUMENTS)
        step("the controller is ready")

    def create(self) -> None:
        """Apply the examples and wait until all is there."""
        examples = controller.ROOT / "examples"
        # The namespace comes first; everything else may come in any order.
        self.kubectl("apply", "-f", str(examples / "account.yaml"))
        self.kubectl("apply", "-f", str(examples))
        step("kubectl apply -f examples/")
        self.kubectl("wait", "--for=condition=Ready", "awsaccount/shop-production", "--timeout=60s")
        account = json.loads(self.kubectl("get", "awsaccount", "shop-production", "-o", "json"))
        step(f"the account is verified: AWS says that we are {account['status']['identityArn']}")
        names = ("assets", "web", "orders")
        self.until("the three resources", lambda: all(controller.is_ready(self.get(name)) for name in names))
        step("all three resources are ready:")
        indented(self.kubectl("get", "awsresources", "-n", "shop"))

    def drift(self) -> None:
        """Change a bucket behind the controller's back and see it repaired."""
        suspended = {"Bucket": BUCKET, "VersioningConfiguration": {"Status": "Suspended"}}
        self.aws("s3", "put_bucket_versioning", json.dumps(suspended))
        step("somebody suspends the bucket's versioning in AWS, behind the controller's back")
        ask = json.dumps({"Bucket": BUCKET})
        enabled = {"answer": {"Status": "Enabled"}}
        self.until("the repair", lambda: self.aws("s3", "get_bucket_versioning", ask) == enabled)
        self.until("the Event", lambda: "DriftCorrected" in self.events("assets"))
        step("the controller has found and repaired it:")
        indented("\n".join(line for line in self.events("assets").splitlines() if "DriftCorrected" in line))

    def events(self, name: str) -> str:
        """Return the Events about an object, one a line."""
        columns = "TYPE:.type,REASON:.reason,MESSAGE:.message"
        about = f"involvedObject.name={name}"
        return self.kubectl("get", "events", "-n", "shop", "--field-selector", about, "-o", f"custom-columns={columns}")

    def restart(self) -> None:
        """Change the instance's type, which takes a stop and a start."""
        before = self.get("web")["status"]["id"]
        patch = '{"spec": {"ec2Instance": {"instanceType": "t3.small"}}}'
        self.kubectl("patch", "awsresource", "web", "-n", "shop", "--type=merge", "-p", patch)
        step("instanceType: t3.micro → t3.small")
        states: list[str] = []

        def runs_again() -> bool:
            state = self.instance(before)["State"]["Name"]
            if state != (states[-1] if states else ""):
                states.append(state)
                step(f"  the instance is {state}")
            web = self.get("web")
            return controller.is_ready(web) and "restartingSince" not in web["status"] and len(states) > 1

        self.until("the instance to run again", runs_again)
        found = self.instance(before)
        if (found["InstanceType"], self.get("web")["status"]["id"]) != ("t3.small", before):
            raise EnvError(f"The instance is not what was asked for: {found}")
        step(f"the same instance, {before}, runs as {found['InstanceType']}")

    def instance(self, identity: str) -> dict[str, Any]:
        """Return what AWS says of an instance."""
        found = self.aws("ec2", "describe_instances", json.dumps({"InstanceIds": [identity]}))
        return found["answer"]["Reservations"][0]["Instances"][0]

    def refuse(self) -> None:
        """Apply something wrong and see it refused."""
        variables = {**os.environ, **env.exports(self.state)}
        command = ["kubectl", "apply", "-f", "-"]
        done = subprocess.run(command, input=WRONG, env=variables, capture_output=True, text=True)
        if done.returncode == 0 or "bucketName must be" not in done.stderr:
            raise EnvError(f"A wrong manifest was not refused as it should be: {done.stdout}{done.stderr}")
        step("a wrong manifest is refused at once:")
        indented(done.stderr)

    def delete(self) -> None:
        """Delete everything and see AWS empty."""
        self.kubectl("delete", "awsresources", "--all", "-n", "shop", "--wait=false")
        self.until("the objects to go", lambda: not self.kubectl("get", "awsresources", "-n", "shop", "-o", "name"))
        step("kubectl delete awsresources --all: the objects are gone")
        instances = self.aws("ec2", "describe_instances")["answer"]["Reservations"]
        left = {
            "buckets": [bucket["Name"] for bucket in self.aws("s3", "list_buckets")["answer"]["Buckets"]],
            "tables": self.aws("dynamodb", "list_tables")["answer"]["TableNames"],
            "instances": [
                instance["InstanceId"]
                for reservation in instances
                for instance in reservation["Instances"]
                if instance["State"]["Name"] != "terminated"
            ],
        }
        if any(left.values()):
            raise EnvError(f"AWS still has {left}")
        step("AWS is empty: no bucket, no table, no instance that is not terminated")


def tour(keep: bool) -> None:
    """Run the demo from the first step to the last."""
    build_all()
    step("everything is built")
    demo = Demo()
    demo.start()
    demo.create()
    demo.drift()
    demo.restart()
    demo.refuse()
    if keep:
        step("everything is left running. To reach it:")
        env.print_exports(demo.state)
        print(f"To stop it: make down   (the controller's log is {FOLDER / 'controller.log'})")
        return
    demo.delete()


def main() -> None:
    """Run the demo, and leave nothing behind unless that was asked for."""
    keep = os.environ.get("KEEP", "") not in ("", "0")
    for program in ("kubectl", "cargo"):
        if shutil.which(program) is None and "CCAGI_BINARY" not in os.environ:
            raise EnvError(f"The program {program} is missing.")
    running = env.load(FOLDER)
    if running and env.alive(FOLDER, running):
        raise EnvError("An environment runs already, from `make up` or a kept demo: stop it with `make down`.")
    finished = False
    try:
        tour(keep)
        finished = True
    finally:
        if not (keep and finished):
            env.down(FOLDER)


if __name__ == "__main__":
    try:
        main()
    except (EnvError, KeyboardInterrupt) as error:
        sys.exit(f"demo: {error or 'interrupted'}")
