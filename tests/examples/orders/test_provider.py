from __future__ import annotations

import asyncio

import pytest

from examples.orders.control import Control
from examples.orders.provider import PaymentProvider, ProviderTimeout, hash_share, in_outage


def test_first_minute_has_a_short_outage() -> None:
    down = [second for second in range(300) if in_outage(second)]

    assert down == list(range(25, 34))


def test_each_later_five_minutes_have_one_short_outage() -> None:
    for slot in range(1, 100):
        down = [second for second in range(slot * 300, slot * 300 + 300) if in_outage(second)]
        assert 7 <= len(down) <= 14
        assert down == list(range(down[0], down[-1] + 1))


def test_same_order_gets_the_same_answer() -> None:
    provider = PaymentProvider(Control(), trouble=False)

    async def charge_twice() -> list[object]:
        return [await provider.charge("ORD_1A", 5.0) for _ in range(2)]

    first, second = asyncio.run(charge_twice())

    assert first == second == ("txn_1a", True)


def test_provider_that_is_down_times_out() -> None:
    provider = PaymentProvider(Control(frozenset({"provider-down"})), trouble=False)

    with pytest.raises(
        ProviderTimeout, match="POST /v1/charges for ORD_1: no answer within 250 ms"
    ):
        asyncio.run(provider.charge("ORD_1", 5.0))


def test_one_card_in_a_hundred_is_declined() -> None:
    shares = [hash_share(f"ORD_{number}") for number in range(20_000)]

    assert 150 < sum(share < 0.01 for share in shares) < 250
