"""Every query, one file a subject. A write is one named transaction with its audit lines."""
