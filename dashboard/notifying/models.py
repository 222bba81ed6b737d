"""What was told, and what is to be sent. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["GroupLog", "Notification", "ReceiverTally"]


class GroupLog(models.Model):
    """What a receiver was told of a group of alerts: see `dashboard.notifying.deciding.Log`."""

    key = models.CharField(max_length=32, unique=True)
    receiver = models.CharField(max_length=40)
    since_ms = models.BigIntegerField(help_text="since when it waits to be told")
    told_ms = models.BigIntegerField(null=True, help_text="when a message was last written")
    told = models.JSONField(default=dict, help_text="number of the alert → [state, told first at]")
    thread = models.CharField(max_length=32, default="", blank=True)
    version = models.IntegerField(
        default=0, help_text="counts its changes: who read an old one loses"
    )


class Notification(models.Model):
    """One message to one receiver.

    1. WAITING: written down together with the log, to be sent at ``next_ms``. 2. SENT: the receiver's
    side took it. 3. GIVEN_UP: it refused for good, or for longer than anybody should wait. Whoever is
    killed between sending and noting sends again, under the same ``uid``.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        GIVEN_UP = "given_up", "given up"

    uid = models.CharField(max_length=32, unique=True)
    receiver = models.CharField(max_length=40)
    reason = models.CharField(max_length=16)
    thread = models.CharField(max_length=40, help_text="messages of one thread are sent in order")
    title = models.CharField(max_length=300)
    content = models.JSONField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    tries = models.IntegerField(default=0)
    created_ms = models.BigIntegerField()
    next_ms = models.BigIntegerField(
        help_text="not before; while it is being sent, the end of that"
    )
    finished_ms = models.BigIntegerField(null=True)
    error = models.TextField(default="", blank=True)
    answer = models.TextField(default="", blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["receiver", "id"],
                condition=models.Q(state="waiting"),
                name="notification_waiting",
            ),
            models.Index(fields=["receiver", "-created_ms"], name="notification_of_receiver"),
            models.Index(fields=["finished_ms"], name="notification_old"),
        ]


class ReceiverTally(models.Model):
    """What became of a receiver's messages, ever: counters that go on when the messages are forgotten."""

    receiver = models.CharField(max_length=40, primary_key=True)
    sent = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0, help_text="tries that the other side did not take")
    given_up = models.BigIntegerField(default=0)
