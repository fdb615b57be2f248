"""CPU seconds of this process and the children it has taken the exit status of, and two works compared by them."""

from __future__ import annotations

import resource
from collections.abc import Callable
from statistics import median


def used() -> float:
    """User and system seconds so far."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def cpu_seconds(work: Callable[[], None]) -> float:
    """What one run of the work costs."""
    before = used()
    work()
    return used() - before


def compared(bare: Callable[[], None], ours: Callable[[], None], rounds: int) -> tuple[float, float]:
    """Median CPU seconds of both, taking turns; a first round that warms caches and imports does not count."""
    pairs = [(cpu_seconds(bare), cpu_seconds(ours)) for _ in range(rounds + 1)][1:]
    return median(bare_s for bare_s, _ in pairs), median(ours_s for _, ours_s in pairs)
