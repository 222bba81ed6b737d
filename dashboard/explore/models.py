"""What people keep of the events list. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from django.conf import settings
from django.db import models

__all__ = ["ListDefault", "SavedSearch"]


class SavedSearch(models.Model):
    """A list of events by name: ``state`` is the query string that shows it, so a link is enough."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True, default="")
    state = models.CharField(max_length=4000, blank=True, default="")
    shared = models.BooleanField(default=False, help_text="everybody sees it")
    pinned_by = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="pinned_searches", blank=True
    )
    created_ms = models.BigIntegerField()
    changed_ms = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["owner", "name"], name="one_search_a_name_and_owner"),
        )


class ListDefault(models.Model):
    """How somebody wants the events list when its URL says nothing of it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="events_list_default"
    )
    columns = models.CharField(max_length=4000, blank=True, default="")
    density = models.CharField(max_length=16, default="normal")
