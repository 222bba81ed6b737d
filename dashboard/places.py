"""Where the broker that `up` runs stands, for commands beside it. Read before Django has settings."""

from __future__ import annotations

from pathlib import Path

__all__ = ["forget_broker", "recall_broker", "remember_broker"]

PLACE = "broker-url"


def remember_broker(folder: Path, port: int) -> None:
    """Leave the place of a broker on ``port`` of this machine in ``folder``."""
    (folder / PLACE).write_text(f"redis://127.0.0.1:{port}/0\n", encoding="ascii")


def recall_broker(folder: Path) -> str:
    """What `remember_broker` left; "" if nothing."""
    try:
        return (folder / PLACE).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def forget_broker(folder: Path) -> None:
    (folder / PLACE).unlink(missing_ok=True)
