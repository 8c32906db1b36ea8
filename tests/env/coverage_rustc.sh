#!/bin/sh
# The compiler's wrapper of `make coverage`: cargo calls it for our own crate only, so that no dependency is
# compiled a second time. With relocatable counters a process keeps them in its file at all times, so that
# those of a controller that a story kills are not lost.
exec "$@" -C instrument-coverage -C llvm-args=-runtime-counter-relocation
