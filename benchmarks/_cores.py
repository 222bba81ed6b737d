"""A machine with smaller cores: processes held to a share of one, by the kernel's own accounting of them.

What a second worker brings can be measured on a machine of two cores only if one worker does not want both.
Held to a part of a core each, two workers, their broker and their database find the room that they would have
on a machine of more cores. Linux, as root: control groups of version 2 or 1.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["held_to", "join", "why_not"]

_ROOT = Path("/sys/fs/cgroup")
_PERIOD_US = 10_000
"""Short, so that being held feels like a slower core, not like being stopped now and then."""


def why_not() -> str:
    """Why processes cannot be held here; "" where they can."""
    try:
        with held_to(1.0) as group:
            return "" if (group / "cgroup.procs").exists() else "no control groups for processors"
    except OSError as error:
        return f"no control groups for processors: {error}"


@contextlib.contextmanager
def held_to(share: float) -> Iterator[Path]:
    """A group whose processes have ``share`` of one core between them; `join` puts one in."""
    group = _parent() / f"eventscope-{os.getpid()}-{time.monotonic_ns()}"
    group.mkdir()
    try:
        _limit(group, round(share * _PERIOD_US))
        yield group
    finally:
        _remove(group)


def join(group: Path, pid: int) -> None:
    """Put the process, with what it starts from now on, under the group's limit."""
    (group / "cgroup.procs").write_text(str(pid))


def _parent() -> Path:
    """The root of version 2, ready for groups that limit processors, or of version 1."""
    if not (_ROOT / "cgroup.controllers").exists():
        return _ROOT / "cpu"
    (_ROOT / "cgroup.subtree_control").write_text("+cpu")
    return _ROOT


def _limit(group: Path, quota_us: int) -> None:
    if (group / "cpu.cfs_quota_us").exists():
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota_us))
    else:
        (group / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")


def _remove(group: Path) -> None:
    """A group can be removed when what was in it is gone, or else is moved out."""
    for pid in (group / "cgroup.procs").read_text().split():
        with contextlib.suppress(OSError):
            join(_parent(), int(pid))
    group.rmdir()
