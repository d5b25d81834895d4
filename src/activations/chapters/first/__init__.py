"""What the book's first page shows, which is no chapter: an explorer of its own, with neither notebook nor exercises."""
