"""docs/guide-map.md names only what exists, and every section of the guide."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from dashboard.options import DashboardOptions
from ingest.options import IngestOptions
from tests.docs.routes import route_patterns

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "guide-map.md").read_text(encoding="utf-8")
BLOCKS = [
    *("orderEvent", "eventTypes", "OrderService", "InventoryService", "OrderEventStore"),
    *("OrderCommandHandler", "OrderQueryHandler", "brokerConfig", "OrderStreamProcessor"),
    *("scalingConfig", "loadBalancerConfig", "deadLetterConfig", "circuitBreakerConfig"),
    *("eventMetrics", "healthCheckConfig"),
]
"""The names that the guide's code blocks define, in order."""


def quoted(pattern: str) -> set[str]:
    return set(re.findall(rf"`({pattern})`", TEXT))


@pytest.mark.parametrize("path", sorted(quoted(r"[a-z_]+/[\w/]+\.py")))
def test_module_exists(path: str) -> None:
    assert (ROOT / path).is_file()


def test_names_beside_a_module_are_defined_in_it() -> None:
    missing = []
    for path, names in re.findall(r"`([\w/]+\.py)` \((`[^)]+`)\)", TEXT):
        source = (ROOT / path).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", names):
            if not re.search(rf"^(?:class|def) {name}\b", source, re.MULTILINE):
                missing.append(f"{path}: {name}")
    assert missing == []


def test_settings_exist() -> None:
    options = (IngestOptions, DashboardOptions)
    known = {f"[{field.encode_name}]" for kind in options for field in msgspec.structs.fields(kind)}
    assert quoted(r"\[\w+\]") - known == set()


def test_pages_exist() -> None:
    known = {f"/{pattern}" for pattern in route_patterns()}
    assert quoted(r"/[^` ]*") - known == set()


def test_every_block_of_the_guide_has_its_row() -> None:
    first = [cell for line in TEXT.splitlines() for cell in line.split("|")[1:2]]
    named = [name for cell in first for name in re.findall(r"`(\w+)`", cell)]
    assert named == BLOCKS
