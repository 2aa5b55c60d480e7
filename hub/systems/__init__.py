"""One folder a system; what they share stands beside them."""
