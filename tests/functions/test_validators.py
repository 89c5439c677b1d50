"""The compiled validators are those of the schemas."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest
from deployed_functions import golden
from incoming import validate
from stored_tables import ROOT

from recloser.errors import EventError


@pytest.fixture(scope="module")
def compiler() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compile_schemas", ROOT / "events" / "compile_schemas.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_validators_are_up_to_date(compiler: ModuleType) -> None:
    """What the functions validate by is what the schemas say; `make validators` writes it."""
    for schema in compiler.RECEIVED:
        written = compiler.VALIDATORS / f"{compiler.module_name(schema)}.py"
        assert written.read_text(encoding="utf-8") == compiler.compiled(schema)


def test_an_error_is_short_and_shows_no_control_character() -> None:
    """The message names the place, the value and the rule, however long or hostile the value is."""
    from validators import probe_stream  # noqa: PLC0415

    event = golden("probe-stream")
    event["Records"][0]["dynamodb"]["Keys"]["permit"]["S"] = "\x1b[2J\u202e" + "x" * 400_000
    with pytest.raises(EventError) as raised:
        validate(event, probe_stream)
    message = str(raised.value)
    assert message.startswith("event does not fit probe-stream at $.Records[0].dynamodb.Keys.permit.S: ")
    assert "must match" in message
    assert message.isprintable()
    assert len(message) < 300
