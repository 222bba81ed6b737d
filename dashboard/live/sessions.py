"""Which of the sessions behind the sockets have ended: one sweep for all of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from channels.db import database_sync_to_async
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session as StoredSession
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from dashboard.accounts.models import Role, User
from dashboard.accounts.rights import allows

__all__ = ["NOT_ALLOWED", "NOT_SIGNED_IN", "Session", "ended_sessions", "find_ended"]

NOT_SIGNED_IN = 4401
NOT_ALLOWED = 4403

Ended = dict["Session | None", tuple[int, str]]


@dataclass(frozen=True)
class Session:
    """The session that a socket was opened in."""

    key: str
    user_id: int


async def ended_sessions(sessions: Collection[Session]) -> Ended:
    """Close code and reason for each session that has ended."""
    if not sessions:
        return {}
    found: Ended = await database_sync_to_async(find_ended, thread_sensitive=False)(sessions)
    return found


def find_ended(sessions: Collection[Session]) -> Ended:
    """Two queries, whatever the number: signed out, expired, password changed, made inactive."""
    keys = [session.key for session in sessions]
    alive = StoredSession.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    stored = dict(alive.values_list("session_key", "session_data"))
    users = User.objects.in_bulk({session.user_id for session in sessions})
    ended: Ended = {}
    for session in sessions:
        user = users.get(session.user_id)
        if user is None or not _holds(stored.get(session.key), user):
            ended[session] = (NOT_SIGNED_IN, "signed out")
        elif not allows(user, Role.VIEWER):
            ended[session] = (NOT_ALLOWED, "no right to look")
    return ended


def _holds(data: str | None, user: User) -> bool:
    if data is None:
        return False
    content = SessionStore().decode(data)
    same_user = str(content.get(SESSION_KEY)) == str(user.pk)
    known = content.get(HASH_SESSION_KEY, "")
    return same_user and constant_time_compare(known, user.get_session_auth_hash())
