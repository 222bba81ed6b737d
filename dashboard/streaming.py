"""Files that are sent while they are made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async

__all__ = ["in_thread"]


async def in_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece made in the request's own thread while the server writes: an ordinary iterator
    would be read whole, into memory, before its first byte is sent."""
    following = sync_to_async(next)
    while (piece := await following(pieces, None)) is not None:
        yield piece
