"""Writes answers faster.

moto works out for every member of every object in every answer which names the object
could keep it under. That depends only on the object's class and the service's model, so
it is remembered. The XML is then written directly instead of through SAX events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from botocore.model import Shape
from moto.core import serialize
from moto.core.serialize import AttributePickerContext, ResponseSerializer, XFormedAttributePicker
from moto.core.utils import MISSING, get_value

_names: dict[tuple[Any, ...], tuple[str, ...]] = {}
_transforms: dict[tuple[int, int, str], str | None] = {}


def install() -> None:
    """Remember names and transformations, and write XML directly."""
    _wrap_values()
    _wrap_xml()


def _wrap_values() -> None:
    original = ResponseSerializer.get_value

    def get_member(self: ResponseSerializer, value: Any, key: str, shape: Shape) -> Any:
        picker = self._value_picker
        if type(picker) is not XFormedAttributePicker:
            return original(self, value, key, shape)
        found = _find(value, _possible_names(self, picker, value, key, shape))
        if picker.response_transformers:
            path = f"{'.'.join(self.path)}.{key}"
            transform = _transform_path(picker.response_transformers, path)
            if transform is not None:
                return picker.response_transformers[transform](found)
        return found

    ResponseSerializer.get_value = get_member


def _find(value: Any, names: tuple[str, ...]) -> Any:
    """Return what an object keeps under the first of the names that it has."""
    if type(value) is dict:
        for name in names:
            if name in value:
                return value[name]
    for name in names:
        found = get_value(value, name, MISSING)
        if found is not MISSING:
            return found
    return None


def _possible_names(
    serializer: ResponseSerializer, picker: XFormedAttributePicker, value: Any, key: str, shape: Shape
) -> tuple[str, ...]:
    model = serializer.operation_model.service_model
    parent = getattr(shape, "parent", None)
    known = (model.service_name, type(value), shape.name, parent and parent.name, key)
    names = _names.get(known)
    if names is None:
        context = AttributePickerContext(value, key, shape, serializer.operation_model, model)
        names = _names[known] = tuple(dict.fromkeys(picker.get_possible_keys(context)))
    return names


def _transform_path(transformers: dict[str, Any], path: str) -> str | None:
    """Return the first transformation whose path ends this one."""
    # Some operations add a path to the table of their service: its size tells.
    known = (id(transformers), len(transformers), path)
    if known not in _transforms:
        _transforms[known] = next((end for end in transformers if path.endswith(end)), None)
    return _transforms[known]


def _wrap_xml() -> None:
    class Writer:
        """Stands for the module ``xmltodict`` where moto writes answers."""

        unparse = staticmethod(unparse)

    serialize.xmltodict = Writer


def unparse(content: Mapping[str, Any], full_document: bool = True, **_: Any) -> str:
    """Return the XML of a document in the form that ``xmltodict`` documents."""
    parts = ['<?xml version="1.0" encoding="utf-8"?>\n'] if full_document else []
    for name, value in content.items():
        _write(name, value, parts)
    return "".join(parts)


def _write(name: str, value: Any, parts: list[str]) -> None:
    if isinstance(value, (list, tuple)):
        for each in value:
            _write(name, each, parts)
    elif not isinstance(value, Mapping):
        parts.append(f"<{name}>{_text(value)}</{name}>")
    else:
        attributes = [(key, each) for key, each in value.items() if key[0] == "@"]
        shown = "".join(f" {key[1:]}={quoteattr(_plain(each))}" for key, each in attributes)
        parts.append(f"<{name}{shown}>")
        for key, each in value.items():
            if key == "#text":
                parts.append(_text(each))
            elif key[0] != "@":
                _write(key, each, parts)
        parts.append(f"</{name}>")


def _text(value: Any) -> str:
    return escape(_plain(value))


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
