"""When it happens: Dagster assets, checks, schedules, sensors, resources, and the command line."""
