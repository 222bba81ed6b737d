"""Microsoft Teams by a workflow's webhook, which takes an adaptive card: https://adaptivecards.io."""

from __future__ import annotations

from typing import Any

from dashboard.notifying.models import Notification
from dashboard.notifying.receivers import ConfiguredReceiver
from dashboard.notifying.senders.http import post_json
from dashboard.notifying.senders.wording import lines_of

__all__ = ["body_of", "send"]

COLOURS = {"critical": "attention", "warning": "warning", "info": "accent"}


def send(receiver: ConfiguredReceiver, notification: Notification) -> str:
    answer = post_json(receiver, receiver.secret, body_of(notification))
    return f"answered {answer.status}"


def body_of(notification: Notification) -> dict[str, Any]:
    """A message with one card; every text is a block of its own, so nothing of it is read as layout."""
    content = notification.content
    over = content["status"] == "resolved"
    title = {
        **_text(notification.title),
        "size": "medium",
        "weight": "bolder",
        "color": "good" if over else COLOURS[content["severity"]],
    }
    foot = {**_text(notification.uid), "isSubtle": True, "size": "small", "fontType": "monospace"}
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [title, *(_text(line) for line in lines_of(content)), foot],
        "actions": _actions(content),
    }
    return {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": card,
            }
        ],
    }


def _text(text: str) -> dict[str, Any]:
    """A ``TextBlock`` reads Markdown; ``\\`` before what would be a link or emphasis keeps it a text."""
    plain = "".join(f"\\{c}" if c in "\\`*_[]<>#" else c for c in text)
    return {"type": "TextBlock", "text": plain, "wrap": True}


def _actions(content: dict[str, Any]) -> list[dict[str, Any]]:
    links = (("Open in Eventscope", content["url"]), ("Acknowledge", content["acknowledgeUrl"]))
    return [{"type": "Action.OpenUrl", "title": title, "url": url} for title, url in links if url]
