"""Remembers every AWS request, so that tests can count and order them."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

from calls import Call

# A demo may run for days; tests look at minutes.
KEPT_PER_ACCOUNT = 200_000


class Journal:
    """The requests of all accounts, in the order in which they were answered."""

    def __init__(self) -> None:
        self.sequence = 0
        self.started = time.monotonic()
        self.by_account: dict[str, deque[dict[str, Any]]] = {}
        # Roles and the actions that they used in accounts that are forgotten.
        self.used: set[tuple[str, str]] = set()

    def next_sequence(self) -> int:
        """Return the number of a request that begins now."""
        self.sequence += 1
        return self.sequence

    def record(self, sequence: int, call: Call, status: int, code: str, fault: str | None) -> None:
        """Remember an answered request."""
        entry = {
            "seq": sequence,
            "ms": round((time.monotonic() - self.started) * 1000, 3),
            "time": time.time(),
            "account": call.account,
            "region": call.region,
            "service": call.service,
            "operation": call.operation,
            "resource": call.resource,
            "status": status,
            "code": code,
            "requestId": call.request_id,
            "fault": fault,
            "role": call.role,
            "actions": call.actions,
            "denied": call.denied,
        }
        entries = self.by_account.get(call.account)
        if entries is None:
            entries = self.by_account[call.account] = deque(maxlen=KEPT_PER_ACCOUNT)
        entries.append(entry)

    def entries(self, account: str | None, since: int = 0) -> list[dict[str, Any]]:
        """Return the requests after ``since`` of one account, or of all."""
        if account is not None:
            found = [entry for entry in self.by_account.get(account, ()) if entry["seq"] > since]
        else:
            everyone = (entry for entries in self.by_account.values() for entry in entries)
            found = sorted((e for e in everyone if e["seq"] > since), key=lambda e: e["seq"])
        return found

    def summary(self, account: str | None, since: int = 0) -> dict[str, int]:
        """Count the requests by ``service:operation``."""
        counted = Counter(f"{e['service']}:{e['operation']}" for e in self.entries(account, since))
        return dict(sorted(counted.items()))

    def actions(self, account: str | None, role: str | None, since: int = 0) -> list[str]:
        """Return the IAM actions that requests used; those of refused requests were not used.

        A request that a fault struck counts: whoever sent it needs the actions all the same.
        """
        used = _used(self.entries(account, since)) | (set() if account or since else self.used)
        return sorted({action for by, action in used if role in (None, by)})

    def forget(self, account: str) -> None:
        """Forget the requests of an account, but not which actions they used."""
        self.used |= _used(self.by_account.pop(account, ()))

    def clear(self, account: str | None) -> None:
        """Forget the requests of one account, or of all. Numbers go on."""
        if account is None:
            self.by_account.clear()
        else:
            self.by_account.pop(account, None)


def _used(entries: Iterable[dict[str, Any]]) -> set[tuple[str, str]]:
    """Return the roles and the actions that they used; those of refused requests were not used."""
    return {(entry["role"], action) for entry in entries if not entry["denied"] for action in entry["actions"]}
