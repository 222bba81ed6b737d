"""People and what they may do."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models

__all__ = ["Role", "User"]


class Role(models.TextChoices):
    """Each role may do all that the one before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class User(AbstractUser):
    """Somebody who signs in."""

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)

    REQUIRED_FIELDS: ClassVar[list[str]] = []
