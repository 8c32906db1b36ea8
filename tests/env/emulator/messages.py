"""The HTTP messages that pass through the emulator."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class HttpRequest:
    """One HTTP request. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Answer:
    """One HTTP response. Header names are in lower case, without ``content-length``."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
