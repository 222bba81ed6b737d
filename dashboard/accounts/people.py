"""What admins do with people; each is one audited change."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from dashboard.accounts import audit
from dashboard.accounts.models import Role, User
from dashboard.accounts.rights import ROLE_ORDER
from eventscope.errors import EventscopeError

__all__ = [
    "LastAdminError",
    "add_user",
    "change_password",
    "change_user",
    "may_act",
    "people_who_act",
]

ACTING = ROLE_ORDER[ROLE_ORDER.index(Role.OPERATOR) :]


class LastAdminError(EventscopeError):
    """Somebody must stay admin."""


@transaction.atomic(using="default")
def add_user(*, by: User | AnonymousUser, username: str, role: Role) -> User:
    """Make a user who has no password yet; a sign-in link is the way in."""
    user = User(username=username, role=role)
    user.set_unusable_password()
    user.save()
    audit.record(actor=by, action="user.add", subject=username, detail={"role": role.value})
    return user


@transaction.atomic(using="default")
def change_user(*, by: User | AnonymousUser, user: User, role: Role, active: bool) -> bool:
    """Set role and whether the user may sign in; True if anything changed. Raises `LastAdminError`."""
    before = {"role": user.role, "active": user.is_active}
    after = {"role": role.value, "active": active}
    if before == after:
        return False
    others = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True)
    stays = role is Role.ADMIN and active
    if not stays and not others.exclude(pk=user.pk).exists():
        raise LastAdminError("This is the last admin; make somebody else admin first.")
    user.role, user.is_active = role, active
    user.save(update_fields=["role", "is_active"])
    detail = {"before": before, "after": after}
    audit.record(actor=by, action="user.change", subject=user.username, detail=detail)
    return True


@transaction.atomic(using="default")
def change_password(*, user: User, password: str) -> None:
    """Give ``user`` a new password, which ends their other sessions."""
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record(actor=user, action="user.password", subject=user.username, detail={})


def people_who_act(*, most: int = 200) -> list[str]:
    """The names of those who may act on alerts and dead letters: operators and up, signed in or not."""
    found = User.objects.filter(is_active=True, role__in=ACTING).order_by("username")
    return list(found.values_list("username", flat=True)[:most])


def may_act(username: str) -> bool:
    """Whether this is an active operator or admin."""
    return User.objects.filter(username=username, is_active=True, role__in=ACTING).exists()
