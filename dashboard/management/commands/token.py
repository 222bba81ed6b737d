"""``manage.py token create NAME --role ROLE``: an API token, shown once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.accounts.models import Role
from dashboard.accounts.tokens import issue_token
from dashboard.management.prepared import check_prepared


class Command(BaseCommand):
    help = "Create an API token; it is printed once, alone on the last line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make a token")
        create.add_argument("name", help="what it is for")
        create.add_argument("--role", choices=Role.values, default=Role.VIEWER.value)

    def handle(self, *args: Any, **options: Any) -> None:
        check_prepared()
        token = issue_token(options["name"], Role(options["role"]))
        self.stderr.write(f"Token '{options['name']}' ({options['role']}); it is not shown again:")
        self.stdout.write(token)
