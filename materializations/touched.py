"""A table that is built whole once; from then on only the rows of touched keys are replaced."""

import typing as t

from sqlmesh import CustomMaterialization, Model


class Touched(CustomMaterialization):
    """Cost follows the change: delete the touched keys, append the query rendered for them alone.

    The model says `materialization_properties (key = column, touched = table)`: the table lists the touched keys.
    In its query, `@touched(column)` is TRUE when all is built, and a filter on the touched keys when not.
    """

    NAME = "touched"

    def insert(self, table_name: str, query_or_df: t.Any, model: Model, is_first_insert: bool, render_kwargs: dict[str, t.Any], **kwargs: t.Any) -> None:
        columns = model.columns_to_types_or_raise
        # Not is_first_insert: it counts intervals, which a cycle that runs twice a minute does not have.
        if not self.adapter.fetchone(f"SELECT 1 FROM {table_name} LIMIT 1"):
            self.adapter.insert_append(table_name, query_or_df, columns)
            return
        key, touched = (model.custom_materialization_properties[name] for name in ("key", "touched"))
        self.adapter.execute(f"DELETE FROM {table_name} WHERE {key} IN (SELECT {key} FROM {touched})")
        self.adapter.insert_append(table_name, model.render_query_or_raise(**render_kwargs, touched_only=True), columns)
