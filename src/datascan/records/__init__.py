"""What has been read, independent of where it came from."""
