"""What things are: entities, systems, snapshots, the store and the journal."""
