"""Status checks of an instance can fail; moto's never do.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceStatusSummary.html

A test says through the admin interface what the checks of an instance show from now on.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance

STATUSES = ("ok", "impaired", "insufficient-data", "not-applicable", "initializing")
CHECKS = ("system", "instance")


def install() -> None:
    """Let an instance show what a test has set."""
    for check in CHECKS:
        _wrap(check)


def put(description: dict[str, Any]) -> dict[str, str]:
    """Set the checks of an instance; those that are left out are ok. Return what they show."""
    unknown = sorted(set(description) - {"account", "region", "id", *CHECKS})
    shown = {check: description.get(check, "ok") for check in CHECKS}
    if unknown or any(status not in STATUSES for status in shown.values()):
        raise ValueError(f"Checks have account, region, id, {', '.join(CHECKS)}: {', '.join(STATUSES)}.")
    backend = ec2_backends[description["account"]][description.get("region", "us-east-1")]
    backend.get_instance(description["id"]).shown_checks = shown
    return shown


def _wrap(check: str) -> None:
    original = getattr(Instance, f"{check}_status").fget

    def status(self: Instance) -> dict[str, Any]:
        found: dict[str, Any] = original(self)
        shown = getattr(self, "shown_checks", {}).get(check, "ok")
        if found["Status"] != "ok" or shown == "ok":
            return found
        passed = {"impaired": "failed"}.get(shown, shown)
        return {"Status": shown, "Details": [{"Name": "reachability", "Status": passed}]}

    setattr(Instance, f"{check}_status", property(status))
