"""The Price List service, of which moto has nothing, from answers that are kept in a file.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
(PriceList holds one JSON text for each product; filters of the type TERM_MATCH are all to hold)
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html
(what a product and its terms look like)

``price_list.json`` has the products that the tests ask for, in the format of AWS's answers, with the
attributes that tell them apart and SKUs of our own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import wire
from calls import Call
from messages import Answer

PRODUCTS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("price_list.json").read_text())


def answer(call: Call, proceed: Callable[[Call], Answer]) -> Answer:
    """Answer GetProducts, and leave all else to moto."""
    if call.operation != "GetProducts":
        return proceed(call)
    asked = json.loads(call.http.body)
    filters = asked.get("Filters", [])
    if any(each.get("Type") != "TERM_MATCH" for each in filters):
        return wire.error(call, "InvalidParameterException", 400, "Only TERM_MATCH is known here.")
    wanted = {each["Field"]: each["Value"] for each in filters}
    found = [json.dumps(product) for product in PRODUCTS if _is(product, asked["ServiceCode"], wanted)]
    body = json.dumps({"FormatVersion": "aws_v1", "PriceList": found}).encode()
    return Answer(200, {"content-type": "application/x-amz-json-1.1"}, body)


def _is(product: dict[str, Any], service: str, wanted: dict[str, str]) -> bool:
    described = product["product"]
    attributes = {**described["attributes"], "productFamily": described["productFamily"]}
    return product["serviceCode"] == service and all(
        attributes.get(field) == value for field, value in wanted.items()
    )
