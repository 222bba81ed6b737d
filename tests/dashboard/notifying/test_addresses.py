"""Which addresses are of the public internet."""

from __future__ import annotations

import pytest

from dashboard.notifying.senders.addresses import is_allowed_host, is_public


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "fec0::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)  # fmt: skip
def test_not_public(address: str) -> None:
    assert not is_public(address)


def test_targets_are_globs_of_hosts_without_regard_to_case() -> None:
    assert is_allowed_host("Hooks.Example.com", ("*.example.com",))
    assert not is_allowed_host("example.com.evil.net", ("*.example.com", "example.com"))
    assert not is_allowed_host("anything", ())
