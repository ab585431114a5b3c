"""The use cases as functions of a session, one module per noun."""
