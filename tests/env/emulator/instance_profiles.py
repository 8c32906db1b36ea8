"""Replacing an instance's profile changes the instance; moto changes only the association.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceIamInstanceProfileAssociation.html
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.iam_instance_profile import IamInstanceProfileAssociationBackend as Backend


def install() -> None:
    """Put the new profile on the instance too."""
    original = Backend.replace_iam_instance_profile_association

    def replace(self: Any, *arguments: Any, **named: Any) -> Any:
        association = original(self, *arguments, **named)
        profile = {"Arn": association.iam_instance_profile.arn, "Id": association.association_id}
        self.modify_instance_attribute(association.instance_id, "iam_instance_profile", profile)
        return association

    Backend.replace_iam_instance_profile_association = replace
