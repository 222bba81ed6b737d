"""E-mail over SMTP, as text and as HTML."""

from __future__ import annotations

import smtplib
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string

from dashboard.notifying.models import Notification
from dashboard.notifying.receivers import ConfiguredReceiver
from dashboard.notifying.senders.errors import DeliveryError
from dashboard.notifying.senders.webhook import ID_HEADER
from dashboard.notifying.senders.wording import counts_line, detail_line, lines_of

__all__ = ["message_of", "send"]


def send(receiver: ConfiguredReceiver, notification: Notification) -> str:
    message = message_of(receiver, notification)
    message.connection = get_connection(backend="django.core.mail.backends.smtp.EmailBackend")
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise DeliveryError(
            f"The mail server refused every address: {_words(error)}",
            for_good=all(code >= 500 for code in codes),
        ) from error
    except smtplib.SMTPDataError as error:
        raise DeliveryError(
            f"The mail server refused the message: {_words(error)}",
            for_good=error.smtp_code >= 500,
        ) from error
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise DeliveryError(
            f"The mail server {settings.EMAIL_HOST}:{settings.EMAIL_PORT} did not take it: {_words(error)}"
        ) from error
    return f"taken for {len(receiver.options.to)}"


def message_of(receiver: ConfiguredReceiver, notification: Notification) -> EmailMultiAlternatives:
    """The same ``Message-ID`` at each try, so that mail programs show it once; one thread a group."""
    content = notification.content
    context = _context(notification, content)
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "eventscope"
    headers = {
        "Message-ID": f"<{notification.uid}@{host}>",
        ID_HEADER: notification.uid,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if notification.thread:
        thread = f"<{notification.thread}.{notification.receiver}@{host}>"
        headers |= {"References": thread, "In-Reply-To": thread}
    message = EmailMultiAlternatives(
        subject=" ".join(notification.title.split()),
        body=render_to_string("notifying/mail.txt", context),
        to=list(receiver.options.to),
        headers=headers,
    )
    message.attach_alternative(render_to_string("notifying/mail.html", context), "text/html")
    return message


def _context(notification: Notification, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "notification": notification,
        "content": content,
        "counts": counts_line(content),
        "lines": lines_of(content),
        "alerts": [(alert, detail_line(alert)) for alert in content["alerts"]],
        "tone": "resolved" if content["status"] == "resolved" else content["severity"],
    }


def _words(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:300]
