"""What the events page and its parts are asked, and their addresses with one thing changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from dashboard.accounts.models import User
from dashboard.explore.filters import EventQuery, parse_event_query
from dashboard.explore.presentation import Presentation, split_parameters
from dashboard.explore.searches import shown_for
from dashboard.explore.views.shared import indexed_paths

__all__ = ["Asked", "read_asked"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is selected, and how it is shown."""

    query: EventQuery
    shown: Presentation

    @property
    def state(self) -> str:
        """Both as the query string of an address."""
        return self.shown.state(self.query)

    def url(self, **changes: str) -> str:
        """The page with ``changes``; "" takes a part away."""
        return self.address("events", **changes)

    def address(self, view: str, **changes: str) -> str:
        """The same state asked of another view of explore."""
        return f"{reverse(f'explore:{view}')}?{self.shown.state(self.query, **changes)}"


def read_asked(request: HttpRequest, *, now_ms: int, beside: Collection[str] = ()) -> Asked:
    """The request's query and look; ``beside`` are parameters that the view reads itself.

    Raises `FilterError` naming the part that is not right.
    """
    assert isinstance(request.user, User)  # LoginRequiredMiddleware has let nobody else in
    given = {name: values for name, values in request.GET.lists() if name not in beside}
    selects, shows = split_parameters(given)
    shown = shown_for(request.user, shows)
    query = parse_event_query(selects, now_ms=now_ms, system=False, indexed=indexed_paths())
    return Asked(query, shown)
