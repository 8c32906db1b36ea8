"""Removes work that moto repeats for every request without need.

Nothing here changes what a client sees: what depends only on code is remembered, and
what no client of the emulator uses is left out.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from moto import backends, settings
from moto.core import responses
from moto.core.common_models import BaseModel
from moto.iam import models as iam
from moto.s3.models import FakeBucket, S3Backend

import speed_answers
import speed_ec2
from calls import Accounts


def install(accounts: Accounts) -> None:
    """Remember and leave out."""
    _index_access_keys(accounts)
    responses.method_names_from_class = _method_names
    responses.camelcase_to_underscores = cache(responses.camelcase_to_underscores)
    # The server gives every answer its own id, so moto's random one is never seen.
    responses.gen_amzn_requestid_long = lambda headers=None: ""
    responses.BaseResponse._enrich_response = staticmethod(_unchanged)
    # moto reads its own folder for every request that goes through its router.
    modules = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    # The emulator has one address and no name, so buckets are always in the path.
    settings.S3_IGNORE_SUBDOMAIN_BUCKETNAME = True
    # moto keeps every model for its dashboard, also when all else has forgotten it.
    BaseModel.__new__ = _untracked
    S3Backend.log_incoming_request = lambda self, request, bucket_name: None
    # A text would be parsed again to be written as a date.
    FakeBucket.creation_date_ISO8601 = property(lambda bucket: bucket.creation_date.replace(microsecond=0))
    speed_answers.install()
    speed_ec2.install()


def _index_access_keys(accounts: Accounts) -> None:
    """Find the account of a key by one look-up: moto asks every account in turn."""
    original = iam.AccessKey.__init__

    def __init__(
        self: iam.AccessKey, user_name: str | None, prefix: str, account_id: str, status: str = "Active"
    ) -> None:
        original(self, user_name, prefix, account_id, status)
        accounts.by_key[self.access_key_id] = account_id

    iam.AccessKey.__init__ = __init__
    iam.get_account_id_from = accounts.of
    iam.mark_account_as_visited = lambda **_: None


def _untracked(cls: type[BaseModel], *_: Any, **__: Any) -> BaseModel:
    return object.__new__(cls)


@cache
def _method_names(of: type) -> frozenset[str]:
    return frozenset(name for name, _ in inspect.getmembers(of, predicate=inspect.isfunction))


def _unchanged(headers: dict[str, Any], body: Any) -> tuple[dict[str, Any], Any]:
    return headers, body
