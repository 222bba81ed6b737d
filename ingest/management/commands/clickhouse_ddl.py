"""``manage.py clickhouse_ddl``: the statements that make ClickHouse's tables, to look at or to run by hand."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ingest.store.clickhouse.engine import database_of
from ingest.store.clickhouse.tables import Cluster, create_statements


class Command(BaseCommand):
    help = "Print the DDL of ClickHouse's tables; with --cluster replicated and distributed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--cluster",
            metavar="NAME",
            default=settings.INGEST.store.cluster,
            help="as the servers' remote_servers names it; default [store] cluster",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["cluster"]
        cluster = Cluster(name) if name else None
        database = database_of(settings.INGEST.store.url)
        for statement in create_statements(database, cluster):
            self.stdout.write(f"{statement};\n")
