"""What weights from elsewhere hold, and how they become a folder that a backend opens."""
