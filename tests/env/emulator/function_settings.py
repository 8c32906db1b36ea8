"""What Lambda keeps of a function's settings and refuses of them, and moto does not.

https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html
(text lines in the log group of the function's name, unless told otherwise)
https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
(InvalidParameterValueException for a runtime that does not exist, and for a role that Lambda may
not assume)
https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
(the role's trust policy has to name lambda.amazonaws.com)
https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
(LastModified is YYYY-MM-DDThh:mm:ss.sTZD; in milliseconds and as +0000 in AWS's examples)
"""

from __future__ import annotations

import json
from typing import Any

from botocore.session import get_session
from moto.awslambda import models
from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.core.utils import utcnow
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

_SERVICE = "lambda.amazonaws.com"
_RUNTIMES = get_session().get_service_model("lambda").shape_for("Runtime").enum


def install() -> None:
    """Check runtimes and roles, keep where logs go, and write times as Lambda does."""
    _wrap_checks()
    _wrap_logging()
    models.iso_8601_datetime_with_nanoseconds = _now


def _now() -> str:
    return f"{utcnow().isoformat(timespec='milliseconds')}+0000"


def _wrap_checks() -> None:
    create, update = LambdaBackend.create_function, LambdaBackend.update_function_configuration

    def create_function(self: LambdaBackend, spec: dict[str, Any]) -> LambdaFunction:
        _check(self, spec)
        return create(self, spec)

    def update_function_configuration(
        self: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        _check(self, body)
        return update(self, function_name, qualifier, body)

    LambdaBackend.create_function = create_function
    LambdaBackend.update_function_configuration = update_function_configuration


def _check(backend: LambdaBackend, settings: dict[str, Any]) -> None:
    runtime, role = settings.get("Runtime"), settings.get("Role")
    if runtime and runtime not in _RUNTIMES:
        raise InvalidParameterValueException(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(_RUNTIMES)}] or be a valid ARN"
        )
    if role and not _is_assumable(backend, role):
        raise InvalidParameterValueException("The role defined for the function cannot be assumed by Lambda.")


def _is_assumable(backend: LambdaBackend, arn: str) -> bool:
    try:
        role = iam_backends[backend.account_id][backend.partition].get_role_by_arn(arn)
    except NotFoundException:
        return False
    statements = json.loads(role.assume_role_policy_document)["Statement"]
    return any(_trusts(one) for one in (statements if isinstance(statements, list) else [statements]))


def _trusts(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    services = principal.get("Service", []) if isinstance(principal, dict) else []
    return statement["Effect"] == "Allow" and _SERVICE in ([services] if isinstance(services, str) else services)


def _wrap_logging() -> None:
    begin, show, change = (
        LambdaFunction.__init__,
        LambdaFunction.get_configuration,
        LambdaFunction.update_configuration,
    )

    def __init__(self: LambdaFunction, account_id: str, spec: dict[str, Any], *more: Any, **named: Any) -> None:
        begin(self, account_id, spec, *more, **named)
        default = {"LogFormat": "Text", "LogGroup": self.logs_group_name}
        self.logging = default | spec.get("LoggingConfig", {})

    def get_configuration(self: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
        return show(self, on_create) | {"LoggingConfig": self.logging}

    def update_configuration(self: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
        self.logging = self.logging | config_updates.get("LoggingConfig", {})
        return change(self, config_updates)

    LambdaFunction.__init__ = __init__
    LambdaFunction.get_configuration = get_configuration
    LambdaFunction.update_configuration = update_configuration
