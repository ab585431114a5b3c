"""Networks that look at pictures for the metrics, and what they saw, kept by content."""
