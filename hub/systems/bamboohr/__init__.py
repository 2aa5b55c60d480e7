"""BambooHR: mapping, connector and, where it is simulated, its simulator."""
