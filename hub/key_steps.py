"""Keys in steps: what several of them are made of is a column that is made once.

Written out in one expression each, the keys of an organisation are 26,000 letters, and DuckDB plans longer than ten thousand records take.
"""

import re
from dataclasses import dataclass, field

from hub import keys


@dataclass
class Steps:
    """Columns by the step that makes them, the first from records alone, each other from those before: [{column: SQL}]."""

    made: list[dict[str, str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def named(self, sql: str) -> str:
        """The SQL with each call of a function of hub/keys.py in the place of which its column is named."""
        while found := keys.CALL.search(sql):
            arguments, end = keys.arguments(sql, found.end())
            sql = sql[: found.start()] + self._column(found[1], [self.named(each) for each in arguments]) + sql[end:]
        return sql

    def query(self, records: str) -> str:
        """A query for the records (a table, or a query in brackets) with all columns of the steps."""
        for step in self.made:
            records = f"(SELECT *, {', '.join(f'{sql} AS {name}' for name, sql in step.items())} FROM {records})"
        return records

    def _column(self, function: str, arguments: list[str]) -> str:
        call = f"{function}({', '.join(arguments)})"
        if call not in self.names:
            sql = self.named(keys.FUNCTIONS[function](*arguments))
            after = max((self._step(each) + 1 for each in re.findall(r"\bmade_\d+\b", sql)), default=0)
            name = self.names[call] = f"made_{len(self.names)}"
            self.made.extend({} for _ in range(after + 1 - len(self.made)))
            self.made[after][name] = sql
        return self.names[call]

    def _step(self, column: str) -> int:
        return next(number for number, step in enumerate(self.made) if column in step)
