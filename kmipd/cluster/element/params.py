"""The parameters of one request, read by type; what nobody reads is reported back as unused."""

from __future__ import annotations

from typing import Any

from kmipd.cluster.errors import ElementError, missing


class Params:
    """Null counts as absent. Integers may come as strings of digits, as NetApp's own samples write them."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self._raw = raw
        self._read: set[str] = set()

    def unused(self) -> dict[str, Any]:
        return {name: value for name, value in self._raw.items() if name not in self._read}

    def _get(self, name: str) -> Any:
        self._read.add(name)
        return self._raw.get(name)

    def _wrong(self, name: str, expected: str) -> ElementError:
        return ElementError("xInvalidParameterType", f"{name} must be {expected}.")

    def text_or_none(self, name: str) -> str | None:
        value = self._get(name)
        if value is not None and not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def text(self, name: str) -> str:
        value = self.text_or_none(name)
        if value is None:
            raise missing(name)
        return value

    def number_or_none(self, name: str) -> int | None:
        value = self._get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            number: int | None = value
        elif isinstance(value, str) and value.isascii() and value.strip().isdigit() and len(value) < 20:
            number = int(value)
        else:
            raise self._wrong(name, "an integer")
        if number is not None and abs(number) >= 1 << 63:
            raise ElementError("xInvalidParameter", f"{name} is too large.")
        return number

    def number(self, name: str) -> int:
        value = self.number_or_none(name)
        if value is None:
            raise missing(name)
        return value

    def flag_or_none(self, name: str) -> bool | None:
        value = self._get(name)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(name, "a boolean")
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self.flag_or_none(name)
        return default if value is None else value

    def texts_or_none(self, name: str) -> list[str] | None:
        value = self._get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "an array of strings")
        return value

    def texts(self, name: str) -> list[str]:
        value = self.texts_or_none(name)
        if value is None:
            raise missing(name)
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        value = self._get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return value
