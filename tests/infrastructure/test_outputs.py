"""What other stacks take from this one."""

from __future__ import annotations

from transformed_template import Document, of_type


def test_published_parameters(resources: Document) -> None:
    """Tables, namespace, layer and policies are parameters under the stack's name, which may change."""
    (layer,) = of_type(resources, "AWS::Lambda::LayerVersion")
    published = {
        entry["Name"]: entry["Value"] for entry in of_type(resources, "AWS::SSM::Parameter").values()
    }
    assert published == {
        "/recloser/circuit-table": {"Ref": "CircuitTable"},
        "/recloser/probe-table": {"Ref": "ProbeTable"},
        "/recloser/namespace": "Recloser",
        "/recloser/layer": {"Ref": layer},
        "/recloser/caller-policy": {"Ref": "CallerPolicy"},
        "/recloser/one-circuit-caller-policy": {"Ref": "OneCircuitCallerPolicy"},
        "/recloser/reader-policy": {"Ref": "ReaderPolicy"},
        "/recloser/operator-policy": {"Ref": "OperatorPolicy"},
    }


def test_nothing_is_exported(stack: Document) -> None:
    """An export could not change while another stack imports it: no new layer could be deployed."""
    assert not [name for name, output in stack["Outputs"].items() if "Export" in output]


def test_every_output_is_described(stack: Document) -> None:
    """Nobody has to guess."""
    assert all(output["Description"].endswith(".") for output in stack["Outputs"].values())
