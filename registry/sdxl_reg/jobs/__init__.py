"""Jobs: files that say what to do, and the processes that do it."""
