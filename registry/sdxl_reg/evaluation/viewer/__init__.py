"""The viewer: a page on which people compare the pictures of a grid and choose."""
