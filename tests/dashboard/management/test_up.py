from __future__ import annotations

from pathlib import Path

import msgspec
from pytest_django.fixtures import Settings

from dashboard.management.commands.up import plan_services


def configurations(settings: Settings, file: Path, *, demo: bool) -> set[str | None]:
    """What every process is told of its configuration, where ``file`` is one's own."""
    settings.OPTIONS = msgspec.structs.replace(settings.OPTIONS, file=str(file))
    services = plan_services(broker_port=0, demo=demo, web=True)
    return {service.environment.get("EVENTSCOPE_CONFIG") for service in services}


def test_store_of_the_demo_is_started_before_it(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path

    services = plan_services(broker_port=0, store_port=4711, demo=True, web=False)

    assert [service.name for service in services][-2:] == ["demo-store", "demo"]
    assert "4711" in services[-2].command
    assert services[-2].stage < services[-1].stage


def test_demo_declares_its_entities_unless_there_is_a_configuration(
    settings: Settings, tmp_path: Path
) -> None:
    own = tmp_path / "eventscope.toml"
    demo = settings.BASE_DIR / "examples" / "orders" / "eventscope.toml"

    assert demo.is_file()
    assert configurations(settings, own, demo=True) == {str(demo)}
    assert configurations(settings, own, demo=False) == {None}
    own.touch()
    assert configurations(settings, own, demo=True) == {None}
