"""Filters of event source mappings on the local AWS: as AWS compares them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from recloser.lab.local_aws import emulator_filters


@pytest.fixture
def matches() -> Any:
    """ministack's comparison, patched."""
    from ministack.services import lambda_svc  # noqa: PLC0415

    service = ModuleType("service")
    service._match_esm_filter = lambda_svc._match_esm_filter  # type: ignore[attr-defined]
    emulator_filters.patch(service)
    return service._match_esm_filter


def image(**attributes: Any) -> dict[str, Any]:
    return {"eventName": "MODIFY", "dynamodb": {"NewImage": attributes}}


NO_PERMIT = {"dynamodb": {"NewImage": {"granted": {"N": [{"exists": False}]}}}}
CLAIMED = {"dynamodb": {"NewImage": {"granted": {"N": [{"anything-but": ["0"]}]}}}}


def test_a_leaf_that_is_missing_with_all_above_it(matches: Any) -> None:
    """`exists: false` fits where nothing is on the way to the leaf, and only there."""
    assert matches(image(calls_00={"N": "1"}), NO_PERMIT)
    assert not matches(image(granted={"N": "0"}), NO_PERMIT)


def test_other_comparisons_stay(matches: Any) -> None:
    """What is there is compared as before."""
    assert matches(image(granted={"N": "1"}), CLAIMED)
    assert not matches(image(granted={"N": "0"}), CLAIMED)
