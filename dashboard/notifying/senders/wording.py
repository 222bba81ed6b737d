"""A message in lines, for the kinds that show text: pure."""

from __future__ import annotations

from typing import Any

from eventscope.stamps import format_ms

__all__ = ["alert_line", "counts_line", "detail_line", "lines_of"]

WORDS = {"firing": "firing", "acknowledged": "acknowledged", "resolved": "resolved"}


def counts_line(content: dict[str, Any]) -> str:
    """``3 firing (2 critical), 1 resolved``; empty for a message that is about no alert."""
    counts = content["counts"]
    parts = [f"{counts[key]:,} {word}" for key, word in WORDS.items() if counts[key]]
    if counts["critical"] and parts:
        parts[0] += f" ({counts['critical']:,} critical)"
    return ", ".join(parts)


def alert_line(alert: dict[str, Any]) -> str:
    """``[critical] what it is (rule, since when)``, without its address."""
    word = "resolved" if alert["status"] == "resolved" else alert["severity"]
    return f"[{word}] {alert['summary']} ({detail_line(alert)})"


def detail_line(alert: dict[str, Any]) -> str:
    """``latency-p99, since 2026-11-26 03:07 UTC, anna has it``."""
    ended_ms = alert["resolvedMs"]
    at = f"resolved {_minute(ended_ms)}" if ended_ms else f"since {_minute(alert['startedMs'])}"
    who = [f"{alert['acknowledgedBy']} has it"] if alert["acknowledgedBy"] else []
    return ", ".join([alert["rule"], at, *who])


def _minute(ms: int) -> str:
    return format_ms(ms)[:16].replace("T", " ") + " UTC"


def lines_of(content: dict[str, Any]) -> list[str]:
    """The whole message below its title."""
    lines = [content.get("text", ""), counts_line(content)]
    if len(content["rules"]) > 1:
        lines.append("By rule: " + ", ".join(f"{name} {n:,}" for name, n in content["rules"]))
    lines += [alert_line(alert) for alert in content["alerts"]]
    if content["omitted"]:
        lines.append(f"… and {content['omitted']:,} more.")
    return [line for line in lines if line]
