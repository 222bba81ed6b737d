"""``manage.py sign_in [NAME]``: a link that signs somebody in, once. So there is a way in without ``up``."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard.accounts import audit
from dashboard.accounts.links import ADMIN, ensure_admin, issue_sign_in_link
from dashboard.accounts.models import User
from dashboard.management.prepared import check_prepared


class Command(BaseCommand):
    help = (
        "Print a sign-in link, alone on the last line; the user 'admin' is made if there is none."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", default=ADMIN, help="who signs in (default: admin)")

    def handle(self, *args: Any, **options: Any) -> None:
        check_prepared()
        user = _user(options["name"])
        audit.record(actor="manage.py", action="link.add", subject=user.username, detail={})
        self.stderr.write(f"A link for {user.username}; it works once, within 15 minutes:")
        self.stdout.write(settings.PUBLIC_URL + issue_sign_in_link(user))


def _user(name: str) -> User:
    if name == ADMIN:
        return ensure_admin()
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"No active user is named {name!r}; people are added on /settings/.")
    return user
