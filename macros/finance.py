"""Tables for finance: money that waits, as far as the firm's systems tell."""

from sqlmesh import macro

from macros.canonical import firm_rules, typed

UNBILLED = {
    "project_id": ("TEXT", "Hub id of the project; empty when the entries name none."),
    "code": ("TEXT", "Code that people quote."),
    "customer_id": ("TEXT", "Hub id of who is billed."),
    "entry_count": ("BIGINT", "Time entries."),
    "hours": ("DECIMAL(18,4)", "Approved and billable, not invoiced."),
    "amount": ("DECIMAL(18,2)", "The hours at the hourly rate of the project; empty when nobody gives a rate."),
    "currency": ("TEXT", "Of the amount."),
    "oldest_on": ("DATE", "The first day worked among them."),
}
RECEIVABLE = {
    "customer_id": ("TEXT", "Hub id of who owes."),
    "currency": ("TEXT", "Of the amount."),
    "due": ("TEXT", "Days past the due date on the day of the newest snapshot, in the steps of a usual ageing list."),
    "invoice_count": ("BIGINT", "Posted invoices."),
    "amount_open": ("DECIMAL(18,2)", "What is still to be paid."),
    "oldest_due_on": ("DATE", "The first due date among them."),
}


def held_or_empty(evaluator, needs, columns, query):
    """The query, typed and described, if the firm holds the entities that it needs; else no rows."""
    nothing = "SELECT " + ", ".join(f"NULL AS {name}" for name in columns) + " WHERE FALSE"
    return typed(columns, query if set(needs) <= firm_rules(evaluator).entities.keys() else nothing)


@macro()
def unbilled_time(evaluator):
    """Approved billable hours that no invoice bills yet, by project, at the project's rate."""
    return held_or_empty(
        evaluator,
        ["time_entry", "project"],
        UNBILLED,
        """
      SELECT t.project_id, p.code, p.customer_id, count(*) AS entry_count, sum(t.hours) AS hours, sum(t.hours * p.hourly_rate) AS amount,
        p.hourly_rate_currency AS currency, min(t.worked_on) AS oldest_on
      FROM golden.time_entry AS t
      LEFT JOIN golden.project AS p ON p.hub_id = t.project_id  -- absent when the entry names none: still nobody bills it
      WHERE t.status = 'approved' AND t.is_billable IS DISTINCT FROM FALSE
      GROUP BY ALL""",
    )


@macro()
def receivables(evaluator):
    """What customers owe on posted invoices, by how long it is overdue on the day of the newest snapshot."""
    return held_or_empty(
        evaluator,
        ["invoice"],
        RECEIVABLE,
        """
      SELECT customer_id, amount_open_currency AS currency,
        CASE WHEN due_on IS NULL THEN 'no due date' WHEN due_on >= today THEN 'not yet due' WHEN due_on >= today - 30 THEN '1 to 30 days'
          WHEN due_on >= today - 60 THEN '31 to 60 days' WHEN due_on >= today - 90 THEN '61 to 90 days' ELSE 'over 90 days' END AS due,
        count(*) AS invoice_count, sum(amount_open) AS amount_open, min(due_on) AS oldest_due_on
      FROM golden.invoice
      CROSS JOIN (SELECT left(max(taken_at), 10)::DATE AS today FROM capture.snapshot) AS s
      WHERE status IN ('posted', 'paid') AND amount_open <> 0
      GROUP BY ALL""",
    )
