"""What two runs must have in common to be one and the same."""

import numpy as np
import pandas as pd


def assert_same(one, other):
    """Tables and weights, to the last bit and in their dtypes."""
    for table in ("history", "probes", "diverged"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table), check_exact=True)
    for a, b in zip(one.weights, other.weights, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name], strict=True)
