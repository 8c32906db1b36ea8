"""Runs an Argo CD health check over objects, as Argo CD does: a program of its own, for Lua is not in pytest's environment.

Reads ``{"lua": …, "items": […]}`` from standard input and prints one status a line.
"""

from __future__ import annotations

import json
import sys

import lupa


def main() -> None:
    """Judge every object."""
    given = json.load(sys.stdin)
    for item in given["items"]:
        lua = lupa.LuaRuntime(register_eval=False)
        lua.globals().obj = lua.table_from(item, recursive=True)
        print(lua.execute(given["lua"])["status"])


if __name__ == "__main__":
    main()
