"""A drop folder of files: mapping, connector and, where it is simulated, its simulator."""
