"""From a JSON-RPC request to its answer. Knows nothing of HTTP but the path and the credentials it is given."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from dataclasses import dataclass
from typing import Any, Final

from kmipd.cluster.cluster import Cluster
from kmipd.cluster.element.method import Call, Method
from kmipd.cluster.element.methods import BY_NAME
from kmipd.cluster.element.methods.api import SUPPORTED_VERSIONS
from kmipd.cluster.element.params import Params
from kmipd.cluster.errors import ElementError, missing
from kmipd.cluster.store import Admin

log = logging.getLogger(__name__)
_PATH: Final = re.compile(r"/json-rpc/(\d{1,3}\.\d{1,3})/?")
_MAX_DEPTH_ERRORS: Final = (ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class Request:
    """What the HTTP side hands over."""

    method: str
    path: str
    authorization: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    reason: str
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def _page(status: int, reason: str, *headers: tuple[str, str], text: str | None = None) -> Response:
    """HTML, since that is what the real one sends and what the SDKs look into. The full stop belongs to it."""
    title = text or f"{status} {reason}"
    body = f"<html><head><title>{title}</title></head><body><h2>{title}</h2></body></html>".encode()
    return Response(status, reason, "text/html; charset=utf-8", body, headers)


UNAUTHORIZED: Final = _page(
    401, "Unauthorized", ("WWW-Authenticate", 'Basic realm="Element"'), text="401 Unauthorized."
)
NOT_FOUND: Final = _page(404, "Not Found")
NOT_ALLOWED: Final = _page(405, "Method Not Allowed", ("Allow", "POST"))


class Dispatcher:
    """The methods of one cluster. Safe to call from several threads."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def answer(self, request: Request) -> Response:
        """Never raises: an unexpected failure is logged and answered as xInternalError without its text."""
        path = _PATH.fullmatch(request.path.partition("?")[0])
        if path is None or path[1] not in SUPPORTED_VERSIONS:
            return NOT_FOUND
        if request.method != "POST":
            return NOT_ALLOWED
        created = self._cluster.setup.cluster() is not None
        admin = self._admin(request.authorization) if created else None
        if created and admin is None:
            return UNAUTHORIZED
        identifier: object = None
        try:
            message = _parse(request.body)
            identifier = message.get("id")
            return _json({"id": identifier, **self._call(message, admin, created)})
        except ElementError as error:
            answer = {"code": 500, "name": error.name, "message": error.message}
        except Exception:
            log.exception("a method failed")
            answer = {"code": 500, "name": "xInternalError", "message": "The cluster failed; its log says more."}
        return _json({"id": identifier, "error": answer})

    def _admin(self, authorization: str | None) -> Admin | None:
        scheme, _, encoded = (authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            username, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        return self._cluster.setup.authenticate(username, password) if colon else None

    def _call(self, message: dict[str, Any], admin: Admin | None, created: bool) -> dict[str, Any]:
        name = message.get("method")
        if name is None:
            raise missing("method")
        method = BY_NAME.get(name.lower()) if isinstance(name, str) else None
        if method is None:
            raise ElementError("xUnknownAPIMethod", f"method={name}")
        _permit(method, admin, created)
        raw = message.get("params")
        if raw is None:
            raw = {}
        if not isinstance(raw, dict):
            raise ElementError("xInvalidParameterType", "params must be an object.")
        params = Params(raw)
        result = method.handler(Call(self._cluster, params, admin))
        log.info("%s by %s", method.name, admin.username if admin else "nobody yet")
        unused = params.unused()
        return {"result": result, **({"unusedParameters": unused} if unused else {})}


def _parse(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except _MAX_DEPTH_ERRORS:
        raise ElementError("xInvalidRequest", "The body is not JSON.") from None
    if not isinstance(message, dict):
        raise ElementError("xInvalidRequest", "The body must be one JSON-RPC object; batches are not supported.")
    return message


def _permit(method: Method, admin: Admin | None, created: bool) -> None:
    if not created and not method.bootstrap:
        raise ElementError("xClusterNotCreated", "This node belongs to no cluster yet; call CreateCluster.")
    if admin is not None and not ({"administrator", *method.access} & set(admin.access)):
        raise ElementError("xPermissionDenied", f"Permission denied: {method.name} needs the access administrator.")


def _json(message: dict[str, Any]) -> Response:
    return Response(200, "OK", "application/json", json.dumps(message).encode())
