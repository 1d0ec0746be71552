"""Recommended Curve (KMIP 1.4, 9.1.3.2.5) and the curves of `cryptography`."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec

from kmipd.core.algorithms.errors import name_of, unsupported
from kmipd.spec.enumerations import RecommendedCurve as C

CURVES: dict[C, type[ec.EllipticCurve]] = {
    C.P_192: ec.SECP192R1,
    C.P_224: ec.SECP224R1,
    C.P_256: ec.SECP256R1,
    C.P_384: ec.SECP384R1,
    C.P_521: ec.SECP521R1,
    C.SECP256K1: ec.SECP256K1,
    C.BRAINPOOLP256R1: ec.BrainpoolP256R1,
    C.BRAINPOOLP384R1: ec.BrainpoolP384R1,
    C.BRAINPOOLP512R1: ec.BrainpoolP512R1,
}
_BY_NAME = {curve().name: recommended for recommended, curve in CURVES.items()}


def curve_of(recommended: C) -> ec.EllipticCurve:
    found = CURVES.get(recommended)
    if found is None:
        raise unsupported(f"the curve {name_of(recommended)}")
    return found()


def recommended_curve(curve: ec.EllipticCurve) -> C:
    return _BY_NAME[curve.name]


def curve_for_length(bits: int) -> C | None:
    """The NIST curve of a size, for clients that give only Cryptographic Length."""
    return {192: C.P_192, 224: C.P_224, 256: C.P_256, 384: C.P_384, 521: C.P_521}.get(bits)
