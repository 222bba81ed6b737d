"""``manage.py doctor``: what is right, what is wrong, and the mend."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.doctor import examine


class Command(BaseCommand):
    help = "Check configuration, database, brokers, clocks and permissions; exit 1 if one is wrong."
    requires_system_checks: list[str] = []  # noqa: RUF012 (Django's own attribute)

    def handle(self, *args: Any, **options: Any) -> None:
        findings = examine()
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            mark = self.style.SUCCESS("ok   ") if finding.ok else self.style.ERROR("wrong")
            self.stdout.write(f"{mark} {finding.subject:<{width}}  {finding.detail}")
            if not finding.ok:
                self.stdout.write(f"      {'':<{width}}  → {finding.mend}")
        if not all(finding.ok for finding in findings):
            sys.exit(1)
