"""The protocol versions this package knows."""

from typing import Final, NamedTuple


class Version(NamedTuple):
    """A protocol version; compares as its numbers do."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


V1_0: Final = Version(1, 0)
V1_1: Final = Version(1, 1)
V1_2: Final = Version(1, 2)
V1_3: Final = Version(1, 3)
V1_4: Final = Version(1, 4)
V2_0: Final = Version(2, 0)
V2_1: Final = Version(2, 1)

#: Every version, oldest first.
VERSIONS: Final = (V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1)
