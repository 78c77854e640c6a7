"""Options and printing; no decisions."""
