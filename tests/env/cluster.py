"""A small client of the API server, fast enough to load it: one connection a thread."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from typing import Any

# How long a connection may be silent before it is opened anew.
SILENT_SECONDS = 20.0


class Cluster:
    """The API server that a kubeconfig points at."""

    def __init__(self, kubeconfig: str) -> None:
        command = ["kubectl", "--kubeconfig", kubeconfig, "config", "view", "--raw", "-o", "json"]
        config = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.host = cluster["server"].removeprefix("https://")
        self.tls = ssl.create_default_context(cadata=authority)
        self.headers = {"Authorization": f"Bearer {user['token']}", "Content-Type": "application/json"}

    def connect(self) -> Connection:
        """Open a connection of one's own."""
        return Connection(self)

    def follow(self, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield a collection as a LISTED event and then its changes, and begin anew when the watch ends.

        The API server ends a watch now and then, and that of a client that falls behind. Without a
        server there is nothing to follow any more.
        """
        while True:
            try:
                listed = json.loads(self.connect().text(path))
            except ConnectionError:
                return
            yield "LISTED", listed
            for kind, found in self.connect().watch(path, listed["metadata"]["resourceVersion"]):
                if kind == "ERROR":
                    break
                yield kind, found

    def request_counts(self, resource: str) -> dict[tuple[str, str], float]:
        """Return how many requests for a resource the server has answered, by subresource and verb."""
        counts: dict[tuple[str, str], float] = {}
        for line in self.connect().text("/metrics").splitlines():
            if line.startswith("apiserver_request_total{") and f'resource="{resource}"' in line:
                labels, value = line[line.index("{") + 1 :].rsplit("} ", 1)
                named = dict(part.split("=", 1) for part in labels.split(",") if "=" in part)
                key = (named["subresource"].strip('"'), named["verb"].strip('"'))
                counts[key] = counts.get(key, 0) + float(value)
        return counts


class Connection:
    """One connection to the API server."""

    def __init__(self, cluster: Cluster) -> None:
        self.headers = cluster.headers
        self.http = http.client.HTTPSConnection(cluster.host, context=cluster.tls)
        self.used = time.monotonic()

    def _request(self, method: str, path: str, body: str | None = None, more: dict[str, str] | None = None) -> None:
        # The API server hangs up on one that has long been silent; what is closed here opens anew by itself.
        if time.monotonic() - self.used > SILENT_SECONDS:
            self.http.close()
        self.used = time.monotonic()
        self.http.request(method, path, body=body, headers=self.headers | (more or {}))

    def text(self, path: str) -> str:
        """Return the answer to a GET."""
        self._request("GET", path)
        return self.http.getresponse().read().decode()

    def send(self, method: str, path: str, body: Any = None) -> None:
        """Send a request that must succeed."""
        content = None if body is None else json.dumps(body)
        patch = {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else {}
        self._request(method, path, content, patch)
        answer = self.http.getresponse()
        text = answer.read().decode()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status}: {text}")

    def watch(self, path: str, version: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the events of a collection after a version of it: their types and objects."""
        self._request("GET", f"{path}?watch=1&resourceVersion={version}")
        for line in self.http.getresponse():
            event = json.loads(line)
            yield event["type"], event["object"]
