"""Makes chosen requests fail exactly as a test asks.

A fault says which requests it meets (account, service, operation, a text they must
contain), how many of them, and what happens to them:

- ``throttle``, ``denied``: the service's own error, without effect;
- ``error``: the given code, status and message, without effect;
- ``bare``: the given status, body and headers as something between the client and AWS would answer,
  without a code and without effect;
- ``error-before``: an internal error, without effect;
- ``error-after``: the request takes effect, and the client sees an internal error;
- ``hold-after``: the request takes effect, and the client sees nothing until the
  fault is released. A client that is killed meanwhile never learns of the effect.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import Any

import wire
from calls import Call
from messages import Answer

KINDS = ("throttle", "denied", "error", "bare", "error-before", "error-after", "hold-after")
FIELDS = (
    "account",
    "service",
    "operation",
    "kind",
    "times",
    "code",
    "status",
    "message",
    "match",
    "body",
    "headers",
)


class FaultError(Exception):
    """A fault was described in a way that cannot be carried out."""


@dataclass
class Fault:
    """One planned failure; empty filters meet everything."""

    id: str
    kind: str
    account: str = ""
    service: str = ""
    operation: str = ""
    match: str = ""
    times: int = 1
    code: str = ""
    status: int = 0
    message: str = ""
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    fired: int = 0
    held: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def meets(self, call: Call) -> bool:
        """Say whether the fault is to happen to this call."""
        if self.times >= 0 and self.fired >= self.times:
            return False
        wanted = (
            (self.account, call.account),
            (self.service, call.service),
            (self.operation, call.operation),
        )
        if any(want and want != value for want, value in wanted):
            return False
        return not self.match or self._matches(call)

    def _matches(self, call: Call) -> bool:
        texts = (call.resource, call.path, call.http.target, call.http.body.decode("utf-8", "replace"))
        return any(self.match in text for text in texts)

    def error(self, call: Call) -> Answer:
        """Return the error that the client sees."""
        if self.kind == "bare":
            return Answer(self.status, {"content-type": "text/html", **self.headers}, self.body.encode())
        tables = {"throttle": wire.THROTTLED, "denied": wire.DENIED}
        code, status, message = wire.words(tables.get(self.kind, wire.BROKEN), call)
        answer = wire.error(call, self.code or code, self.status or status, self.message or message)
        answer.headers.update(self.headers)
        return answer

    def shown(self) -> dict[str, Any]:
        """Return the fault as the admin interface shows it."""
        hidden = ("released",)
        return {name: value for name, value in vars(self).items() if name not in hidden}


class Faults:
    """All planned failures, the oldest first."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []
        self.ids = itertools.count(1)

    def add(self, description: dict[str, Any]) -> Fault:
        """Plan a failure from its JSON description."""
        unknown = sorted(set(description) - set(FIELDS))
        if unknown:
            raise FaultError(f"A fault has no {', '.join(unknown)}; it has {', '.join(FIELDS)}.")
        if description.get("kind") not in KINDS:
            raise FaultError(f"The kind of a fault is one of {', '.join(KINDS)}.")
        if description["kind"] == "error" and not (description.get("code") and description.get("status")):
            raise FaultError("A fault of the kind error needs code and status.")
        if description["kind"] == "bare" and not description.get("status"):
            raise FaultError("A fault of the kind bare needs status.")
        fault = Fault(id=str(next(self.ids)), **description)
        self.planned.append(fault)
        return fault

    def take(self, call: Call) -> Fault | None:
        """Return the fault that happens to this call, and count it."""
        for fault in self.planned:
            if fault.meets(call):
                fault.fired += 1
                return fault
        return None

    def release(self, fault_id: str | None) -> int:
        """Let held answers go, of one fault or of all; return how many there were."""
        released = 0
        for fault in self.planned:
            if fault_id in (None, fault.id):
                released += fault.held
                fault.released.set()
                # Only those held until now go: the next one that is caught waits again.
                fault.released = asyncio.Event()
        return released

    def clear(self, account: str | None) -> None:
        """Forget the faults of one account, or all, and let go what they hold."""
        for fault in self.planned:
            if account in (None, fault.account):
                fault.released.set()
        self.planned = [fault for fault in self.planned if account not in (None, fault.account)]


async def hold(fault: Fault, answer: Answer) -> Answer:
    """Keep an answer back until its fault is released; cancelled if the client leaves."""
    fault.held += 1
    try:
        await fault.released.wait()
        return answer
    finally:
        fault.held -= 1
