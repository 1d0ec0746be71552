"""What was found, and the file of facts that follows from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kmipd_pkcs11.providers import library_name, load
from kmipd_pkcs11.release import WrapWay


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried. `good` is None where there is no better or worse."""

    section: str
    subject: str
    result: str
    good: bool | None = None


@dataclass(slots=True)
class Report:
    """Everything that was found about one token."""

    module: Path
    findings: list[Finding] = field(default_factory=list)
    name: str = ""
    version: str = ""
    sessions: int = 0  # 0: no limit was met
    secret_bytes: int = 0
    not_read_back: set[str] = field(default_factory=set)
    wrap_pads_with_zeros: bool = False
    wraps_unextractable: bool = False
    pairs_in_step: bool = False
    errors: set[str] = field(default_factory=set)  # "decrypt CKR_…" that mean: the caller's input
    resident: bool = False  # keys can be made and kept
    released: bool = False  # and leave the token for those who may have them
    wrapped: bool = False  # keys can be kept wrapped
    way: WrapWay | None = None  # how keys leave the token
    tell: Callable[[Finding], None] | None = None  # is told of each finding at once

    def add(self, section: str, subject: str, result: str, good: bool | None = None) -> None:
        self.findings.append(Finding(section, subject, result, good))
        if self.tell is not None:
            self.tell(self.findings[-1])

    def provider_file(self) -> str:
        """TOML for `providers/`, to be looked over by whoever knows the vendor's manual. It is valid."""
        quirks = {
            "not_read_back": sorted(self.not_read_back),
            "wrap_pads_with_zeros": self.wrap_pads_with_zeros,
            "wraps_unextractable": self.wraps_unextractable,
            "pairs_in_step": self.pairs_in_step,
        }
        lines = [
            "# Suggested by `kmipd store probe`. Add what only the vendor's manual says: other paths, the variable",
            "# with the configuration, limits, and how the module gets over a loss.",
            f"name = {json.dumps(self.name)}",
            f"files = {json.dumps([library_name(self.module)])}",
            f"paths = {json.dumps([str(self.module)])}",
            "",
            "[limits]",
            f"sessions = {self.sessions}",
            f"secret_bytes = {self.secret_bytes}",
            "",
            "[quirks]",
            *(f"{name} = {json.dumps(value)}" for name, value in quirks.items() if value),
            "",
            "[recovery]",
            "reinitialise = true",
            "",
            "[errors]",
            *(f'"{error}" = "caller"' for error in sorted(self.errors)),
            "",
            "[about]",
            f"tried = {json.dumps(f'{self.version}, by kmipd store probe')}",
        ]
        text = "\n".join(lines) + "\n"
        load(text)
        return text
