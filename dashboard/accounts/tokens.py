"""API tokens: shown once, kept as a hash, with a role of their own."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from django.db.models import Q

from dashboard.accounts.models import ApiToken, Role
from eventscope.stamps import now_ms

__all__ = ["TokenUser", "hash_secret", "issue_token", "revoke_token", "user_for_token"]

MARK = "es_"
USED_EVERY_MS = 60_000


@dataclass(frozen=True)
class TokenUser:
    """Who a request with a token is: has a role as a user has."""

    token_id: int
    name: str
    role: str
    is_authenticated: bool = True
    is_active: bool = True

    def get_username(self) -> str:
        return f"token:{self.name}"


def issue_token(name: str, role: Role | str, *, created_by: str = "") -> str:
    """Make a token and answer it; nobody can read it again."""
    raw = MARK + secrets.token_urlsafe(32)
    ApiToken.objects.create(
        name=name,
        role=Role(role),
        prefix=raw[:10],
        digest=hash_secret(raw),
        created_ms=now_ms(),
        created_by=created_by,
    )
    return raw


def user_for_token(raw: str) -> TokenUser | None:
    """Who holds the token ``raw``, None if it is unknown or revoked. Notes its use once a minute."""
    if not raw.startswith(MARK):
        return None
    token = ApiToken.objects.filter(digest=hash_secret(raw), revoked_ms=None).first()
    if token is None:
        return None
    _note_use(token)
    return TokenUser(token.pk, token.name, token.role)


def revoke_token(token_id: int) -> bool:
    """End a token; False if it had ended or never was."""
    found = ApiToken.objects.filter(pk=token_id, revoked_ms=None)
    return found.update(revoked_ms=now_ms()) == 1


def hash_secret(raw: str) -> str:
    """SHA-256; the secrets are 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()


def _note_use(token: ApiToken) -> None:
    now = now_ms()
    stale = Q(used_ms=None) | Q(used_ms__lt=now - USED_EVERY_MS)
    if token.used_ms is None or token.used_ms < now - USED_EVERY_MS:
        ApiToken.objects.filter(stale, pk=token.pk).update(used_ms=now)
