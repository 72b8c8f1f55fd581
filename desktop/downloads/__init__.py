"""Models from a hub, fetched so that no wrong byte is taken, published by one rename. No Qt, no torch."""
