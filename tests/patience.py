"""How long a test waits for an event that must come: so long that only what hangs is ended."""

HUNG = 300.0  # seconds; a busy machine needs some of them, a sound one none
