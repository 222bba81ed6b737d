"""What every answer's shape is made of."""

from __future__ import annotations

from ninja import Schema
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = ["ErrorShape", "Page", "Shape"]


class Shape(Schema):
    """camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Page(Shape):
    next: str | None = Field(description="cursor of the next page; null at the end")


class ErrorShape(Shape):
    type: str
    message: str
    stack: str
