"""Time that no test waits for."""

from __future__ import annotations

from dataclasses import dataclass

from state_backend.calls import Clock


@dataclass
class Time:
    """A clock that moves when somebody waits, and hardly otherwise."""

    seconds: float = 1_800_000_000.0

    @property
    def clock(self) -> Clock:
        return Clock(now=self.now, sleep=self.wait)

    def now(self) -> float:
        self.seconds += 0.001
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
