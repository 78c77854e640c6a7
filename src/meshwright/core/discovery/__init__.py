"""What is on the air before a link."""
