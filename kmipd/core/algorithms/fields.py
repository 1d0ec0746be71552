"""The finite fields of secret sharing (KMIP 1.4, 2.2.5; 2.1, 2.6 and appendix): elements as integers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Protocol

#: GF(2^8) as FIPS 197 has it, which 1.x names; and as 2.1 and the test cases of every version have it.
FIPS_197, REED_SOLOMON = 0x11B, 0x11D
_M = 0x3A  # GF(2^16) = GF(2^8)[y] / (y^2 + y + m)


class Field(Protocol):
    def elements(self, secret: bytes) -> list[int]:
        """Bytes as elements; a last one that is not whole is filled with zeros."""

    def data(self, elements: list[int]) -> bytes: ...

    def random_size(self) -> int:
        """Random bytes that make one element which is as good as uniform."""

    def from_random(self, data: bytes) -> int: ...

    def add(self, a: int, b: int) -> int: ...

    def subtract(self, a: int, b: int) -> int: ...

    def multiply(self, a: int, b: int) -> int: ...

    def invert(self, a: int) -> int: ...


@cache
def _logarithms(polynomial: int) -> tuple[list[int], list[int]]:
    """Powers of a generator, twice around, and their logarithms."""
    generator = 3 if polynomial == FIPS_197 else 2
    powers, value = [], 1
    for _ in range(255):
        powers.append(value)
        value = _product(value, generator, polynomial)
    logarithms = [0] * 256
    for exponent, power in enumerate(powers):
        logarithms[power] = exponent
    return powers * 2, logarithms


def _product(a: int, b: int, polynomial: int) -> int:
    result = 0
    while b:
        if b & 1:
            result ^= a
        a, b = a << 1, b >> 1
        if a & 0x100:
            a ^= polynomial
    return result


class GF256:
    """Bytes; addition is XOR."""

    def __init__(self, polynomial: int) -> None:
        self._powers, self._logarithms = _logarithms(polynomial)

    def elements(self, secret: bytes) -> list[int]:
        return list(secret)

    def data(self, elements: list[int]) -> bytes:
        return bytes(elements)

    def random_size(self) -> int:
        return 1

    def from_random(self, data: bytes) -> int:
        return data[0]

    def add(self, a: int, b: int) -> int:
        return a ^ b

    subtract = add

    def multiply(self, a: int, b: int) -> int:
        return self._powers[self._logarithms[a] + self._logarithms[b]] if a and b else 0

    def invert(self, a: int) -> int:
        return self._powers[255 - self._logarithms[a]]


class GF65536:
    """Pairs of bytes (u, v), meaning uy + v."""

    def __init__(self, polynomial: int) -> None:
        self._small = GF256(polynomial)

    def elements(self, secret: bytes) -> list[int]:
        return [int.from_bytes(secret[i : i + 2].ljust(2, b"\0"), "big") for i in range(0, len(secret), 2)]

    def data(self, elements: list[int]) -> bytes:
        return b"".join(element.to_bytes(2, "big") for element in elements)

    def random_size(self) -> int:
        return 2

    def from_random(self, data: bytes) -> int:
        return int.from_bytes(data, "big")

    def add(self, a: int, b: int) -> int:
        return a ^ b

    subtract = add

    def multiply(self, a: int, b: int) -> int:
        """(ry + s)(uy + v) = ((r + s)(u + v) + sv)y + (rum + sv). The texts of the standard have m with sv: with that,
        one would not be neutral, and their own formula for the inverse would not hold."""
        times = self._small.multiply
        (r, s), (u, v) = divmod(a, 256), divmod(b, 256)
        sv = times(s, v)
        return (times(r ^ s, u ^ v) ^ sv) << 8 | (times(times(r, u), _M) ^ sv)

    def invert(self, a: int) -> int:
        """u/d y + (u + v)/d with d = (u + v)v + mu²."""
        times = self._small.multiply
        u, v = divmod(a, 256)
        d = self._small.invert(times(u ^ v, v) ^ times(_M, times(u, u)))
        return times(u, d) << 8 | times(u ^ v, d)


@dataclass(frozen=True, slots=True)
class PrimeField:
    """Integers modulo a prime; the secret is one of them."""

    prime: int

    @property
    def size(self) -> int:
        return (self.prime.bit_length() + 7) // 8

    def elements(self, secret: bytes) -> list[int]:
        return [int.from_bytes(secret, "big")]

    def data(self, elements: list[int]) -> bytes:
        return elements[0].to_bytes(self.size, "big")

    def random_size(self) -> int:
        return self.size + 16  # so much more that the remainder is as good as uniform

    def from_random(self, data: bytes) -> int:
        return int.from_bytes(data, "big") % self.prime

    def add(self, a: int, b: int) -> int:
        return (a + b) % self.prime

    def subtract(self, a: int, b: int) -> int:
        return (a - b) % self.prime

    def multiply(self, a: int, b: int) -> int:
        return a * b % self.prime

    def invert(self, a: int) -> int:
        return pow(a, -1, self.prime)
