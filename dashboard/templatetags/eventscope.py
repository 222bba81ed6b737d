"""Filters and tags that every template may use; loaded for all of them by the settings."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from dashboard.accounts.models import Role
from dashboard.accounts.rights import allows

__all__ = [
    "badge",
    "compact",
    "icon",
    "id_chip",
    "json_view",
    "may",
    "middle",
    "ms",
    "percent",
    "to_ms",
    "when",
]

register = template.Library()

TONES = {
    "ok": "healthy success ok closed resolved processed active started live succeeded done completed",
    "warn": "degraded warning half_open retry retrying pending acknowledged snoozed stale waiting awaiting cancelling paused",
    "bad": "unhealthy failed open firing critical dead_lettered error forced_open stalled lost",
    "off": "suppressed unknown disabled skipped archived discarded superseded stopped cancelled planned idle none closed_by_hand",
}
TONE_OF = {word: tone for tone, words in TONES.items() for word in words.split()}
WORD_OF = {"dead_lettered": "dead-lettered"}
"""What is written otherwise than by taking the underscores out."""
ICON_OF_TONE = {
    "ok": "circle-check",
    "warn": "alert-circle",
    "bad": "alert-triangle",
    "off": "circle-dashed",
    "info": "info-circle",
}
LAST_MS = 253_402_300_799_999
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false|null|NaN|-?Infinity)"
)


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """A drawing of the sprite, for the eye only: words stand beside it or in a label."""
    return format_html(
        '<svg class="es-icon {}" aria-hidden="true"><use href="{}#{}"/></svg>',
        extra,
        static("icons.svg"),
        name,
    )


@register.filter
def middle(value: object, most: int) -> str:
    """At most ``most`` letters, cut in the middle: names of services differ at their ends."""
    text = str(value)
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}…{text[head + 1 - most :]}"


@register.simple_tag
def badge(status: str, word: str = "", tone: str = "") -> SafeString:
    """A status as colour, drawing and word. ``tone`` is one of ok, warn, bad, off, info."""
    tone = tone or TONE_OF.get(str(status).lower(), "info")
    return format_html(
        '<span class="es-badge" data-status="{}" data-tone="{}">{}{}</span>',
        status,
        tone,
        icon(ICON_OF_TONE[tone]),
        word or WORD_OF.get(str(status)) or str(status).replace("_", " "),
    )


@register.simple_tag
def id_chip(value: object, url: str = "", label: str = "") -> SafeString:
    """An id in monospace, a link if ``url`` is given, with a button that copies all of it."""
    if value is None or value == "":
        return mark_safe('<span class="es-none">—</span>')
    shown = format_html('<span class="es-id-text" title="{}">{}</span>', value, value)
    if url:
        shown = format_html('<a class="es-id-text" href="{}" title="{}">{}</a>', url, value, value)
    return format_html(
        '<span class="es-id">{}{}<button type="button" class="es-copy" data-copy="{}" aria-label="Copy {}">{}</button></span>',
        format_html('<span class="es-id-label">{}</span>', label) if label else "",
        shown,
        value,
        label or "id",
        icon("copy"),
    )


@register.simple_tag
def when(ms_value: object, style: str = "full") -> SafeString:
    """A moment in ms since 1970 as ``<time>``; the browser shows it local, UTC on hover.

    ``style``: ``full`` (date and time), ``time`` (of the day), ``ago`` and ``left`` (kept current).
    """
    value = _number(ms_value)
    if value is None or not 0 <= value <= LAST_MS:
        return mark_safe('<span class="es-none">—</span>')
    moment = datetime.fromtimestamp(value / 1000, tz=UTC)
    iso = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(value) % 1000:03d}Z"
    text = f"{iso[:10]} {iso[11:19]} UTC"
    return format_html(
        '<time datetime="{}" data-ms="{}" data-style="{}" title="{}">{}</time>',
        iso,
        int(value),
        style,
        text,
        text,
    )


@register.filter
def ms(value: object) -> str:
    """A duration in ms for the eye: ``0.8 ms``, ``45 ms``, ``1.2 s``, ``3 m 4 s``, ``2 h 5 m``, ``3 d``."""
    number = _number(value)
    if number is None:
        return "—"
    sign, number = ("−" if number < 0 else ""), abs(number)
    return sign + _duration(number)


@register.filter
def compact(value: object) -> str:
    """A count for the eye: 999, 1.2k, 3.4M; ``—`` for nothing."""
    number = _number(value)
    if number is None:
        return "—"
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(number) >= limit:
            scaled = number / (1000.0 if unit == "k" else limit)
            return f"{scaled:.1f}".rstrip("0").rstrip(".") + unit
    return f"{number:,.0f}" if number == int(number) or abs(number) >= 100 else f"{number:.3g}"


@register.filter
def percent(share: object) -> str:
    """A share of one: 0.0012 → ``0.12%``."""
    number = _number(share)
    if number is None:
        return "—"
    hundred = number * 100
    return (
        "0%"
        if hundred == 0
        else f"{hundred:.2g}%"
        if hundred < 1
        else f"{hundred:.3g}%"
        if hundred < 10
        else f"{hundred:.1f}%"
    )


@register.filter
def to_ms(seconds: object) -> int | None:
    """Seconds since 1970 as ms; for `when`."""
    number = _number(seconds() if callable(seconds) else seconds)
    return None if number is None else int(number * 1000)


@register.simple_tag
def tile_value(value: object, unit: str = "") -> SafeString:
    """A tile's number with its unit made small."""
    if _number(value) is None:
        return mark_safe('<span class="es-none">—</span>')
    text = {"ms": ms, "share": percent}.get(unit, compact)(value)
    number, _, rest = text.partition(" ")
    rest = rest or ("/s" if unit == "/s" else "")
    return format_html('{}<span class="es-tile-unit">{}</span>', number, rest)


