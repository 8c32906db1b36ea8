"""The emulator's own interface under ``/_emulator/``: JSON in, JSON out.

- ``GET health``
- ``POST faults`` plans a failure, ``GET faults`` lists them with how often each fired,
  ``DELETE faults?account=`` forgets them; ``POST release {"id"}`` lets held answers go.
- ``GET journal?account=&since=`` lists requests, ``GET journal/summary?account=&since=``
  counts them, ``DELETE journal?account=`` forgets them.
- ``PUT permissions {"account", "role", "policy"}`` holds a role's sessions to an IAM policy,
  ``DELETE permissions?account=`` lets them do everything again.
- ``POST stop {"account", "region", "instance"}`` stops an instance as AWS does for a retirement.
- ``PUT checks {"account", "id", "system", "instance"}`` has the status checks of an instance show this.
- ``DELETE account?account=`` forgets an account with all that it holds.
- ``GET actions?account=&role=&since=`` lists the IAM actions that requests used.
Without ``account`` all accounts are meant, but for ``PUT`` and ``DELETE account``.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import backend
import instance_checks
import instance_states
from faults import FaultError, Faults
from journal import Journal
from messages import Answer, HttpRequest
from permissions import Permissions

PREFIX = "/_emulator/"


class Admin:
    """Answers the requests of tests about the emulator itself."""

    def __init__(self, faults: Faults, journal: Journal, permissions: Permissions) -> None:
        self.faults = faults
        self.journal = journal
        self.permissions = permissions

    def answer(self, request: HttpRequest) -> Answer:
        """Answer one request whose path starts with the prefix."""
        path, _, query_text = request.target.removeprefix(PREFIX).partition("?")
        query = dict(parse_qsl(query_text))
        try:
            body = json.loads(request.body) if request.body else {}
            status, content = self._route(f"{request.method} {path.rstrip('/')}", query, body)
        except (FaultError, ValueError, TypeError, KeyError) as error:
            status, content = 400, {"error": str(error)}
        return Answer(status, {"content-type": "application/json"}, json.dumps(content).encode())

    def _route(self, route: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        account, since = query.get("account"), int(query.get("since", 0))
        if route == "GET health":
            return 200, {"status": "ok"}
        if route == "POST faults":
            return 201, self.faults.add(body).shown()
        if route == "GET faults":
            planned = self.faults.planned
            return 200, {"faults": [f.shown() for f in planned if account in (None, f.account)]}
        if route == "DELETE faults":
            self.faults.clear(account)
            return 200, {}
        if route == "POST release":
            return 200, {"released": self.faults.release(body.get("id"))}
        if route == "GET journal":
            entries = self.journal.entries(account, since)
            return 200, {"last": self.journal.sequence, "entries": entries}
        if route == "GET journal/summary":
            return 200, self.journal.summary(account, since)
        if route == "DELETE journal":
            self.journal.clear(account)
            return 200, {"last": self.journal.sequence}
        if route == "PUT permissions":
            return 200, self.permissions.put(body)
        if route == "DELETE permissions":
            self.permissions.clear(account)
            return 200, {}
        if route == "POST stop":
            instance_states.stop_by_aws(body["account"], body["region"], body["instance"])
            return 200, {}
        if route == "PUT checks":
            return 200, instance_checks.put(body)
        if route == "DELETE account":
            self.faults.clear(query["account"])
            self.permissions.clear(query["account"])
            self.journal.forget(query["account"])
            backend.forget(query["account"])
            return 200, {}
        if route == "GET actions":
            return 200, {"actions": self.journal.actions(account, query.get("role"), since)}
        return 404, {"error": f"There is no {route} here."}
