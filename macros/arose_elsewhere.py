"""Things that arose where none may arise: in a role that the contract does not let create them."""

from sqlmesh import macro

from macros.canonical import firm_rules, members_of
from macros.discrepancy import row, stake, union


@macro()
def arose_elsewhere(evaluator):
    """Things that no role holds in which they may arise, each at the record that came first."""
    the_rules = firm_rules(evaluator)
    return union(strange(the_rules, of, members_of(evaluator, of)) for of in the_rules.entities if may_arise(the_rules, of))


def may_arise(the_rules, of):
    """The roles of the firm in which an entity may arise; none when it may in all, or in none that the firm has."""
    return [role for role in the_rules.owner(of).create if role in the_rules.roles(of)]


def strange(the_rules, of, members):
    roles, (money, currency, join) = may_arise(the_rules, of), stake(the_rules, of, "g")
    rest = f"""
      FROM (
        SELECT * FROM {members} WHERE is_live
        QUALIFY NOT bool_or(role IN ({", ".join(f"'{role}'" for role in roles)})) OVER (PARTITION BY hub_id)
          AND row_number() OVER (PARTITION BY hub_id ORDER BY first_at, record_ref) = 1
      ) AS m
      JOIN golden.{of} AS g ON g.hub_id = m.hub_id
      {join}"""
    # Whoever changed it last made it, as long as it never changed.
    editor = "CASE WHEN m.edited_by IS NOT NULL AND m.changed_at = m.first_at THEN m.edited_by ELSE 'somebody' END"
    return row(
        "arose_elsewhere",
        of,
        hub_id="m.hub_id",
        system="m.system",
        each="m.object",
        record_ref="m.record_ref",
        money=money,
        currency=currency,
        owner="m.role",
        says=f"'a {of.replace('_', ' ')} arises in {' or '.join(roles)}; ' || {editor} || ' created it here on ' || m.first_at::DATE::TEXT",
        rest=rest,
    )
