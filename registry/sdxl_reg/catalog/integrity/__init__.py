"""Whether the registry is whole: rows, bytes, and what is derived from rows; keeping it so."""
