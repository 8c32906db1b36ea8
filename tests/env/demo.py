"""Shows the product at work, from nothing to nothing: `make demo`.

KEEP=1 leaves the environment and the controller running and says how to reach them.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import build
import controller
import env
import processes
from cluster import Cluster
from processes import EnvError

FOLDER = controller.ROOT / ".env"
ACCOUNT = "111122223333"
BUCKET = f"webshop-assets-{ACCOUNT}"
SHOP = controller.ROOT / "examples" / "shop.yaml"
PATH = "/apis/aws.ccagi.io/v1alpha1/namespaces/webshop/awsresources"
# Short periods, so that a reader does not wait for what takes minutes by default.
ARGUMENTS = ["--drift-period", "10s", "--poll-period", "500ms", "--visibility-lag", "2s"]
PATIENCE_SECONDS = 120
WRONG = """
apiVersion: aws.ccagi.io/v1alpha1
kind: AwsResource
metadata: {name: wrong, namespace: webshop}
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
    cargo = ["cargo", "build", "--quiet", "--all-features"]
    # Go takes half of the cores and leaves them to cargo when it is done; the system shares out the
    # rest. A fixed share for each would leave cores idle as soon as one has finished.
    os.environ.setdefault("GO_JOBS", str(max(1, (os.cpu_count() or 1) // 2)))
    failures: list[BaseException] = []

    def environment() -> None:
        try:
            for builder in build.BUILDERS.values():
                builder()
        except BaseException as error:
            failures.append(error)

    beside = threading.Thread(target=environment)
    beside.start()
    if "CCAGI_BINARY" not in os.environ:
        build.run_long("building the program (minutes when cold)", cargo, controller.ROOT)
    beside.join()
    if failures:
        raise failures[0]
    # A program that is not there is better told of before anything starts.
    controller.binary()


class Aws:
    """Another client of AWS than the controller's: boto3 in a process of its own."""

    def __init__(self, state: dict[str, Any]) -> None:
        command = [str(build.emulator() / "bin" / "python")]
        command.append(str(controller.ROOT / "tests" / "e2e" / "observer.py"))
        pipe, variables = subprocess.PIPE, env.variables(state)
        # It ends when its input does, which is when the demo ends; Ctrl-C is not meant for it.
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, bufsize=1, env=variables, start_new_session=True
        )

    def ask(self, service: str, operation: str, **parameters: Any) -> Any:
        """Return the answer to one call in the account of the demo."""
        question: dict[str, Any] = {"account": ACCOUNT, "region": "us-east-1", "service": service}
        question |= {"operation": operation, "parameters": parameters}
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(question) + "\n")
        answer = json.loads(self.process.stdout.readline() or "{}")
        if "answer" not in answer:
            raise EnvError(f"{service} {operation} failed: {answer.get('error', 'no answer')}")
        return answer["answer"]


class Demo:
    """The tour, one method a stop."""

    def __init__(self) -> None:
        self.state = env.up(FOLDER)
        self.aws = Aws(self.state)
        step("a Kubernetes API server and an AWS emulator run on this machine")

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl and return what it prints."""
        return env.kubectl(self.state, *arguments)

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait for something, telling now and then that it is still waited for."""
        begun = time.monotonic()
        while not processes.wait_until(holds, 20):
            waited = time.monotonic() - begun
            if waited > PATIENCE_SECONDS:
                raise EnvError(f"Waited {waited:.0f} s in vain for {what}.")
            step(f"… still waiting for {what}")

    def seen(self) -> str:
        """Return what can be seen of a demo that failed."""
        try:
            objects = self.kubectl("get", "awsresources,awsaccounts", "-A", "-o", "yaml")
        except EnvError as error:
            objects = str(error)
        return f"{objects}\nThe controller's last words:\n{processes.tail(FOLDER / 'controller.log')}"

    def start(self) -> None:
        """Install the definitions and start the controller."""
        controller.define(self.state)
        controller.start(FOLDER, self.state, ARGUMENTS)
        step("the controller is ready")

    def create(self) -> None:
        """Apply the shop at once, in the order of its file, and wait until all of it is there."""
        self.kubectl("apply", "-f", str(controller.ROOT / "examples" / "account.yaml"))
        self.kubectl("wait", "--for=condition=Ready", "awsaccount/shop-production", "--timeout=60s")
        account = json.loads(self.kubectl("get", "awsaccount", "shop-production", "-o", "json"))
        step(f"the account is verified: AWS says that we are {account['status']['identityArn']}")
        applied = self.kubectl("apply", "-f", str(SHOP))
        count = sum(line.startswith("awsresource") for line in applied.splitlines())
        self.watcher = controller.Watcher(Cluster(self.state["kubeconfig"]).follow(PATH))
        step(f"kubectl apply -f examples/shop.yaml: {count} objects that need each other, in no order")
        self.until("an object to wait", lambda: bool(self.waiting()))
        indented(self.waiting())
        self.until("the resources", lambda: len(self.watcher.ready) == count)
        step("all of them are ready:")
        indented(self.kubectl("get", "awsresources", "-n", "webshop"))
        address = self.watcher.objects["web"]["status"]["outputs"]["publicIp"]
        step(f"the web server has the public address {address} (status.outputs.publicIp)")

    def waiting(self) -> str:
        """Return what one of the objects says that waits for others."""
        for name, found in self.watcher.objects.copy().items():
            for condition in found.get("status", {}).get("conditions", []):
                if condition["type"] == "Reconciling" and condition["reason"] == "DependencyNotReady":
                    return f"{name}: {condition['reason']}: {condition['message']}"
        return ""

    def drift(self) -> None:
        """Change a bucket behind the controller's back and see it repaired."""
        suspended = {"Status": "Suspended"}
        self.aws.ask("s3", "put_bucket_versioning", Bucket=BUCKET, VersioningConfiguration=suspended)
        step("somebody suspends the bucket's versioning in AWS, behind the controller's back")
        enabled = {"Status": "Enabled"}
        self.until("the repair", lambda: self.aws.ask("s3", "get_bucket_versioning", Bucket=BUCKET) == enabled)
        self.until("the Event", lambda: "DriftCorrected" in self.events("assets"))
        step("the controller has found and repaired it:")
        indented("\n".join(line for line in self.events("assets").splitlines() if "DriftCorrected" in line))

    def events(self, name: str) -> str:
        """Return the Events about an object, one a line."""
        columns = "TYPE:.type,REASON:.reason,MESSAGE:.message"
        about = f"involvedObject.name={name}"
        return self.kubectl("get", "events", "-n", "webshop", "--field-selector", about, "-o", f"custom-columns={columns}")

    def restart(self) -> None:
        """Change the instance's type, which takes a stop and a start."""
        before = self.watcher.objects["web"]["status"]["id"]
        last = self.journal(10**9)["last"]
        patch = '{"spec": {"ec2Instance": {"instanceType": "t3.small"}}}'
        self.kubectl("patch", "awsresource", "web", "-n", "webshop", "--type=merge", "-p", patch)
        step("instanceType: t3.micro → t3.small")
        seen: list[str] = []

        # Only the object is looked at: in the emulator every look at an instance moves it on.
        def runs_again() -> bool:
            web = self.watcher.objects["web"]
            state = f"  STATE {web['status']['state']}: {web['status']['conditions'][0]['message']}"
            if web["metadata"]["generation"] == web["status"]["observedGeneration"] and state not in seen[-1:]:
                seen.append(state)
                step(state)
            return "web" in self.watcher.ready

        self.until("the instance to run again", runs_again)
        calls = [entry["operation"] for entry in self.journal(last)["entries"] if entry["service"] == "ec2"]
        step(f"AWS was asked to {', '.join(name for name in calls if not name.startswith('Describe'))}")
        found = self.aws.ask("ec2", "describe_instances", InstanceIds=[before])["Reservations"][0]["Instances"][0]
        if (found["InstanceType"], found["State"]["Name"]) != ("t3.small", "running"):
            raise EnvError(f"The instance is not what was asked for: {found}")
        step(f"the same instance, {before}, is {found['State']['Name']} as {found['InstanceType']}")

    def journal(self, since: int) -> Any:
        """Return what the emulator was asked after a request."""
        url = f"{self.state['aws_endpoint']}/_emulator/journal?account={ACCOUNT}&since={since}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def refuse(self) -> None:
        """Apply something wrong and see it refused."""
        variables, command = env.variables(self.state), ["kubectl", "apply", "-f", "-"]
        done = subprocess.run(command, input=WRONG, env=variables, capture_output=True, text=True)
        if done.returncode == 0 or "bucketName must be" not in done.stderr:
            raise EnvError(f"A wrong manifest was not refused as it should be: {done.stdout}{done.stderr}")
        step("a wrong manifest is refused at once:")
        indented(done.stderr)

    def delete(self) -> None:
        """Delete everything at once and see AWS empty."""
        last = self.journal(10**9)["last"]
        self.kubectl("delete", "-f", str(SHOP), "--wait=false")
        self.until("the objects to go", lambda: not self.watcher.objects)
        step("kubectl delete -f examples/shop.yaml: the objects are gone, in the order of need:")
        calls = [entry for entry in self.journal(last)["entries"] if entry["status"] < 300]
        ended = [e["operation"] for e in calls if e["operation"].startswith(("Delete", "Terminate"))]
        # A call for each part of the network is of no interest here.
        indented(", ".join(dict.fromkeys(ended)))
        self.kubectl("delete", "awsaccount", "shop-production")
        if left := self.left():
            raise EnvError(f"AWS still has {left}")
        step("AWS is empty but for the last snapshot of the database")

    def left(self) -> list[str]:
        """Return what AWS still has, by the names that AWS gives."""
        named = {
            ("s3", "list_buckets", "Buckets"): "Name",
            ("iam", "list_roles", "Roles"): "RoleName",
            ("lambda", "list_functions", "Functions"): "FunctionName",
            ("rds", "describe_db_instances", "DBInstances"): "DBInstanceIdentifier",
            ("rds", "describe_db_subnet_groups", "DBSubnetGroups"): "DBSubnetGroupName",
        }
        found = [
            one[name]
            for (service, operation, member), name in named.items()
            for one in self.aws.ask(service, operation)[member]
        ]
        found += self.aws.ask("dynamodb", "list_tables")["TableNames"]
        ours = [{"Name": "tag-key", "Values": ["ccagi:uid"]}]
        for what, member in {"vpcs": "Vpcs", "subnets": "Subnets", "security_groups": "SecurityGroups"}.items():
            found += [str(one) for one in self.aws.ask("ec2", f"describe_{what}", Filters=ours)[member]]
        for reservation in self.aws.ask("ec2", "describe_instances")["Reservations"]:
            instances = reservation["Instances"]
            found += [one["InstanceId"] for one in instances if one["State"]["Name"] != "terminated"]
        return found


def tour(keep: bool) -> None:
    """Run the demo from the first step to the last."""
    build_all()
    step("everything is built")
    demo = Demo()
    stops = [demo.start, demo.create, demo.drift, demo.restart, demo.refuse]
    try:
        for stop in stops if keep else [*stops, demo.delete]:
            stop()
    except EnvError as error:
        raise EnvError(f"{error}\n{demo.seen()}") from error


def say_how_to_reach(state: dict[str, Any]) -> None:
    """Print how to use what is left running, and how to stop it."""
    step("everything is left running. To reach it, and to have ccagi-aws-agent, kubectl and aws work with it:")
    env.print_exports(state)
    print(f'export PATH={shlex.quote(str(controller.binary().parent))}:"$PATH"')
    print(f"To stop it: make down   (the controller's log is {FOLDER / 'controller.log'})", flush=True)


def main() -> None:
    """Run the demo, and leave nothing behind unless that was asked for."""
    keep = os.environ.get("KEEP", "") not in ("", "0")
    for program in ("kubectl", "cargo"):
        if shutil.which(program) is None and "CCAGI_BINARY" not in os.environ:
            raise EnvError(f"The program {program} is missing.")
    running = env.load(FOLDER)
    if running and any(processes.is_ours(pid, FOLDER) for pid in running["pids"].values()):
        raise EnvError("An environment runs already, from `make up` or a kept demo: stop it with `make down`.")
    env.clean_up_when_told_to_end()
    try:
        tour(keep)
    finally:
        # A demo that fails is kept too: there is something to look at.
        state = env.load(FOLDER)
        if keep and state:
            say_how_to_reach(state)
        else:
            env.down(FOLDER)


if __name__ == "__main__":
    try:
        main()
    except (EnvError, KeyboardInterrupt) as error:
        sys.exit(f"demo: {str(error) or 'interrupted'}")
