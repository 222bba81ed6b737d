"""Benchmarks, one module each; `manage.py benchmark` (make bench) runs them all.

A module is run as ``python -m benchmarks.NAME --json [--long]`` and prints one JSON object a line for
each figure, ``{"name": "store: events inserted", "value": 123456.0, "unit": "events/s"}``; other lines
are shown as they are. Ratios are of figures measured in the same run. A run without ``--long`` takes
about a minute at most and ends by itself.
"""
