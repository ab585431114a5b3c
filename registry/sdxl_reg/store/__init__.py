"""Where rows and bytes are kept: the database and the blob store."""
