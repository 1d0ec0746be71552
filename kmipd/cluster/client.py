"""A plain JSON-RPC client of the Element API, for our cluster and for real ones alike."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

API_VERSION = "12.3"
MAX_REPLY = 16 << 20  # a list of every key server with its certificates stays far below


class ElementFailure(Exception):
    """The cluster answered with an error; `name` is Element's word for it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{message} ({name})")
        self.name = name


class Unreachable(Exception):
    """No answer: the target, its certificate or our credentials are wrong."""


class ElementClient:
    """Calls methods, each over a connection of its own. `ca` None means the system's authorities."""

    def __init__(
        self,
        target: str,
        user: str,
        password: str,
        *,
        ca: Path | None = None,
        verify: bool = True,
        timeout: float = 60.0,
    ) -> None:
        parts = urlsplit(target if "//" in target else f"https://{target}")
        if parts.scheme != "https" or not parts.hostname:
            raise Unreachable(f"the target must be https://HOST or https://HOST:PORT, not {target!r}")
        try:
            self._host, self._port = parts.hostname, parts.port or 443
        except ValueError:
            raise Unreachable(f"{target!r} has no valid port") from None
        self._timeout, self._ids = timeout, itertools.count()
        self._authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        self._context = _context(ca, verify)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The method's result; parameters that are None are left out."""
        given = {name: value for name, value in params.items() if value is not None}
        message = {"method": method, "params": given, "id": next(self._ids)}
        status, body = self._exchange(json.dumps(message).encode())
        if status == 401:
            raise Unreachable("the cluster does not accept this user and password")
        try:
            reply = json.loads(body)
            if "error" in reply:
                error = reply["error"]
                raise ElementFailure(str(error.get("name", "Unknown")), str(error.get("message", "")))
            result: dict[str, Any] = reply["result"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Unreachable(f"{self._host} answers with HTTP {status} and is no Element API {API_VERSION}") from None
        return result

    def wait(self, handle: int, progress: Callable[[dict[str, Any]], None], seconds: float) -> dict[str, Any]:
        """Poll an asynchronous result until it is complete; Unreachable when `seconds` pass first."""
        end, pause = time.monotonic() + seconds, 0.1
        while True:
            found = self.call("GetAsyncResult", asyncHandle=handle, keepResult=True)
            progress(found)
            if found.get("status") == "complete":
                return found
            if time.monotonic() > end:
                raise Unreachable(f"asyncHandle {handle} is still running after {seconds:.0f} s; it goes on by itself")
            time.sleep(pause)
            pause = min(pause * 1.5, 2.0)

    def _exchange(self, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._context)
        headers = {"Content-Type": "application/json-rpc", "Authorization": self._authorization}
        try:
            connection.request("POST", f"/json-rpc/{API_VERSION}", body, headers)
            response = connection.getresponse()
            return response.status, response.read(MAX_REPLY)
        except ssl.SSLCertVerificationError as error:
            text = f"the certificate of {self._host} cannot be verified ({error.verify_message})"
            raise Unreachable(f"{text}; give the right one with --ca") from None
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Unreachable(f"{self._host}:{self._port} cannot be reached: {why}") from None
        finally:
            connection.close()


def _context(ca: Path | None, verify: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    # A cluster's own certificate is self-signed: pinning it, or an intermediate, is as good as a root.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    try:
        if ca is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(ca)
    except (OSError, ssl.SSLError) as error:
        raise Unreachable(f"{ca} cannot be used as a certificate of an authority: {error}") from None
    return context
