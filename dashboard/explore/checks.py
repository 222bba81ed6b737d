"""Settings of this app that would leave a page without what it shows: refused at start, with the mend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from dashboard.explore.entities.reducers import reducer_problems

__all__ = ["check_reducers"]


@register()
def check_reducers(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Every reducer that an entity names is registered by the module that it names."""
    return [
        Error(
            f"{settings.OPTIONS.file}: {key}: {problem}",
            hint="Register it with @eventscope.sourcing.reducer(NAME) in the module that is named "
            "beside it, which must be on the Python path.",
            id="explore.E001",
        )
        for key, problem in reducer_problems(settings.INGEST.entities).items()
    ]
