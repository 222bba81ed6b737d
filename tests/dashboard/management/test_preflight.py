from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from django.db import connections

from dashboard.preflight import (
    PreflightError,
    check_databases,
    check_folder,
    check_port,
    newer_migrations,
    pick_port,
)


@pytest.fixture
def taken_port() -> object:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_port_in_use_is_one_clear_line(taken_port: int) -> None:
    with pytest.raises(PreflightError) as refused:
        check_port("127.0.0.1", taken_port)
    assert str(refused.value) == (
        f"Port {taken_port} on 127.0.0.1 is not free (Address already in use). "
        "Stop what uses it or set PORT to another one."
    )


def test_a_taken_preferred_port_makes_way_for_a_free_one(taken_port: int) -> None:
    assert pick_port(taken_port) != taken_port


def test_a_file_where_the_data_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PreflightError, match="cannot be written"):
        check_folder(tmp_path / "file" / "data")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_data_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PreflightError, match="Permission denied"):
        check_folder(tmp_path)


@pytest.mark.django_db(databases=["default", "events"])
def test_a_database_of_this_version_is_accepted() -> None:
    check_databases()
    assert newer_migrations("events") == []


@pytest.mark.django_db(databases=["default", "events"])
def test_a_database_from_a_newer_version_is_refused_by_name() -> None:
    with connections["events"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('ingest', '9999_future', '2030-01-01')"
        )
    with pytest.raises(PreflightError, match=r"newer Eventscope \(ingest\.9999_future\)"):
        check_databases()
