"""What a scan has to say, as typed data."""
