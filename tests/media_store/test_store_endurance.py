"""Folder and moto over the long run, and moving between them; what is asked stands in endurance.py and moving.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import servers
from tests.cli.conftest import desk
from tests.media_store.contract import Place
from tests.media_store.endurance import LinksToParts, StoreEndurance, UnfinishedUploads
from tests.media_store.moving import StoreMoving

__all__ = ["desk"]


@pytest.fixture
def moto_place(s3_server: servers.S3Server, s3_endpoint: str) -> Place:
    return Place(f"s3://{s3_server.create_bucket()}", s3_endpoint, s3_server.region, s3_server.environment())


class TestFolderOverTheLongRun(StoreEndurance):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return Place(f"file:{tmp_path}/store")


class TestMotoOverTheLongRun(StoreEndurance, UnfinishedUploads, LinksToParts):
    tells_when_begun = False  # moto says 2010 of every upload

    @pytest.fixture
    def place(self, moto_place: Place) -> Place:
        return moto_place


class TestMovingToMotoAndBack(StoreMoving):
    @pytest.fixture
    def place(self, moto_place: Place) -> Place:
        return moto_place
