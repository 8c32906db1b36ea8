"""Puts together what stands between a request and moto.

A layer restores one thing that AWS does and moto does not. It either changes a part of
moto in place (``install()``), or is called with a call and what would answer it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import bucket_create_tags
import bucket_defaults
import bucket_keys
import bucket_notifications
import bucket_owners
import bucket_roots
import client_token
import database_passwords
import database_states
import database_storage
import database_subnets
import flow_logs
import function_policies
import function_settings
import function_states
import function_versions
import instance_addresses
import instance_attributes
import instance_checks
import instance_profiles
import instance_states
import log_groups
import nat_gateways
import network_dependencies
import pricing
import role_policies
import roles
import security_groups
import speed
import table_settings
import table_states
from calls import Accounts, Call
from messages import Answer

Proceed = Callable[[Call], Answer]
# The order matters: a token's repeat must not reach what fills in a fresh instance.
IN_PLACE = (
    instance_states,
    instance_attributes,
    instance_addresses,
    instance_profiles,
    instance_checks,
    client_token,
    flow_logs,
    security_groups,
    bucket_defaults,
    table_states,
    table_settings,
    role_policies,
    nat_gateways,
    network_dependencies,
    function_settings,
    function_states,
    function_policies,
    function_versions,
    log_groups,
    database_states,
    database_storage,
    database_subnets,
    database_passwords,
)


def install(accounts: Accounts, backend: Proceed) -> Proceed:
    """Install all layers and return what answers a call."""
    speed.install(accounts)
    roles.install(accounts)
    for module in IN_PLACE:
        module.install()
    before = {
        "s3": _chain(
            backend,
            bucket_create_tags.answer,
            bucket_notifications.answer,
            bucket_owners.answer,
            bucket_roots.answer,
            bucket_keys.answer,
        ),
        "pricing": partial(pricing.answer, proceed=backend),
        "sts": partial(roles.answer, proceed=backend),
    }

    def proceed(call: Call) -> Answer:
        return before.get(call.service, backend)(call)

    return proceed


def _chain(backend: Proceed, *layers: Callable[[Call, Proceed], Answer]) -> Proceed:
    """Return what answers a call through the layers, the last one outermost."""
    for layer in layers:
        backend = partial(layer, proceed=backend)
    return backend
