from __future__ import annotations

from pathlib import Path

import pytest

from config.options import load_options
from ingest.options import EntityOptions, OptionsError, StepOptions

HEAD = "[entities.order]\ntypes = ['ORDER_*']\nid = 'payload.orderId'\n"


def load(tmp_path: Path, text: str) -> dict[str, EntityOptions]:
    file = tmp_path / "eventscope.toml"
    file.write_text(text, encoding="utf-8")
    return load_options({"EVENTSCOPE_CONFIG": str(file)}).ingest.entities


def test_a_kind_is_read_with_its_steps(tmp_path: Path) -> None:
    text = f"{HEAD}version = 'metadata.v'\nsteps = [{{ on = 'A', merge = 'payload' }}, {{ count = 'n' }}]\n"
    assert load(tmp_path, text) == {
        "order": EntityOptions(
            types=("ORDER_*",),
            id="payload.orderId",
            version="metadata.v",
            steps=(StepOptions(on="A", merge="payload"), StepOptions(count="n")),
        )
    }


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (
            "[entities.order]\ntypes = []\nid = 'payload.x'\n",
            "entities.order.types: Expected `array` of length >= 1",
        ),
        ("[entities.order]\ntypes = ['A']\n", "entities.order: Object missing required field `id`"),
        ("[entities.order]\ntypes = ['A']\nid = 'a..b'\n", "entities.order.id: Expected `str`"),
        ("[entities.'or/der']\ntypes = ['A']\nid = 'a.b'\n", "entities: Expected `str` matching"),
        (f"{HEAD}reducr = 'merge'\n", "entities.order: Object contains unknown field `reducr`"),
        (
            f"[entities.a]\ntypes = ['A']\nid = 'payload.a'\n{HEAD}types_ = 1\n",
            "entities.order: Object contains unknown field",
        ),
        (f"{HEAD}version = 'body.v'\n", "entities.order: Expected a path that begins with one of"),
        (
            f"{HEAD}reducer = 'x'\nsteps = [{{ count = 'n' }}]\n",
            "entities.order: Expected steps or a reducer, not both",
        ),
        (f"{HEAD}module = 'x'\n", "entities.order: Expected beside module the reducer"),
        (
            f"{HEAD}steps = [{{ count = 'n' }}, {{ on = 'A' }}]\n",
            "entities.order.steps[1]: Expected one of merge, set, append, count, remove; got none",
        ),
        (
            f"{HEAD}steps = [{{ set = 'a', count = 'b', value = 1 }}]\n",
            "entities.order.steps[0]: Expected one of merge, set, append, count, remove; got set and count",
        ),
        (f"{HEAD}steps = [{{ set = 'a' }}]\n", "entities.order.steps[0]: Expected from or value"),
        (
            f"{HEAD}steps = [{{ set = 'a', from = 'payload.b', value = 1 }}]\n",
            "entities.order.steps[0]: Expected from or value beside set, one of them",
        ),
        (
            f"{HEAD}steps = [{{ set = 'a', from = 'order.b' }}]\n",
            "entities.order.steps[0]: Expected a path that begins with one of eventId,",
        ),
        (
            f"{HEAD}steps = [{{ count = 'a', into = 'b' }}]\n",
            "entities.order.steps[0]: Expected into beside merge only",
        ),
        (
            f"{HEAD}steps = [{{ remove = 'a', value = 1 }}]\n",
            "entities.order.steps[0]: Expected neither from nor value beside remove",
        ),
        (
            f"{HEAD}[index]\npaths = ['payload.orderId.number']\n",
            "entities.order.id: Expected a path to a value of its own; payload.orderId and "
            "payload.orderId.number, which is indexed too, lead through each other",
        ),
        (
            f"{HEAD}[privacy]\nredact = ['payload']\n",
            "entities.order.id: Expected a path that can be read; [privacy] hides payload",
        ),
    ],
)
def test_a_declaration_that_is_not_right_is_refused_by_file_key_and_expectation(
    tmp_path: Path, text: str, refusal: str
) -> None:
    with pytest.raises(OptionsError) as refused:
        load(tmp_path, text)
    assert str(refused.value).startswith(f"{tmp_path}/eventscope.toml: {refusal}")


def test_the_demo_s_own_declaration_is_right() -> None:
    file = Path(__file__).resolve().parents[2] / "examples" / "orders" / "eventscope.toml"
    assert set(load_options({"EVENTSCOPE_CONFIG": str(file)}).ingest.entities) == {
        "order",
        "customer",
    }
