"""How the cases of recorded requests are read: one JSON file per case, with what it says, the request and the items."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from desk.channels.contract import AnyItem, Sender

CASES = Path(__file__).parent / "whatsapp_cloud" / "cases"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "recorded" in metafunc.fixturenames:
        paths = sorted(CASES.glob("*.json"))
        cases = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        metafunc.parametrize("recorded", cases, ids=[path.stem for path in paths])


def shown(item: AnyItem) -> dict[str, Any]:
    """An item as the cases write it: its kind, and every field that says something."""
    return {"item": type(item).__name__} | _fields(item)


def _fields(value: Any) -> dict[str, Any]:
    told = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return {name: part for name, part in told.items() if part not in (None, "", False, {}, [])}


def _plain(value: Any) -> Any:
    if isinstance(value, Sender) or (dataclasses.is_dataclass(value) and not isinstance(value, type)):
        return _fields(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value


@pytest.fixture(name="shown")
def shown_fixture() -> Any:
    return shown


@pytest.fixture(scope="session")
def recorded_bodies() -> list[dict[str, Any]]:
    """Every recorded request, for tests that change them."""
    return [json.loads(path.read_text(encoding="utf-8"))["request"] for path in sorted(CASES.glob("*.json"))]
