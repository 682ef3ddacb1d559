"""Migrations lead to exactly the tables the rooms declare, on both databases."""

import importlib
import pkgutil

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import springtide
from springtide.kit import idempotency
from springtide.kit.db import Database, metadata
from springtide.migrations import NewerState, migrate


def _load_every_store() -> None:
    for info in pkgutil.walk_packages(springtide.__path__, "springtide."):
        if "store" in info.name.split("."):
            importlib.import_module(info.name)
    assert idempotency.answers.name in metadata.tables


def test_the_migrated_schema_is_the_declared_one(database: Database) -> None:
    _load_every_store()
    with database.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": False})
        differences = compare_metadata(context, metadata)
    assert [
        difference for difference in differences if "alembic_version" not in str(difference)
    ] == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrate(database)
    with database.read() as tx:
        assert MigrationContext.configure(tx).get_current_revision() is not None


def test_a_database_of_a_newer_release_is_refused_and_left_as_it_is(database: Database) -> None:
    with database.write() as tx:
        tx.execute(text("update alembic_version set version_num = '9001'"))
    with pytest.raises(NewerState, match="version 9001"):
        migrate(database)
    with database.read() as tx:
        assert MigrationContext.configure(tx).get_current_revision() == "9001"
