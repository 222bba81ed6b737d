"""What belongs to the events list: its files, its parts, and the searches that people keep of it."""

from __future__ import annotations

from django.urls import path

from dashboard.explore.views.downloads import download
from dashboard.explore.views.parts import completions, facets, histogram, more, tail
from dashboard.explore.views.preview import copies, preview
from dashboard.explore.views.searches import (
    change_search,
    delete_search,
    keep_columns,
    open_search,
    pin_search,
    save_search,
    searches_page,
)

urlpatterns = [
    path("events.csv", download, {"kind": "csv"}, name="csv"),
    path("events.ndjson", download, {"kind": "ndjson"}, name="ndjson"),
    path("explore/preview/<path:event_id>/", preview, name="preview"),
    path("explore/copies/<path:event_id>/", copies, name="copies"),
    path("explore/histogram/", histogram, name="histogram"),
    path("explore/facets/", facets, name="facets"),
    path("explore/more/", more, name="more"),
    path("explore/tail/", tail, name="tail"),
    path("explore/completions/", completions, name="completions"),
    path("explore/columns/", keep_columns, name="keep-columns"),
    path("searches/", searches_page, name="searches"),
    path("searches/save/", save_search, name="search-save"),
    path("searches/<int:search_id>/", open_search, name="search-open"),
    path("searches/<int:search_id>/change/", change_search, name="search-change"),
    path("searches/<int:search_id>/delete/", delete_search, name="search-delete"),
    path("searches/<int:search_id>/pin/", pin_search, name="search-pin"),
]
