"""A table that is built whole once; from then on only the rows of touched keys are replaced."""

import typing as t

from sqlmesh import CustomMaterialization, Model


class Touched(CustomMaterialization):
    """Cost follows the change: delete the touched keys, append the query rendered for them alone.

    The model says `materialization_properties (key = column, touched = table)`: the table lists the touched keys in that
    column; `columns` names those of the model that hold such keys, by default the same one, and `numbers` those that hold them as numbers
    (hub/matching.py), which a cycle finds them by; `keeps` and `stays`, what later steps of a
    cycle ask of the rows that went and of those that came (assets/evaluation.py). The macros that write the query filter by the touched
    keys when `touched_only` is set, and not when all is built.
    """

    NAME = "touched"

    def create(self, table_name: str, model: Model, is_table_deployable: bool, render_kwargs: dict[str, t.Any], **kwargs: t.Any) -> None:
        # The columns are known; SQLMesh's own way also renders the query and runs it dry, which costs as much as all the rest.
        self.adapter.create_table(
            table_name, model.columns_to_types_or_raise, table_description=model.description, column_descriptions=model.column_descriptions
        )

    def insert(
        self, table_name: str, query_or_df: t.Any, model: Model, is_first_insert: bool, render_kwargs: dict[str, t.Any], **kwargs: t.Any
    ) -> None:
        types = model.columns_to_types_or_raise
        # Not is_first_insert: it counts intervals, which a cycle that runs twice a minute does not have.
        if not self.adapter.fetchone(f"SELECT 1 FROM {table_name} LIMIT 1"):
            self.adapter.insert_append(table_name, query_or_df, types)
            return
        properties = {name: str(value) for name, value in model.custom_materialization_properties.items()}
        key, touched = properties["key"], properties["touched"]
        stale = " OR ".join(f"{column} IN (SELECT {key} FROM {touched})" for column in properties.get("columns", key).split(", "))
        self.adapter.execute(f"DELETE FROM {table_name} WHERE {stale}")
        self.adapter.insert_append(table_name, model.render_query_or_raise(**render_kwargs, touched_only=True), types)
