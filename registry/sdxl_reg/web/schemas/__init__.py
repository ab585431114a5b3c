"""The documents of the API, one module per noun: their shape, and how they are made from rows."""
