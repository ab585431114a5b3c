"""A folder of pictures turned into facts: no database, no torch."""
