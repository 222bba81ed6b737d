"""Slack's incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/."""

from __future__ import annotations

from typing import Any

from dashboard.notifying.models import Notification
from dashboard.notifying.receivers import ConfiguredReceiver
from dashboard.notifying.senders.http import post_json
from dashboard.notifying.senders.wording import alert_line, counts_line

__all__ = ["body_of", "escape", "send"]

COLOURS = {"critical": "#d63939", "warning": "#f59f00", "info": "#4299e1"}
RESOLVED = "#2fb344"
LONGEST_SECTION = 2900


def send(receiver: ConfiguredReceiver, notification: Notification) -> str:
    post_json(receiver, receiver.secret, body_of(notification))
    return "taken"


def body_of(notification: Notification) -> dict[str, Any]:
    """A line for the notification, and a coloured part with the alerts; texts escaped as Slack wants it."""
    content = notification.content
    over = content["status"] == "resolved"
    lines = [_line(alert) for alert in content["alerts"]]
    if content["omitted"]:
        lines.append(f"… and {content['omitted']:,} more.")
    head = [escape(text) for text in (content.get("text", ""), counts_line(content)) if text]
    blocks = [_section("\n".join([*head, *lines]))] if head or lines else []
    links = [f"<{content['url']}|Open in Eventscope>"] if content["url"] else []
    if content["acknowledgeUrl"]:
        links.append(f"<{content['acknowledgeUrl']}|Acknowledge>")
    context = [*links, f"`{notification.uid}`"]
    blocks.append(
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "  ·  ".join(context)}]}
    )
    colour = RESOLVED if over else COLOURS[content["severity"]]
    return {
        "text": escape(notification.title),
        "attachments": [{"color": colour, "blocks": blocks}],
    }


def escape(text: str) -> str:
    """The three characters that Slack reads as its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _line(alert: dict[str, Any]) -> str:
    told = escape(alert_line(alert))
    return f"• <{alert['url']}|{told}>" if alert["url"] else f"• {told}"


def _section(text: str) -> dict[str, Any]:
    """Slack refuses longer ones; a link is never cut in two."""
    kept: list[str] = []
    size = 0
    for line in text.split("\n"):
        size += len(line) + 1
        if size > LONGEST_SECTION:
            kept.append("…")
            break
        kept.append(line)
    return {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(kept)}}
