"""The steward's workbench: reads the newest cut, writes only to the journal."""
