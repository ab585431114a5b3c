"""Folders of pictures that are sent here: announced, filled, looked at, ingested."""
