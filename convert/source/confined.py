"""Gives up what a process that reads a stranger's file doesn't need. Linux; elsewhere it says that it can't.

Network: a namespace with no interfaces, and Landlock's refusal of TCP (kernel 6.7). Writing, and making or
removing files: Landlock (kernel 5.13), for every folder. Files that are open already stay open. None of it
can be taken back, and it holds for every process started later.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

_CREATE_RULES, _RESTRICT = 444, 446  # the same numbers on every architecture
_NO_NEW_PRIVILEGES = 38
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
# linux/landlock.h: everything but reading files (4) and folders (8); by version of the interface
_WRITES = {1: 0x1FF3 & ~0x1, 2: 0x2000, 3: 0x4000}
_EXECUTE = 0x1
_TCP = 0x3


class _Rules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64))


def confine(memory_bytes: int, seconds: int) -> tuple[str, ...]:
    """Confines this process and returns what holds: any of "network", "files", "memory", "time"."""
    held = (*_limits(memory_bytes, seconds),)
    if not sys.platform.startswith("linux"):
        return held
    kernel = ctypes.CDLL(None, use_errno=True)
    network = kernel.unshare(_NEW_USER | _NEW_NET) == 0
    version = kernel.syscall(_CREATE_RULES, None, 0, 1)
    files = version >= 1 and _forbid_writing(kernel, version)
    return (
        *held,
        *(["network"] if network or (files and version >= 4) else []),
        *(["files"] if files else []),
    )


def _forbid_writing(kernel: ctypes.CDLL, version: int) -> bool:
    files = _EXECUTE
    for since, rights in _WRITES.items():
        files |= rights if version >= since else 0
    rules = _Rules(files, _TCP if version >= 4 else 0)
    size = ctypes.sizeof(rules) if version >= 4 else 8
    handle = kernel.syscall(_CREATE_RULES, ctypes.byref(rules), size, 0)
    if handle < 0:
        return False
    try:
        return kernel.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0 and kernel.syscall(_RESTRICT, handle, 0) == 0
    finally:
        os.close(handle)


def _limits(memory_bytes: int, seconds: int) -> list[str]:
    try:
        import resource
    except ImportError:  # Windows
        return []
    held: list[str] = []
    for name, kind, most in (("memory", "RLIMIT_AS", memory_bytes), ("time", "RLIMIT_CPU", seconds)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, kind), (most, most))
            held.append(name)
    return held
