"""What a picture is worth, in numbers: the metrics, found by entry point as trainers are."""
