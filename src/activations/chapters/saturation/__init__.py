"""The chapter on saturation."""
