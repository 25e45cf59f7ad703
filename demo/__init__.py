"""What the demo loads."""
