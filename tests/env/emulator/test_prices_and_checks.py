"""Products are found by their attributes, and status checks show what a test has set."""

from __future__ import annotations

import json

from test_support import IMAGE, admin, client, fresh_account, refused


def match(**attributes: str) -> list[dict[str, str]]:
    return [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in attributes.items()]


def test_a_product_is_found_by_all_its_attributes() -> None:
    pricing = client("pricing")
    wanted = match(instanceType="t3.micro", regionCode="eu-west-1", tenancy="Shared")
    found = pricing.get_products(ServiceCode="AmazonEC2", Filters=wanted)["PriceList"]
    assert len(found) == 1
    (term,) = json.loads(found[0])["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    assert (dimension["unit"], dimension["pricePerUnit"]) == ("Hrs", {"USD": "0.0114000000"})
    other = match(instanceType="t3.micro", regionCode="us-west-2")
    assert pricing.get_products(ServiceCode="AmazonEC2", Filters=other)["PriceList"] == []


def test_a_filter_of_another_type_is_refused() -> None:
    pricing = client("pricing")
    wanted = [{"Type": "CONTAINS", "Field": "instanceType", "Value": "t3"}]
    status = refused(lambda: pricing.get_products(ServiceCode="AmazonEC2", Filters=wanted))
    assert status == (400, "InvalidParameterException")


def test_status_checks_show_what_was_set_while_the_instance_runs() -> None:
    account = fresh_account()
    ec2 = client("ec2", account)
    launched = ec2.run_instances(ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    instance = launched["Instances"][0]["InstanceId"]
    for _ in range(2):
        ec2.describe_instances(InstanceIds=[instance])

    def shown() -> tuple[str, str]:
        status = ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"][0]
        return status["SystemStatus"]["Status"], status["InstanceStatus"]["Status"]

    assert shown() == ("ok", "ok")
    admin("PUT", "checks", {"account": account, "id": instance, "system": "impaired"})
    assert shown() == ("impaired", "ok")
    admin("PUT", "checks", {"account": account, "id": instance})
    assert shown() == ("ok", "ok")
