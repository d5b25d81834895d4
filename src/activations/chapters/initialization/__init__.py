"""The chapter on initialization."""
