"""Fixtures for the tests."""

from browser import browser, driver, fonts_folder, lettered, look, page, site, visit  # noqa: F401
from explorers import explore, modules, tab, workshop  # noqa: F401
