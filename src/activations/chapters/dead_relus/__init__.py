"""The chapter on dead ReLUs."""
