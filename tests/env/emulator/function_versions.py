"""What Lambda says of published versions and aliases, and moto otherwise.

https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
(no version is published if code and configuration have not changed since the last one;
PreconditionFailedException for another CodeSha256; ResourceConflictException during an update)
https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
(a version is Pending before it is Active)
https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
(a version's number is never used again)
https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
(ResourceConflictException for an alias that exists)
"""

from __future__ import annotations

import copy
from typing import Any

from moto.awslambda.exceptions import ConflictException, LambdaClientError
from moto.awslambda.models import LambdaAlias, LambdaFunction, LambdaStorage
from moto.awslambda.responses import LambdaResponse

from function_states import ResourceConflictException, demand_at_rest, pass_through

# What tells a version from the function that it was made of.
_OWN = {"FunctionArn", "Version", "LastModified", "State", "StateReason", "StateReasonCode", "Description"}


class PreconditionFailedException(LambdaClientError):
    """The function is not the one that was meant."""

    code = 412

    def __init__(self) -> None:
        super().__init__(
            "PreconditionFailedException",
            "CodeSHA256 provided does not match the CodeSHA256 of the function.",
        )


def install() -> None:
    """Let versions be published, and aliases be made, as Lambda does it."""
    LambdaStorage.publish_version = _publish_version
    _wrap_precondition()
    _wrap_aliases()


def _publish_version(self: LambdaStorage, name_or_arn: str, description: str = "") -> LambdaFunction:
    function = self.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
    demand_at_rest(function)
    versions = self._functions[function.function_name]["versions"]
    last = versions[-1] if versions else None
    if last and _content(last) == _content(function):
        return last
    function.published = getattr(function, "published", 0) + 1
    version = copy.copy(function)
    version.set_version(function.published)
    version.description = description or version.description
    pass_through(version, "Pending")
    versions.append(version)
    self._arns[version.function_arn] = version
    return version


def _content(function: LambdaFunction) -> dict[str, Any]:
    return {key: value for key, value in function.get_configuration().items() if key not in _OWN}


def _wrap_precondition() -> None:
    original = LambdaResponse.publish_version

    def publish_version(self: LambdaResponse) -> Any:
        wanted = self._get_param("CodeSha256")
        function = self.backend.get_function(self.path.split("/")[-2])
        if wanted and wanted != function.code_sha_256:
            raise PreconditionFailedException
        return original(self)

    LambdaResponse.publish_version = publish_version


def _wrap_aliases() -> None:
    original = LambdaStorage.put_alias

    def put_alias(self: LambdaStorage, *arguments: Any, **named: Any) -> LambdaAlias:
        try:
            return original(self, *arguments, **named)
        except ConflictException as error:
            raise ResourceConflictException(error.message) from error

    LambdaStorage.put_alias = put_alias
