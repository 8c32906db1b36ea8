"""Lambda makes and changes functions in steps; moto does it at once.

https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
(a function is Pending, then Active; an update is InProgress, then Successful; meanwhile no
other change is taken)
https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
(ResourceConflictException)

Steps count reads, not time, so that tests are exact: after every change the first GetFunction
or GetFunctionConfiguration shows the passing state, the next one what follows.
"""

from __future__ import annotations

from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse


class ResourceConflictException(LambdaClientError):
    """The function is busy."""

    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", message)


def install() -> None:
    """Let every change of a function pass through its passing state."""
    _wrap_creation()
    _wrap_configuration()
    _wrap_reads()
    _wrap_updates()
    _wait_in_stacks()


def pass_through(function: LambdaFunction, state: str) -> None:
    """Let the function be in this state until it has been read."""
    function.passing, function.was_read = state, False


def _state(function: LambdaFunction) -> str:
    return getattr(function, "passing", "")


def _wrap_creation() -> None:
    original = LambdaBackend.create_function

    def create_function(self: LambdaBackend, spec: dict[str, Any]) -> LambdaFunction:
        function = original(self, spec)
        pass_through(self.get_function(function.function_name), "Pending")
        return function

    LambdaBackend.create_function = create_function


def _wrap_configuration() -> None:
    original = LambdaFunction.get_configuration

    def get_configuration(self: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
        result = original(self, on_create)
        if _state(self) == "Pending":
            result["State"] = "Pending"
            result["StateReason"] = "The function is being created."
            result["StateReasonCode"] = "Creating"
        if _state(self) == "InProgress":
            result["LastUpdateStatus"] = "InProgress"
        return result

    LambdaFunction.get_configuration = get_configuration


def _wrap_reads() -> None:
    _wrap_read("get_function", -1)
    _wrap_read("get_function_configuration", -2)


def _wrap_read(name: str, position: int) -> None:
    """Let a read end what the one before has shown; the function's name is at a place in the path."""
    original = getattr(LambdaResponse, name)

    def read(self: LambdaResponse) -> str:
        result = original(self)
        qualifier = self._get_param("Qualifier", None)
        function = self.backend.get_function(self.path.split("/")[position], qualifier)
        if _state(function) and function.was_read:
            function.passing = ""
            result = original(self)
        function.was_read = True
        return result

    setattr(LambdaResponse, name, read)


def _wrap_updates() -> None:
    for name in ("update_function_code", "update_function_configuration"):
        _wrap_update(name)


def _wrap_update(name: str) -> None:
    original = getattr(LambdaBackend, name)

    def update(
        self: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        function = self.get_function(function_name, qualifier)
        demand_at_rest(function)
        original(self, function_name, qualifier, body)
        if not body.get("DryRun"):
            pass_through(function, "InProgress")
        return function.get_configuration()

    setattr(LambdaBackend, name, update)


def demand_at_rest(function: LambdaFunction) -> None:
    """Refuse what Lambda does not do while it makes or changes the function."""
    if _state(function) == "Pending":
        raise ResourceConflictException(
            "The operation cannot be performed at this time. "
            "The function is currently in the following state: Pending"
        )
    if _state(function):
        raise ResourceConflictException(
            "The operation cannot be performed at this time. "
            f"An update is in progress for resource: {function.function_arn}"
        )


def _wait_in_stacks() -> None:
    """CloudFormation waits for its functions, so a stack shows no passing state."""
    original = LambdaFunction.create_from_cloudformation_json.__func__

    def create(cls: type[LambdaFunction], *args: Any, **kwargs: Any) -> LambdaFunction:
        function = original(cls, *args, **kwargs)
        function.passing = ""
        return function

    LambdaFunction.create_from_cloudformation_json = classmethod(create)
