"""Whether all values of an array are finite. Whatever saves, stores or reads floats asks here."""

import numpy as np

from wsss.errors import WsssError


def require_finite(what: str, values: np.ndarray, remedy: str) -> None:
    """Check that an array has no NaN and no infinity.

    Parameters
    ----------
    what : str
        What the array is, for messages: the file, the image or the tensor.
    values : np.ndarray
        Any array. Only floats can fail.
    remedy : str
        The way out, for messages.

    Raises
    ------
    WsssError
        If a value is not finite. The message names the first one and where it is.
    """
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    strange = np.argwhere(~np.isfinite(values))
    first = tuple(map(int, strange[0]))
    more = f" and at {len(strange) - 1} more places" if len(strange) > 1 else ""
    raise WsssError(f"not finite: {what}: {values[first]} at {list(first)}{more}; {remedy}")
