"""Answers are written faster than moto would, but are the same."""

from __future__ import annotations

import xmltodict
from speed_answers import unparse

DOCUMENT = {
    "Answer": {
        "@xmlns": "http://example.com/?a&\"b'",
        "Nothing": None,
        "None": [],
        "Many": [{"a": 1}, {"a": True}, "text", b"bytes", None],
        "Text": {"@type": "x", "#text": "<&>\"'"},
        "Empty": {},
    }
}


def test_xml_is_what_xmltodict_writes() -> None:
    assert xmltodict.parse(unparse(DOCUMENT)) == xmltodict.parse(xmltodict.unparse(DOCUMENT))
    assert unparse({"a": "b"}, full_document=False) == "<a>b</a>"
