"""What belongs to one chapter, a folder each, and the parts that all of them share."""
