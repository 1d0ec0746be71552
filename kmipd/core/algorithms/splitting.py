"""Secret sharing (KMIP 1.4, 2.2.5): a secret in parts, of which a threshold is needed to have it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

from kmipd.core.algorithms.errors import failed, name_of, unsupported
from kmipd.core.algorithms.fields import GF256, GF65536, REED_SOLOMON, Field, PrimeField
from kmipd.core.errors import KmipError
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.enumerations import SplitKeyMethod as S

PARTS_MAX = 255  # as many points as GF(2^8) has besides zero
PRIME_BITS_MAX = 65_536  # the prime test takes a second at this size
WORK_MAX = 4_000_000  # multiplications of one split: about two seconds of a worker
# Exponents of Mersenne primes, for clients that name no prime.
_MERSENNE = (127, 521, 607, 1279, 2203, 4423, 9689, 19937, 44497)
_WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)


def prime_for(size: int, given: int | None) -> int:
    """The prime of a secret of `size` bytes: a client's own when it is one and large enough, else a well-known one."""
    if given is None:
        exponent = next((e for e in _MERSENNE if e > size * 8), None)
        if exponent is None:
            raise failed(f"{size} bytes are too many for one element of a prime field")
        return int(2**exponent - 1)
    if given.bit_length() > PRIME_BITS_MAX or given >> size * 8 == 0 or not _probably_prime(given):
        raise KmipError(ResultReason.INVALID_FIELD, f"Prime Field Size must be a prime above 2^{size * 8}")
    return given


def _probably_prime(n: int) -> bool:
    """Miller-Rabin. Whoever makes up a composite that passes deceives nobody but himself."""
    if n < 2 or any(n % w == 0 for w in _WITNESSES):
        return n in _WITNESSES
    twos = ((n - 1) & -(n - 1)).bit_length() - 1
    odd = n - 1 >> twos
    for witness in _WITNESSES if n.bit_length() < 4096 else _WITNESSES[:4]:
        x = pow(witness, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def require_shape(method: S, parts: int, threshold: int) -> None:
    if not 2 <= threshold <= parts <= PARTS_MAX:
        raise KmipError(
            ResultReason.INVALID_FIELD, f"Split Key Threshold and Parts must be 2 <= threshold <= parts <= {PARTS_MAX}"
        )
    if method is S.XOR and threshold != parts:
        raise KmipError(ResultReason.INVALID_FIELD, "XOR needs all parts: Split Key Threshold must be Split Key Parts")


def field_of(method: S, prime: int | None, polynomial: int) -> Field | None:
    """None for XOR. `polynomial` is that of GF(2^8) below GF(2^16), which differs between versions."""
    match method:
        case S.XOR:
            return None
        case S.POLYNOMIAL_SHARING_GF_2_8:
            return GF256(REED_SOLOMON)
        case S.POLYNOMIAL_SHARING_GF_2_16:
            return GF65536(polynomial)
        case S.POLYNOMIAL_SHARING_PRIME_FIELD:
            if prime is None or prime <= PARTS_MAX or prime.bit_length() > PRIME_BITS_MAX:
                raise KmipError(ResultReason.INVALID_FIELD, "a part of a prime field needs a fitting Prime Field Size")
            return PrimeField(prime)
        case _:
            raise unsupported(f"the split key method {name_of(method)}")


def split(
    field: Field | None, secret: bytes, parts: int, threshold: int, random: Callable[[int], bytes]
) -> list[bytes]:
    """The material of the parts 1, 2, …, `parts`."""
    if field is None:
        masks = [random(len(secret)) for _ in range(parts - 1)]
        return [*masks, reduce(_xor, masks, secret)]
    constants = field.elements(secret)
    if len(constants) * parts * threshold > WORK_MAX:
        raise KmipError(ResultReason.INVALID_FIELD, "the secret is too long for so many parts")
    size, count = field.random_size(), len(constants)
    coefficients = []
    for _ in range(threshold - 1):
        data = random(size * count)
        coefficients.append([field.from_random(data[i * size : (i + 1) * size]) for i in range(count)])
    return [field.data(_evaluated(field, constants, coefficients, x)) for x in range(1, parts + 1)]


def _evaluated(field: Field, constants: list[int], coefficients: list[list[int]], x: int) -> list[int]:
    """The polynomials at `x`, by Horner's rule."""
    values = [0] * len(constants)
    for row in [*reversed(coefficients), constants]:
        values = [field.add(field.multiply(value, x), term) for value, term in zip(values, row, strict=True)]
    return values


def join(field: Field | None, shares: Mapping[int, bytes]) -> bytes:
    """The secret from exactly as many parts as are needed, by Key Part Identifier; filled up to whole elements."""
    if len({len(share) for share in shares.values()}) != 1:
        raise failed("the parts differ in length: they are not of one key")
    if field is None:
        return reduce(_xor, shares.values())
    if sum(map(len, shares.values())) > WORK_MAX:
        raise KmipError(ResultReason.INVALID_FIELD, "the parts are too long to be joined")
    rows = {x: field.elements(share) for x, share in shares.items()}
    secret = [0] * len(next(iter(rows.values())))
    for x, row in rows.items():
        try:
            weight = _weight(field, x, [other for other in rows if other != x])
        except ValueError:
            raise failed("the Prime Field Size of the parts is no prime") from None
        secret = [field.add(s, field.multiply(weight, term)) for s, term in zip(secret, row, strict=True)]
    return field.data(secret)


def _weight(field: Field, x: int, others: list[int]) -> int:
    """Lagrange's basis polynomial of `x`, at zero."""
    above, below = 1, 1
    for other in others:
        above = field.multiply(above, field.subtract(0, other))
        below = field.multiply(below, field.subtract(x, other))
    return field.multiply(above, field.invert(below))


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))
