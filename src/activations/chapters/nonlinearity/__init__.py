"""The chapter on nonlinearity."""