@register.simple_tag
def spark(values: Sequence[float | None], width: int = 72, height: int = 28) -> str:
    """Points of a polyline through the known values, on a floor of zero."""
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return ""
    top = max(value for _, value in known) or 1
    across = width / (len(values) - 1)
    return " ".join(
        f"{place * across:.1f},{height - 1 - value / top * (height - 2):.1f}"
        for place, value in known
    )


@register.filter
def may(user: Any, role: str) -> bool:
    """``{% if user|may:"operator" %}``."""
    return allows(user, Role(role))


@register.simple_tag
def json_view(value: object, raw: str = "") -> SafeString:
    """A value as indented, coloured JSON; ``raw`` is shown as it is when the value cannot be."""
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        text = raw or "(nested too deeply to be shown)"
        return format_html('<pre class="es-json" tabindex="0">{}</pre>', _whole(text))
    return format_html('<pre class="es-json" tabindex="0">{}</pre>', _coloured(_whole(text)))


def _whole(text: str) -> str:
    """Half of a surrogate pair stands for no character: no page can hold it."""
    return LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def _coloured(text: str) -> SafeString:
    parts: list[tuple[str, str]] = []
    end = 0
    for match in TOKEN.finditer(text):
        parts += [("", text[end : match.start()]), (match.lastgroup or "", match.group())]
        end = match.end()
    parts.append(("", text[end:]))
    return format_html_join("", "{}", ((_span(kind, word),) for kind, word in parts if word))


def _span(kind: str, word: str) -> str | SafeString:
    return format_html('<span class="es-json-{}">{}</span>', kind, word) if kind else word


def _duration(number: float) -> str:
    if number < 1000:
        return f"{number:.2g} ms" if number < 10 else f"{number:.0f} ms"
    seconds = number / 1000
    if seconds < 60:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + " s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest} s" if rest else f"{minutes} m"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} m" if minutes else f"{hours} h"
    return f"{hours // 24} d"


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
