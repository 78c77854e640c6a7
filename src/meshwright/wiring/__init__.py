"""The one place that chooses adapters and builds services on them."""
