"""What is not finite is refused, with its place."""

import numpy as np
import pytest

from wsss.data.finite import require_finite
from wsss.errors import WsssError


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_place_is_named(dtype: type, value: float) -> None:
    values = np.zeros((2, 3), dtype)
    values[1, 2] = value
    with pytest.raises(WsssError, match=rf"^not finite: x: {value} at \[1, 2\]; do this$"):
        require_finite("x", values, "do this")
    values[1, 0] = np.nan
    with pytest.raises(WsssError, match=r"nan at \[1, 0\] and at 1 more places; "):
        require_finite("x", values, "do this")


@pytest.mark.parametrize("values", [np.full(3, 65504, np.float16), np.zeros((0, 2)), np.array([2**62])])
def test_what_is_finite_passes(values: np.ndarray) -> None:
    require_finite("x", values, "do this")
