"""Before any test."""

# SQLMesh teaches sqlglot its own expressions, and only what sqlglot has not used before: so it comes before Splink, which uses it too.
import sqlmesh  # noqa: F401
