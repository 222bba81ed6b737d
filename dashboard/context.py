"""What every page's frame needs: the navigation, the search box and the honesty strip."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject

from dashboard.accounts.models import Role
from dashboard.accounts.rights import allows
from dashboard.live.catching import catch_up
from dashboard.live.honesty import honesty_of, read_status

__all__ = ["NAVIGATION", "NavGroup", "NavItem", "navigation", "shell"]


@dataclass(frozen=True)
class NavItem:
    """A page of the navigation. ``count_key`` names the tile whose number stands beside it."""

    label: str
    view: str
    icon: str
    shortcut: str = ""
    count_key: str = ""
    also: tuple[str, ...] = ()
    role: Role = Role.VIEWER


@dataclass(frozen=True)
class NavGroup:
    key: str
    label: str
    items: tuple[NavItem, ...]


NAVIGATION = (
    NavGroup(
        "top",
        "",
        (
            NavItem("Overview", "live:overview", "layout-dashboard", "o"),
            NavItem(
                "Events",
                "explore:events",
                "list-details",
                "e",
                also=("/correlations/", "/search/", "/quarantine/"),
            ),
            NavItem("Entities", "explore:entities", "box", "n"),
        ),
    ),
    NavGroup(
        "attention",
        "Attention",
        (
            NavItem("Alerts", "alerts:alerts", "bell", "a", "alerts"),
            NavItem(
                "Dead letters", "recovery:dead-letters", "mail-exclamation", "d", "deadLetters"
            ),
        ),
    ),
    NavGroup(
        "fleet",
        "Fleet",
        (
            NavItem("Health", "fleet:health", "heartbeat", "h", "unhealthy"),
            NavItem("Breakers", "fleet:breakers", "circuit-switch-open", "b", "breakers"),
            NavItem("Consumers", "fleet:consumers", "stack-2", "c"),
            NavItem("Flows", "explore:flows", "route", "f"),
            NavItem("Topology", "explore:topology", "topology-star-3"),
            NavItem("Catalog", "explore:catalog", "book-2"),
        ),
    ),
    NavGroup(
        "house",
        "House",
        (
            NavItem("Audit", "accounts:audit", "shield-check", "l", role=Role.OPERATOR),
            NavItem("Settings", "accounts:settings", "settings", "s"),
            NavItem("API", "api:docs", "terminal-2"),
        ),
    ),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context of every page; nothing of it is for somebody who is not signed in."""
    links = {
        "sign_in_url": url_or_empty("accounts:sign-in"),
        "sign_out_url": url_or_empty("accounts:sign-out"),
        "settings_url": url_or_empty("accounts:settings"),
        "search_url": url_or_empty("explore:search"),
        "quarantine_url": url_or_empty("explore:quarantine"),
        "live_url": "/ws/live/",
        "search_text": request.GET.get("q", "")[:512] if request.path.startswith("/search") else "",
    }
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return links
    return {
        **links,
        "nav": SimpleLazyObject(lambda: navigation(user, request.path)),
        "honesty": SimpleLazyObject(lambda: _honesty(now_ms())),
    }


def _honesty(at_ms: int) -> dict[str, Any]:
    status = read_status(at_ms)
    return honesty_of(status, catch_up(status, at_ms))


def navigation(user: Any, path: str) -> list[dict[str, Any]]:
    """The pages that exist and that ``user`` may see, the one at ``path`` marked."""
    groups = []
    for group in NAVIGATION:
        items = [
            entry
            for item in group.items
            if allows(user, item.role) and (entry := _entry(item, path)) is not None
        ]
        if items:
            groups.append({"key": group.key, "label": group.label, "items": items})
    return groups


def url_or_empty(view: str) -> str:
    """The path of a view, or "" while there is none."""
    try:
        return reverse(view)
    except NoReverseMatch:
        return ""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _entry(item: NavItem, path: str) -> dict[str, Any] | None:
    url = url_or_empty(item.view)
    if not url:
        return None
    inside = path == url if url == "/" else path.startswith((url, *item.also))
    return {
        "label": item.label,
        "url": url,
        "icon": item.icon,
        "shortcut": item.shortcut,
        "count_key": item.count_key,
        "current": inside,
    }
