"""What a trainer is, and how trainers are found."""
