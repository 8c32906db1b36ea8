"""S3 lists keys percent-encoded where a client asks for it; moto does so in some lists only.

A key may hold characters that XML 1.0 cannot. S3 writes them as character references that XML parsers
refuse, and refuses them itself in the XML of DeleteObjects.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html (EncodingType)
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html (XML related object key constraints)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote_plus
from xml.sax.saxutils import unescape

import wire
from calls import Call
from messages import Answer

_KEY = re.compile(r"<(Key|KeyMarker|NextKeyMarker|Prefix)>([^<]*)</\1>")
_ROOT = re.compile(r"(<ListVersionsResult[^>]*>)")
# What XML 1.0 has no character for, as such and as a reference.
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|&#x?0*(?:1?[0-8bcefBCEF]);")


def answer(call: Call, proceed: Callable[[Call], Answer]) -> Answer:
    """Encode the keys of a list of versions, and refuse a batch whose XML is none."""
    if call.operation == "DeleteObjects" and _NOT_XML.search(call.http.body.decode("utf-8", "replace")):
        return wire.error(call, "MalformedXML", 400, "The XML you provided was not well-formed.")
    result = proceed(call)
    encodes = call.operation == "ListObjectVersions" and call.query.get("encoding-type") == "url"
    if encodes and result.status == 200:
        body = _KEY.sub(_encoded, result.body.decode())
        result.body = _ROOT.sub(r"\1<EncodingType>url</EncodingType>", body, count=1).encode()
    return result


def _encoded(found: re.Match[str]) -> str:
    name, text = found.groups()
    return f"<{name}>{quote_plus(unescape(text), safe='/')}</{name}>"
