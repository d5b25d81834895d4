"""Fixtures for the tests."""

from browser import browser, look, page, site, visit  # noqa: F401
