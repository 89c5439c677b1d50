"""What a caller's stack can import."""

from __future__ import annotations

from transformed_template import Document, of_type


def test_exports(stack: Document) -> None:
    """The tables, the layer, the callers' policy and the dashboard are exported under the stack's name."""
    (layer,) = of_type(stack["Resources"], "AWS::Lambda::LayerVersion")
    exported = {
        output["Export"]["Name"]: output["Value"]
        for output in stack["Outputs"].values()
        if "Export" in output
    }
    exported.pop("recloser-DashboardUrl")  # test_dashboard looks at it
    assert exported == {
        "recloser-CircuitTableName": {"Ref": "CircuitTable"},
        "recloser-CircuitTableArn": {"Fn::GetAtt": ["CircuitTable", "Arn"]},
        "recloser-ProbeTableName": {"Ref": "ProbeTable"},
        "recloser-ProbeTableArn": {"Fn::GetAtt": ["ProbeTable", "Arn"]},
        "recloser-LayerArn": {"Ref": layer},
        "recloser-CallerPolicyArn": {"Ref": "CallerPolicy"},
    }


def test_every_output_is_described(stack: Document) -> None:
    """Nobody has to guess."""
    assert all(output["Description"].endswith(".") for output in stack["Outputs"].values())
