"""Whether synthetic pictures pay: a classifier that is taught with them, tested on real ones."""
