"""Who may do what. Default deny: an operation that is not in a role's row is refused, and so is a foreign object.

A foreign object is answered exactly like one that does not exist, so that identifiers cannot be probed.
"""

from __future__ import annotations

from kmipd.core.errors import KmipError
from kmipd.core.model import Granted, ManagedObject, Principal
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.payloads.parts import Right
from kmipd.spec.tags import Tag

# Anybody with an identity may ask what the server is.
_EVERYBODY = frozenset({O.QUERY, O.DISCOVER_VERSIONS, O.PING})
_READ_ATTRIBUTES = frozenset({O.LOCATE, O.GET_ATTRIBUTES, O.GET_ATTRIBUTE_LIST, O.CHECK})

ROLES: dict[str, frozenset[O]] = {
    # A storage cluster, a database, a gateway: everything with its own group's objects.
    "client": frozenset(O),
    # Sees what every group has, never a key, and changes nothing.
    "auditor": _EVERYBODY | _READ_ATTRIBUTES,
    # Retires keys of every group (an array that is gone cannot do it itself); never reads or uses one.
    "operator": _EVERYBODY | _READ_ATTRIBUTES | {O.REVOKE, O.DESTROY, O.ACTIVATE},
}
_EVERY_GROUP = frozenset({"auditor", "operator"})


def permits(principal: Principal, operation: O) -> bool:
    return operation in ROLES.get(principal.role, frozenset())


def permit_operation(principal: Principal, operation: O) -> None:
    if not permits(principal, operation):
        raise KmipError(
            ResultReason.PERMISSION_DENIED,
            f"{operation.name} is not permitted to the role {principal.role!r} of {principal.name!r}",
        )


def require_right(granted: Granted, obj: ManagedObject) -> None:
    if not covers(granted, obj):
        raise KmipError(ResultReason.NOT_AUTHORISED, f"the ticket is not for the object {obj.uid}")


def covers(granted: Granted, obj: ManagedObject) -> bool:
    """Whether one of the rights about the operation is about this object."""
    return granted.relevant is None or any(_covers(right, obj) for right in granted.relevant)


def _covers(right: Right, obj: ManagedObject) -> bool:
    named = right.objects is None or obj.uid in right.objects.unique_identifier
    groups = set(obj.attributes.values(Tag.OBJECT_GROUP))
    return named and (right.object_groups is None or not groups.isdisjoint(right.object_groups.object_group))


def sees(principal: Principal, obj: ManagedObject) -> bool:
    return obj.group == principal.group or principal.role in _EVERY_GROUP


def visible_group(principal: Principal) -> str | None:
    """The group whose objects Locate searches; None for all."""
    return None if principal.role in _EVERY_GROUP else principal.group
