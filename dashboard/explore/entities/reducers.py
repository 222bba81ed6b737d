"""The reducer that a kind of entity is declared with."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.explore.entities.fold import guarded
from eventscope.errors import ReducerError
from eventscope.reducers import Reducer, Step, declared_reducer, find_reducer, merge_reducer
from ingest.options import EntityOptions, StepOptions

__all__ = ["make_reducer", "reducer_problems"]


def make_reducer(options: EntityOptions | None) -> Reducer:
    """The reducer of a kind; merging where nothing is declared. Raises `ReducerError`."""
    if options is None or (options.reducer in ("", "merge") and not options.steps):
        return merge_reducer
    if options.steps:
        return declared_reducer([_step(step) for step in options.steps])
    return guarded(find_reducer(options.reducer, options.module))


def reducer_problems(entities: Mapping[str, EntityOptions]) -> dict[str, str]:
    """Why the reducer of a kind cannot be had, by ``entities.KIND.reducer``; {} if all can."""
    problems = {}
    for kind, options in entities.items():
        try:
            make_reducer(options)
        except ReducerError as error:
            problems[f"entities.{kind}.reducer"] = str(error)
    return problems


def _step(options: StepOptions) -> Step:
    on = (options.on,) if isinstance(options.on, str) else options.on
    source = options.merge or options.from_
    verb = options.verb
    place = options.into if verb == "merge" else getattr(options, verb)
    return Step(
        on=on,
        verb=verb,
        place=_path(place) or (),
        source=_path(source),
        value=1 if verb == "count" and not options.has_value else options.value,
    )


def _path(text: str) -> tuple[str, ...] | None:
    return tuple(text.split(".")) if text else None
