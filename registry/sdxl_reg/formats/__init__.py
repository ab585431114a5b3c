"""The files of other programs: what they read and write, exactly."""
