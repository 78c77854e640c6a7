"""What happens on the line: steps of one device, labels."""
