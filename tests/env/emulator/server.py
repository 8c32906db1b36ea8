"""The AWS emulator: moto, made to behave as AWS does where the controller could tell.

``python server.py --port PORT --folder DIR``. The folder is not read: it marks the
process as part of that environment.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
from collections.abc import Awaitable
from pathlib import Path

# moto reads this when it is imported. Its own list has 1,300 images, which it would load
# for every account and region, and which change from release to release.
os.environ["MOTO_AMIS_PATH"] = str(Path(__file__).with_name("images.json"))

import backend
import http11
import layers
import wire
from admin import PREFIX, Admin
from calls import Accounts, Call, read_call
from faults import Fault, Faults, hold
from journal import Journal
from messages import Answer, HttpRequest
from permissions import Permissions, refusal
from permissions_actions import needed


class Emulator:
    """Answers HTTP requests as AWS would, with the faults that tests planned."""

    def __init__(self) -> None:
        self.accounts = Accounts()
        self.faults = Faults()
        self.journal = Journal()
        self.permissions = Permissions()
        self.admin = Admin(self.faults, self.journal, self.permissions)
        self.id_prefix = secrets.token_hex(4)
        self.proceed = layers.install(self.accounts, backend.answer)

    def handle(self, request: HttpRequest) -> Answer | Awaitable[Answer]:
        """Answer one request."""
        if request.target.startswith(PREFIX):
            return self.admin.answer(request)
        call = read_call(request, self.accounts)
        call.operation = call.operation or backend.rest_operation(call)
        sequence = self.journal.next_sequence()
        call.request_id = f"{self.id_prefix}-0000-4000-8000-{sequence:012x}"
        call.actions = needed(call)
        call.denied = self.permissions.denied(call)
        fault = None if call.denied else self.faults.take(call)
        answer = refusal(call) if call.denied else self._carry_out(call, fault)
        wire.add_request_id(call, answer)
        self.journal.record(
            sequence, call, answer.status, wire.error_code(answer), fault.id if fault else None
        )
        if fault and fault.kind == "hold-after":
            return hold(fault, answer)
        return answer

    def _carry_out(self, call: Call, fault: Fault | None) -> Answer:
        """Return the answer to a permitted call, with what a fault makes of it."""
        if fault and fault.kind not in ("error-after", "hold-after"):
            return fault.error(call)
        answer = self.proceed(call)
        return fault.error(call) if fault and fault.kind == "error-after" else answer


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", required=True)
    options = parser.parse_args()
    asyncio.run(http11.serve(options.port, Emulator().handle))


if __name__ == "__main__":
    main()
