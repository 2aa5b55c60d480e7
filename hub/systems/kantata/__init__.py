"""Kantata OX: mapping, connector and, where it is simulated, its simulator."""
