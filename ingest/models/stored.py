"""Stored events: names, blocks with their frames, and what finds them. Written only through `ingest.store`."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["Block", "Frame", "KeyPage", "KeyRun", "Posting", "Series"]


class Series(models.Model):
    """A (type, source, consumer, topic, group) that is counted; consumer is "" for publishing.

    ``consumer_group`` is "" where it has the consumer's own name, or was not told.
    """

    type = models.CharField(max_length=200)
    source = models.CharField(max_length=200)
    consumer = models.CharField(max_length=200, default="", blank=True)
    topic = models.CharField(max_length=255)
    consumer_group = models.CharField(max_length=200, default="", blank=True)
    created_ms = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["type", "source", "consumer", "topic", "consumer_group"],
                name="series_names",
            )
        ]


class Block(models.Model):
    """A stored batch, its rows in order of append time; the bodies are in its frames.

    ``columns`` is what `ingest.store.blocks` encodes. A block is sealed once it is large enough (or
    old enough) not to be joined with its neighbours; only sealed blocks' keys are merged.
    """

    rows = models.IntegerField()
    first_ms = models.BigIntegerField(db_index=True)
    last_ms = models.BigIntegerField()
    span = models.SmallIntegerField(default=0, help_text="class of last - first, see store.blocks")
    sealed = models.BooleanField(default=False)
    size = models.BigIntegerField(default=0, help_text="bytes stored, keys and frames included")
    columns = models.BinaryField()
    marks = models.SmallIntegerField(default=0, help_text="version of its marks, see store.marks")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["last_ms"], name="block_newest"),
            models.Index(fields=["span", "last_ms"], name="block_at"),
            models.Index(
                fields=["last_ms"], name="block_unsealed", condition=models.Q(sealed=False)
            ),
            models.Index(fields=["marks"], name="block_marks"),
        ]


class Frame(models.Model):
    """Some hundred bodies of a block, packed together: the unit that a read decompresses."""

    block = models.ForeignKey(Block, on_delete=models.CASCADE, db_index=False)
    number = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["block", "number"], name="frame_of_block")
        ]


class Posting(models.Model):
    """Series ``series_id`` occurs in block ``block_id``: what lets a filter skip whole blocks."""

    series_id = models.BigIntegerField()
    block = models.ForeignKey(Block, on_delete=models.CASCADE)
    first_ms = models.BigIntegerField(default=0, help_text="of the block, as last_ms")
    last_ms = models.BigIntegerField()
    rows = models.IntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["series_id", "last_ms"], name="posting_newest"),
            models.Index(fields=["series_id", "first_ms"], name="posting_oldest"),
        ]


class KeyRun(models.Model):
    """A sorted set of (key hash → block, row), level 0 for one block, higher ones merged.

    Life of a merge, each step a transaction: 1. a BUILDING run is made and its inputs name it in
    ``merged_into``; 2. pages are written for hashes below ``progress``; 3. it becomes LIVE and its
    inputs DEAD at once; 4. the dead are deleted. Only LIVE runs are read.
    """

    class State(models.IntegerChoices):
        LIVE = 0
        BUILDING = 1
        DEAD = 2

    level = models.IntegerField()
    state = models.SmallIntegerField(choices=State.choices, default=State.LIVE)
    keys = models.BigIntegerField()
    first_ms = models.BigIntegerField(default=0, help_text="oldest event that it points to")
    last_ms = models.BigIntegerField(help_text="newest event that it points to")
    blocks = models.BinaryField(help_text="ids of the blocks pointed to, as int64")
    merged_into = models.BigIntegerField(null=True, help_text="the run being built from this one")
    progress = models.BigIntegerField(default=0, help_text="hashes below are merged already")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state", "level"], name="run_state")]


class KeyPage(models.Model):
    """A page of a run; ``first`` and ``last`` are the bounds of its 48-bit hashes."""

    run = models.ForeignKey(KeyRun, on_delete=models.CASCADE, db_index=False)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["run", "last", "id"], name="page_seek")]
