"""The template as CloudFormation deploys it: loops expanded, the SAM transform applied, parameters filled in.

The loops are expanded by the local AWS's CloudFormation, since sam's own expansion is made for building
and loses some `Fn::Sub`; the SAM transform is AWS's own code. What only a real resource can answer stays
as it is written: `{"Ref": "CircuitTable"}`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

from ministack.services.cloudformation import language_extensions
from samcli.yamlhelper import parse_yaml_file
from samtranslator.translator.transform import transform

ROOT = Path(__file__).parents[2]
REGION = "eu-west-1"
ACCOUNT = "123456789012"

Document = dict[str, Any]

_PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "recloser",
}
_NOTHING = {"Ref": "AWS::NoValue"}


def written_template(name: str = "template.yaml") -> Document:
    """The template as it stands in the file, with `!Ref` and its like in their long form."""
    document: Document = parse_yaml_file(str(ROOT / name))
    return document


def deployed(*, name: str = "template.yaml", **parameters: str) -> Document:
    """The template that is deployed with these parameters; what a condition leaves out is left out."""
    template = written_template(name)
    defaults = {
        key: str(entry["Default"]) for key, entry in template["Parameters"].items() if "Default" in entry
    }
    values = defaults | parameters
    template = _uploaded(language_extensions.apply(template, values))
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)  # the SAM transform asks boto3 for it
    no_managed_policies = SimpleNamespace(load=dict)
    translated: Document = transform(template, values, no_managed_policies)
    return _Answers(translated["Conditions"], values).everywhere(translated)


def of_type(resources: Document, kind: str) -> Document:
    """The properties of the resources of one type, by logical id."""
    return {name: entry["Properties"] for name, entry in resources.items() if entry["Type"] == kind}


def _uploaded(template: Document) -> Document:
    """Do what `sam package` does before the transform: local folders become addresses of uploads."""
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for folder in {"CodeUri", "ContentUri"} & properties.keys():
            properties[folder] = f"s3://uploads/{properties[folder]}"
    return template


class _Answers:
    """What CloudFormation can say before there is any resource."""

    def __init__(self, conditions: Document, parameters: dict[str, str]) -> None:
        self._conditions = conditions
        self._values = parameters | _PSEUDO_PARAMETERS

    def everywhere(self, template: Document) -> Document:
        kept: Document = {}
        for section in ("Resources", "Outputs"):
            kept[section] = {
                name: self._answer(entry)
                for name, entry in template.get(section, {}).items()
                if "Condition" not in entry or self._holds(entry["Condition"])
            }
        return kept

    def _answer(self, node: Any) -> Any:
        match node:
            case {"Ref": str(name)}:
                return self._values.get(name, node)
            case {"Fn::If": [condition, yes, no]}:
                return self._answer(yes if self._holds(condition) else no)
            case {"Fn::Sub": str(text)}:
                text = self._substituted(text)
                return {"Fn::Sub": text} if "${" in text else text
            case {"Fn::Sub": [text, dict() as variables]}:
                own = {name: str(self._answer(value)) for name, value in variables.items()}
                return {"Fn::Sub": self._substituted(text, own)}
            case {"Fn::Select": [index, {"Ref": name}]}:
                return self._values[name].split(",")[int(index)]
            case dict():
                answered = {key: self._answer(value) for key, value in node.items()}
                return {key: value for key, value in answered.items() if value != _NOTHING}
            case list():
                answers = (self._answer(entry) for entry in node)
                return [answer for answer in answers if answer != _NOTHING]
        return node

    def _substituted(self, text: str, own: Mapping[str, str] = MappingProxyType({})) -> str:
        values = {**self._values, **own}
        return re.sub(r"\$\{([^}]+)\}", lambda found: values.get(found[1], found[0]), text)

    def _holds(self, condition: str) -> bool:
        return self._is_true(self._conditions[condition])

    def _is_true(self, test: Any) -> bool:
        match test:
            case {"Fn::Equals": [{"Fn::Join": ["", {"Ref": name}]}, text]}:
                return bool(self._values[name].replace(",", "") == text)
            case {"Fn::Equals": [left, right]}:
                return str(self._answer(left)) == str(self._answer(right))
            case {"Fn::Not": [inner]}:
                return not self._is_true(inner)
            case {"Fn::And": [*every]}:
                return all(self._is_true(each) for each in every)
            case {"Condition": name}:
                return self._holds(name)
        raise AssertionError(f"a condition that this helper does not know: {test}")
