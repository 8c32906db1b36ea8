"""A small HTTP/1.1 server on asyncio: keep-alive, one thread, no overhead.

One thread is a feature: every request is answered whole before the next begins, so
what a request sees and changes can never interleave with another one. Only an
answer that is held back on purpose lets others pass.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus

from messages import Answer, HttpRequest

Handler = Callable[[HttpRequest], Answer | Awaitable[Answer]]
REASONS = {status.value: status.phrase for status in HTTPStatus}
MAX_HEAD_BYTES = 1 << 17


class BadRequest(Exception):
    """What arrived is not an HTTP/1.1 request that this server understands."""


class Connection(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.buffer = bytearray()
        self.transport: asyncio.Transport | None = None
        self.head: tuple[str, str, dict[str, str]] | None = None
        self.held: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.held:
            self.held.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        try:
            self._advance()
        except BadRequest as error:
            self._write(Answer(400, {"content-type": "text/plain"}, str(error).encode()), "GET", False)

    def _advance(self) -> None:
        """Answer all complete requests in the buffer, in order."""
        while self.transport and not self.held:
            if self.head is None and not self._read_head():
                return
            assert self.head
            method, target, headers = self.head
            body = self._read_body(headers)
            if body is None:
                return
            self.head = None
            keep = headers.get("connection", "").lower() != "close"
            answer = self.handler(HttpRequest(method, target, headers, body))
            if isinstance(answer, Answer):
                self._write(answer, method, keep)
            else:
                self.held = asyncio.ensure_future(self._write_later(answer, method, keep))

    def _read_head(self) -> bool:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > MAX_HEAD_BYTES:
                raise BadRequest("The head of the request is too long.")
            return False
        lines = self.buffer[:end].decode("latin-1").split("\r\n")
        del self.buffer[: end + 4]
        parts = lines[0].split(" ")
        if len(parts) != 3:
            raise BadRequest("The first line is not an HTTP request line.")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        self.head = (parts[0], parts[1], headers)
        if headers.get("expect", "").lower() == "100-continue" and self.transport:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _read_body(self, headers: dict[str, str]) -> bytes | None:
        """Take the body from the buffer; None if it has not arrived completely."""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._read_chunks()
        try:
            length = int(headers.get("content-length") or 0)
        except ValueError:
            raise BadRequest("The content length is not a number.") from None
        if len(self.buffer) < length:
            return None
        body = bytes(self.buffer[:length])
        del self.buffer[:length]
        return body

    def _read_chunks(self) -> bytes | None:
        body, position = bytearray(), 0
        while (line := self.buffer.find(b"\r\n", position)) >= 0:
            size = int(self.buffer[position:line].split(b";")[0], 16)
            if len(self.buffer) < line + 2 + size + 2:
                return None
            body += self.buffer[line + 2 : line + 2 + size]
            position = line + 2 + size + 2
            if size == 0:
                del self.buffer[:position]
                return bytes(body)
        return None

    async def _write_later(self, answer: Awaitable[Answer], method: str, keep: bool) -> None:
        self._write(await answer, method, keep)
        self.held = None
        self._advance()

    def _write(self, answer: Answer, method: str, keep: bool) -> None:
        if not self.transport:
            return
        headers = answer.headers
        # The length of what a HEAD would have sent is known only to whoever answered it.
        length = headers.pop("content-length", "0") if method == "HEAD" else str(len(answer.body))
        lines = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}", _date_line()]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if answer.status != 204:
            lines.append(f"content-length: {length}")
        if not keep:
            lines.append("connection: close")
        head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
        self.transport.write(head if method == "HEAD" else head + answer.body)
        if not keep:
            self.transport.close()


_date: tuple[int, str] = (0, "")


def _date_line() -> str:
    """Return the Date header, formatted once per second."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, f"date: {formatdate(now, usegmt=True)}")
    return _date[1]


async def serve(port: int, handler: Handler) -> None:
    """Serve on the loopback interface until cancelled."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handler), "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()
