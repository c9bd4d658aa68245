"""What `doctor` tells a line of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one part; without a remedy it is well."""

    part: str
    detail: str
    remedy: str = ""

    @property
    def well(self) -> bool:
        return not self.remedy
