"""How long this process has been running, Python's own start included."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil

_START_FIELD = 19  # of /proc/<pid>/stat, counted after the name in brackets


def seconds_since_start() -> float:
    """Seconds since the system made this process."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME) - _linux_start()
    return max(0.0, time.time() - psutil.Process().create_time())


def _linux_start() -> float:
    """On the clock that counts from boot: psutil's answer goes by a boot time in whole seconds."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return int(fields[_START_FIELD]) / os.sysconf("SC_CLK_TCK")
