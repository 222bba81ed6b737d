"""Apache Kafka with listeners that ask who is there: accounts (PLAIN, SCRAM), TLS, and both."""

from __future__ import annotations

from pathlib import Path

from tests.kafka.certificates import Authority
from tests.kafka.servers import ApacheKafka
from tests.servers import free_port

__all__ = ["PASSWORD", "SecureKafka"]

PASSWORD = "s3cret-of-ann"
_LISTENERS = ("sasl_plaintext", "ssl", "sasl_ssl")
_MODULE = "org.apache.kafka.common.security"


class SecureKafka(ApacheKafka):
    """``address`` is open, for what the tests do themselves; `at` names the others.

    The account ``ann`` has `PASSWORD` by PLAIN and by both kinds of SCRAM. The listener ``ssl`` asks
    for a certificate of ``authority``, ``sasl_ssl`` for none.
    """

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.ports = {name: free_port() for name in _LISTENERS}
        super().__init__(folder)

    def at(self, listener: str) -> str:
        return f"127.0.0.1:{self.ports[listener]}"

    def settings(self) -> str:
        places = ",".join(f"{name.upper()}://{self.at(name)}" for name in _LISTENERS)
        opened = (
            super().settings().replace("listeners=PLAINTEXT:", f"listeners={places},PLAINTEXT:")
        )
        protocols = ",".join(
            f"{name}:{name}" for name in ("PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL")
        )
        kinds = f"listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT"
        return "\n".join([opened, kinds, *self._accounts(), *self._certificates(), ""])

    def format_options(self) -> list[str]:
        return [
            word
            for kind in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for word in ("--add-scram", f"{kind}=[name=ann,password={PASSWORD}]")
        ]

    def _accounts(self) -> list[str]:
        plain = f'{_MODULE}.plain.PlainLoginModule required user_ann="{PASSWORD}";'
        scram = f"{_MODULE}.scram.ScramLoginModule required;"
        modules = {"plain": plain, "scram-sha-256": scram, "scram-sha-512": scram}
        return [
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            *(
                f"listener.name.{listener}.{mechanism}.sasl.jaas.config={module}"
                for listener in ("sasl_plaintext", "sasl_ssl")
                for mechanism, module in modules.items()
            ),
        ]

    def _certificates(self) -> list[str]:
        """A PEM store is one file, the key first (KIP-651)."""
        certificate, key = self.authority.issue("broker")
        store = self.folder / "broker.pem"
        store.write_bytes(key.read_bytes() + certificate.read_bytes())
        return [
            "ssl.keystore.type=PEM",
            f"ssl.keystore.location={store}",
            "ssl.truststore.type=PEM",
            f"ssl.truststore.location={self.authority.file}",
            "listener.name.ssl.ssl.client.auth=required",
        ]
