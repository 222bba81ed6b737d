"""Why a client of librdkafka has no connection: what fails for it says only that its time is over."""

from __future__ import annotations

from confluent_kafka import KafkaError

__all__ = ["Connection"]


class Connection:
    """Hears the errors of one client whose setting ``security.protocol`` is ``protocol``.

    A broker that expects TLS or an account, and gets neither, closes the connection without a word;
    librdkafka then tells of nothing but brokers that are down.
    """

    def __init__(self, protocol: str) -> None:
        self.cause = ""
        self._protocol = protocol.lower() or "plaintext"

    def note(self, error: KafkaError) -> None:
        """For ``error_cb``."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.cause = f"{error.name()}: {error.str()}"
        elif not self.cause:
            self.cause = (
                "the connection is closed by the other side: does it expect another "
                f"security.protocol than {self._protocol}?"
            )
