"""One-time sign-in links, and the first admin."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from dashboard.accounts.models import Role, SignInLink, User
from dashboard.accounts.tokens import hash_secret
from eventscope.stamps import now_ms

__all__ = [
    "ADMIN",
    "LIFETIME_MS",
    "ensure_admin",
    "issue_sign_in_link",
    "redeem_link",
    "usable_link",
]

LIFETIME_MS = 15 * 60 * 1000
ADMIN = "admin"


def issue_sign_in_link(user: User) -> str:
    """The path that signs ``user`` in, once, within 15 minutes. Old links are cleared away."""
    now = now_ms()
    SignInLink.objects.filter(expires_ms__lt=now - LIFETIME_MS).delete()
    raw = secrets.token_urlsafe(32)
    SignInLink.objects.create(user=user, digest=hash_secret(raw), expires_ms=now + LIFETIME_MS)
    # Within this app's own urls, which stand at the root: `up` need not load every page for one path.
    return reverse("sign-in-link", args=[raw], urlconf="dashboard.accounts.urls")


def usable_link(raw: str) -> SignInLink | None:
    """The link if it could be used now; looking does not use it up."""
    link = SignInLink.objects.select_related("user").filter(digest=hash_secret(raw)).first()
    if link is None or link.used_ms is not None or link.expires_ms < now_ms():
        return None
    return link if link.user.is_active else None


def redeem_link(raw: str) -> User | None:
    """Use the link up and answer its user; of two at the same moment one gets None."""
    link = usable_link(raw)
    if link is None:
        return None
    claimed = SignInLink.objects.filter(pk=link.pk, used_ms=None).update(used_ms=now_ms())
    return link.user if claimed == 1 else None


@transaction.atomic(using="default")
def ensure_admin() -> User:
    """The user ``admin``, made if there is none, with EVENTSCOPE_ADMIN_PASSWORD if that is set.

    Without a password the way in is a sign-in link.
    """
    user, made = User.objects.get_or_create(username=ADMIN, defaults={"role": Role.ADMIN})
    password = settings.ADMIN_PASSWORD
    if password and not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    elif made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user
