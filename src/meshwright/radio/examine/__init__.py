"""What a radio can do, what is missing, and two radios testing each other."""
