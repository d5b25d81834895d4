"""Fixtures for the tests."""

import activations  # noqa: F401  # before torch: it keeps torch's idle threads from spinning
from browser import browser, look, page, site, visit  # noqa: F401
