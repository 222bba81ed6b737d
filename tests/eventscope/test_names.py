from __future__ import annotations

import subprocess
import sys

import pytest

import eventscope


@pytest.mark.parametrize("name", eventscope.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(eventscope, name).__name__ == name


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = eventscope.Nothing


def test_durations_alone_do_not_load_the_brokers_client() -> None:
    code = "import sys, eventscope.durations; print('redis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
