"""The cookbook's rules for Step Functions: a refusal is retried slowly, and other errors by another rule."""

from __future__ import annotations

import json
import re

from stored_tables import ROOT

from recloser import CircuitOpen

PAGE = (ROOT / "docs" / "cookbook.md").read_text(encoding="utf-8")


def test_the_first_rule_is_for_refusals() -> None:
    """It names the class, as Lambda reports an exception, and stands before the rule for all errors."""
    found = re.search(r"```json retry\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    refused, others = json.loads(found.group(1))
    assert refused["ErrorEquals"] == [CircuitOpen.__name__]
    assert others["ErrorEquals"] == ["States.ALL"], "it must be the last, and alone"
    assert refused["IntervalSeconds"] > others["IntervalSeconds"]
