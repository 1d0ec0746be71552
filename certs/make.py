"""Make development certificates: `python certs/make.py [--list] [--out DIR]`. See certs/README.md."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kmipd.trust import files
from kmipd.trust.authority import Authority, Issued, new_key

HOSTS = ("localhost", "127.0.0.1", "::1")
PROFILES = {
    "server": "for localhost, 127.0.0.1 and ::1",
    "client": "EKU clientAuth",
    "client-other-ca": "of another authority",
    "client-server-eku": "EKU serverAuth only",
    "client-expired": "ended yesterday",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="list the profiles")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "out")
    options = parser.parse_args()
    if options.list:
        for name, what in PROFILES.items():
            print(f"{name:20}{what}")
        return
    make_all(options.out)
    print(f"made {', '.join(PROFILES)} in {options.out}")


def make_all(out: Path) -> None:
    """Every profile in a folder of its own, with the authority's certificate."""
    authority = Authority.create(out / "authority", "kmipd development authority", "ec")
    other = Authority.create(out / "other-authority", "another authority", "ec")
    issued = {
        "server": authority.issue_server(HOSTS, "ec"),
        "client": authority.issue_client("client", "ec"),
        "client-other-ca": other.issue_client("client", "ec"),
        "client-server-eku": authority.issue_server(["client"], "ec"),
        "client-expired": _expired(),
    }
    for name, one in issued.items():
        folder = out / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(folder / "key.pem", one.key_pem, files.SECRET)
        files.write(folder / "cert.pem", one.certificate_pem, files.PUBLIC)
        files.write(folder / "ca.pem", authority.certificate_pem, files.PUBLIC)


def _expired() -> Issued:
    """Self-signed: an expired certificate is refused whoever signed it."""
    key = new_key("ec")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client-expired")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=30)).not_valid_after(now - dt.timedelta(days=1))
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    return Issued(builder.sign(key, hashes.SHA256()), key)


if __name__ == "__main__":
    main()
