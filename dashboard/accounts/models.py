"""People, tokens, sign-in links and the audit log. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.contrib.auth.models import AbstractUser
from django.db import models

__all__ = ["ApiToken", "AuditEntry", "AuditHead", "Role", "SignInLink", "Switch", "User"]


class Role(models.TextChoices):
    """Each role may do all that the one before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class User(AbstractUser):
    """Somebody who signs in."""

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)

    REQUIRED_FIELDS: ClassVar[list[str]] = []


class ApiToken(models.Model):
    """A program's key. Only its hash is kept; ``prefix`` is for people to tell tokens apart."""

    name = models.CharField(max_length=100)
    role = models.CharField(max_length=16, choices=Role.choices)
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    created_ms = models.BigIntegerField()
    created_by = models.CharField(max_length=150, default="", blank=True)
    used_ms = models.BigIntegerField(null=True)
    revoked_ms = models.BigIntegerField(null=True)


class SignInLink(models.Model):
    """A link that signs somebody in once, soon. Only its hash is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    digest = models.CharField(max_length=64, unique=True)
    expires_ms = models.BigIntegerField()
    used_ms = models.BigIntegerField(null=True)


class Switch(models.Model):
    """Something that an admin allowed, or forbade again, for everybody."""

    name = models.CharField(max_length=40, primary_key=True)
    on = models.BooleanField(default=False)
    changed_by = models.CharField(max_length=200, default="", blank=True)
    changed_ms = models.BigIntegerField(null=True)


class AuditHead(models.Model):
    """The single row that writers of the log lock, so that the chain has no fork."""

    number = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, default="", blank=True)
    expired_number = models.BigIntegerField(default=0, help_text="last entry let go by age")
    expired_digest = models.CharField(max_length=64, default="", blank=True)


class AppendOnly(models.QuerySet["AuditEntry"]):
    """What was logged stays as it was logged."""

    def update(self, **values: Any) -> NoReturn:
        raise TypeError("The audit log is append-only.")

    def delete(self) -> NoReturn:
        raise TypeError("The audit log is append-only.")

    def expire(self) -> int:
        """Let go of what is past its time; only `dashboard.accounts.audit` may, as it keeps the anchor."""
        return int(self._raw_delete(self.db))


class AuditEntry(models.Model):
    """One change by a person or a token, chained to the one before by its hash."""

    number = models.BigIntegerField(primary_key=True)
    at_ms = models.BigIntegerField(db_index=True)
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=100, db_index=True)
    subject = models.CharField(max_length=300)
    detail = models.TextField(help_text="canonical JSON, as it was hashed")
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    objects = AppendOnly.as_manager()

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("The audit log is append-only.")
