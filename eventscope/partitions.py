"""Keys to partitions, and how many consumers a backlog wants: pure functions."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Load", "ScalingAdvice", "ScalingRules", "murmur2", "partition_of", "scaling_advice"]

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bit, with the seed of Kafka's default partitioner.

    So the partition of a key is the one that Kafka's own clients choose
    (https://github.com/apache/kafka, org.apache.kafka.common.utils.Utils.murmur2).
    """
    length = len(data)
    value = (0x9747B28C ^ length) & _MASK
    whole = length & ~3
    for index in range(0, whole, 4):
        part = int.from_bytes(data[index : index + 4], "little") * _M & _MASK
        part = (part ^ part >> 24) * _M & _MASK
        value = (value * _M & _MASK) ^ part
    rest = data[whole:]
    if rest:
        value = (value ^ int.from_bytes(rest, "little")) * _M & _MASK
    value = (value ^ value >> 13) * _M & _MASK
    return value ^ value >> 15


def partition_of(key: str, partitions: int) -> int:
    """From 0 to ``partitions`` - 1, the same for a key on every machine and in every release."""
    if partitions < 1:
        raise ValueError("there must be at least 1 partition")
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


class ScalingRules(NamedTuple):
    """The guide's rules; cpu and memory in percent, backlog in messages an instance."""

    min_instances: int = 2
    max_instances: int = 10
    cpu: float = 70.0
    memory: float = 80.0
    message_backlog: int = 1000


class Load(NamedTuple):
    """What is seen now; None where it is not known. ``partitions`` 0: no bound by partitions."""

    instances: int
    backlog: int = 0
    cpu: float | None = None
    memory: float | None = None
    partitions: int = 0


class ScalingAdvice(NamedTuple):
    instances: int
    reason: str


def scaling_advice(rules: ScalingRules, load: Load) -> ScalingAdvice:
    """How many instances the load wants: the most that any single rule asks for, within bounds.

    Utilisation scales as Kubernetes' HPA does: instances × seen / wanted, rounded up
    (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details).
    """
    wishes = [
        (math.ceil(load.backlog / rules.message_backlog), f"backlog of {load.backlog}"),
        (_share(load.instances, load.cpu, rules.cpu), f"cpu at {load.cpu} %"),
        (_share(load.instances, load.memory, rules.memory), f"memory at {load.memory} %"),
    ]
    wanted, reason = max(wishes, key=lambda wish: wish[0])
    if wanted <= rules.min_instances:
        return ScalingAdvice(rules.min_instances, "the least that is allowed suffices")
    ceiling = min(rules.max_instances, load.partitions or rules.max_instances)
    if wanted > ceiling:
        bound = "instances" if ceiling == rules.max_instances else "partitions"
        return ScalingAdvice(ceiling, f"{reason} wants {wanted}; there are {ceiling} {bound}")
    return ScalingAdvice(wanted, reason)


def _share(instances: int, seen: float | None, wanted: float) -> int:
    return 0 if seen is None else math.ceil(instances * seen / wanted)
