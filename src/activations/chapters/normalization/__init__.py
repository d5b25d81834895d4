"""The chapter on normalization."""
