"""How many cases fuzzing takes: few and the same ones by default, thousands of new ones nightly.

``HYPOTHESIS_PROFILE=nightly`` asks for the thousands.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"


def fuzz(cases: int, nightly: int) -> settings:
    """Settings of one fuzzing test with this many cases."""
    return settings(
        max_examples=nightly if NIGHTLY else cases,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@st.composite
def mutations(draw: st.DrawFn, data: bytes) -> bytes:
    """``data`` with up to four bytes flipped, pieces cut out, or bytes put in."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(changed) - 1)))
        kind = draw(st.sampled_from(["flip", "cut", "insert"]))
        if kind == "flip" and changed:
            changed[place] = draw(st.integers(0, 255))
        elif kind == "cut":
            del changed[place : place + draw(st.integers(1, 40))]
        else:
            changed[place:place] = draw(st.binary(min_size=1, max_size=8))
    return bytes(changed)
