"""What the readers of key-value stores share."""
