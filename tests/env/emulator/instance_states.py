"""EC2 changes an instance's state in steps; moto jumps to the last one.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html
(IncorrectInstanceState for an instance that is still pending)

Steps count reads, not time, so that tests are exact: after every change the first read
shows the passing state (pending, stopping, shutting-down), the next one the last state.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance, InstanceState, StateReason
from moto.ec2.responses.instances import InstanceResponse

PASSING = {
    "running": InstanceState("pending", 0),
    "stopped": InstanceState("stopping", 64),
    "terminated": InstanceState("shutting-down", 32),
}


def install() -> None:
    """Let every change of state pass through its passing state."""
    _wrap_creation()
    for method, needed in (("start", "stopped"), ("stop", "running"), ("terminate", "")):
        _wrap_change(method, needed)
    for name in ("describe_instances", "describe_instance_status"):
        _wrap_read(name)


def stop_by_aws(account: str, region: str, instance_id: str) -> None:
    """Stop an instance as AWS does when its hardware is retired.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
    """
    instance = ec2_backends[account][region].get_instance(instance_id)
    instance.stop()
    instance._reason = ""
    instance.state_reason = StateReason(
        "Server.ScheduledStop: Stopped due to a scheduled retirement", "Server.ScheduledStop"
    )


def _pass_through(instance: Instance) -> None:
    """Show the passing state of the state that moto has just set."""
    passing = PASSING[instance._state.name]
    instance.coming = InstanceState(instance._state.name, instance._state.code)
    instance.was_read = False
    instance._state = InstanceState(passing.name, passing.code)


def _read(instance: Instance) -> None:
    """Count a read: the first one sees the passing state, the second one what follows."""
    coming = getattr(instance, "coming", None)
    if coming is None:
        return
    if instance.was_read:
        instance._state, instance.coming = coming, None
    else:
        instance.was_read = True


def _wrap_creation() -> None:
    original = Instance.__init__

    def __init__(self: Instance, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        _pass_through(self)

    Instance.__init__ = __init__


def _wrap_change(method: str, needed: str) -> None:
    original = getattr(Instance, method)

    def change(self: Instance, *args: Any, **kwargs: Any) -> InstanceState:
        before = self._state.name
        target = {"start": "running", "stop": "stopped", "terminate": "terminated"}[method]
        if before in (target, PASSING[target].name) or before == "terminated":
            if before in ("terminated", "shutting-down") and method != "terminate":
                _refuse(self, method)
            # AWS accepts the repeated wish and changes nothing.
            return InstanceState(self._state.name, self._state.code)
        if needed and before != needed:
            _refuse(self, method)
        previous = original(self, *args, **kwargs)
        _pass_through(self)
        return previous

    setattr(Instance, method, change)


def _refuse(instance: Instance, method: str) -> None:
    raise EC2ClientError(
        "IncorrectInstanceState",
        f"The instance '{instance.id}' is not in a state from which it can be {method}"
        f"{'ped' if method == 'stop' else 'ed'}.",
    )


def _wrap_read(name: str) -> None:
    original = getattr(InstanceResponse, name)

    def read(self: InstanceResponse) -> ActionResult:
        result = original(self)
        answer: dict[str, Any] = result.result
        for instance in answer.get("InstanceStatuses", []):
            _read(instance)
        for reservation in answer.get("Reservations", []):
            for instance in reservation.instances:
                _read(instance)
        return result

    setattr(InstanceResponse, name, read)
