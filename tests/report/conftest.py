"""What tests of figures share."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest

from analysis.report import theme


@pytest.fixture
def style() -> Iterator[None]:
    """The theme of the figures, undone afterwards with every figure closed."""
    with plt.rc_context():
        theme()
        yield
    plt.close("all")
