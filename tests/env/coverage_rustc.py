#!/usr/bin/env python3
"""The compiler's wrapper of `make coverage`: cargo calls it for our own crate only.

So no dependency is compiled a second time. With relocatable counters a process keeps them in its file at all
times, so that those of a controller that a story kills are not lost. A shell would not do: it drops
variables with a hyphen in their name, such as CARGO_BIN_EXE_ccagi-aws-agent.
"""

import os
import sys

FLAGS = ["-C", "instrument-coverage", "-C", "llvm-args=-runtime-counter-relocation"]

if __name__ == "__main__":
    os.execvp(sys.argv[1], [*sys.argv[1:], *FLAGS])
