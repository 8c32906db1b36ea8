"""Finds EC2 instances and their tags by their ids.

moto copies all reservations and compares all tags of an account for every instance that
it shows, so its cost grows with the square of the number of instances.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from moto.ec2.exceptions import InvalidInstanceIdError
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, InstanceTypeOfferingBackend
from moto.ec2.models.instances import Instance, InstanceBackend, Reservation
from moto.ec2.utils import filter_reservations


def install() -> None:
    """Look up instead of searching."""
    TaggedEC2Resource.get_tags = _get_tags
    InstanceBackend.get_instance = _get_instance
    InstanceBackend.get_instance_by_id = lambda self, instance_id: _find(self, instance_id)[1]
    InstanceBackend.get_multi_instances_by_id = _get_multi_instances
    InstanceBackend.get_reservations_by_instance_ids = _get_reservations
    _look_up_tokens()
    _index_launches()
    _remember_instance_types()


def _index_launches() -> None:
    original = Instance.__init__

    def __init__(self: Instance, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        backend = self.ec2_backend
        # moto has just opened the reservation that this instance belongs to.
        reservation = next(reversed(backend.reservations.values()))
        _index(backend)[self.id] = (reservation, self)
        by_token = backend.__dict__.setdefault("reservations_by_token", {})
        by_token.setdefault(self.client_token, {})[reservation.id] = reservation

    Instance.__init__ = __init__


def _index(backend: Any) -> dict[str, tuple[Reservation, Instance]]:
    return backend.__dict__.setdefault("instances_by_id", {})


def _find(backend: Any, instance_id: str) -> tuple[Reservation | None, Instance | None]:
    return _index(backend).get(instance_id, (None, None))


def _get_tags(self: Any) -> list[dict[str, str]]:
    kept = self.ec2_backend.tags.get(self.id, {}) if self.id else {}
    kind = getattr(self, "_tag_kind", None)
    if kind is None and kept:
        # What kind of resource an id belongs to is moto's knowledge: it is asked once.
        shown = self.ec2_backend.describe_tags(filters={"resource-id": [self.id]})
        kind = self._tag_kind = shown[0]["resource_type"] if shown else ""
    return [
        {"resource_id": self.id, "key": key, "value": value, "resource_type": kind}
        for key, value in kept.items()
    ]


def _get_instance(self: Any, instance_id: str) -> Instance:
    instance = _find(self, instance_id)[1]
    if instance is None:
        raise InvalidInstanceIdError(instance_id)
    return instance


def _get_multi_instances(self: Any, instance_ids: list[str], filters: Any = None) -> list[Instance]:
    unknown = [each for each in instance_ids if each not in _index(self)]
    if unknown:
        raise InvalidInstanceIdError(unknown)
    found = [_get_instance(self, each) for each in instance_ids]
    return [instance for instance in found if instance.applies(filters)]


def _get_reservations(self: Any, instance_ids: list[str], filters: Any = None) -> list[Reservation]:
    chosen: dict[str, Reservation] = {}
    for instance_id in dict.fromkeys(instance_ids):
        reservation, instance = _find(self, instance_id)
        if reservation is None or instance is None:
            raise InvalidInstanceIdError(instance_id)
        if reservation.id not in chosen:
            chosen[reservation.id] = copy.copy(reservation)
            chosen[reservation.id].instances = []
        chosen[reservation.id].instances.append(instance)
    found = list(chosen.values())
    return found if filters is None else filter_reservations(found, filters)


def _look_up_tokens() -> None:
    original = InstanceBackend.all_reservations

    def all_reservations(self: Any, filters: Any = None) -> list[Reservation]:
        if not filters or "client-token" not in filters:
            return original(self, filters)
        by_token = self.__dict__.get("reservations_by_token", {})
        found: dict[str, Reservation] = {}
        for token in filters["client-token"]:
            found.update(by_token.get(token, {}))
        return filter_reservations([copy.copy(each) for each in found.values()], filters)

    InstanceBackend.all_reservations = all_reservations


def _remember_instance_types() -> None:
    """Answer "is this type offered here" from a set: moto walks the list of all types."""
    original = InstanceTypeOfferingBackend.matches_filters

    @cache
    def offered(location_type: str, location: str) -> frozenset[str]:
        return frozenset(o["InstanceType"] for o in INSTANCE_TYPE_OFFERINGS[location_type][location])

    def matches_filters(self: Any, offering: dict[str, Any], filters: Any, location_type: str) -> bool:
        wanted = filters.get("instance-type") if len(filters) == 1 else None
        if isinstance(wanted, str):
            # Only RunInstances asks with one name instead of a list, and only whether any
            # offering of the place matches: the first one may answer for all of them.
            place = offering["Location"] if location_type == "region" else None
            if place in INSTANCE_TYPE_OFFERINGS[location_type]:
                return wanted in offered(location_type, place)
        return original(self, offering, filters, location_type)

    InstanceTypeOfferingBackend.matches_filters = matches_filters
