"""The firm as Dagster assets: every source object, every model, the plan, every outbound system, the cut."""

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetsDefinition,
    MaterializeResult,
    MetadataValue,
    asset,
)

from assets import correct, model_assets, publishing, source_assets
from assets.keys import CUT, HUB, PLAN, RETRY, pushed_key, stage
from hub import journal
from hub.firm import Firm


def all_assets(firm: Firm) -> list[AssetsDefinition]:
    """Every asset of the firm, with lineage from source object to pushed system."""
    writable = [
        name
        for name, member in firm.systems.items()
        if any(each.write.create or each.write.update for each in member.system.objects.values())
    ]
    return [
        *(source_assets.observed(firm, member) for member in firm.systems.values()),
        model_assets.understood(firm),
        _planned(firm),
        *(_pushed(firm, name) for name in writable),
        _cut(firm, writable),
    ]


def _planned(firm: Firm) -> AssetsDefinition:
    checks = [AssetCheckSpec("consent", asset=PLAN), AssetCheckSpec("systems_agree", asset=PLAN)]

    @asset(
        key=PLAN,
        deps=[AssetKey(["outbound", "delta"]), AssetKey(["discrepancy", "found"])],
        check_specs=checks,
        group_name="reconcile",
        pool=HUB,
        retry_policy=RETRY,
        description="The sealed list of corrections, each with before, after and why; policies approve what is harmless, people the rest.",
    )
    def plan() -> MaterializeResult:
        with journal.open(firm.journal) as entries:
            made = correct.make_plan(firm, entries)
        stage.info("%s", _found(made), extra={"stage": "compare"})
        stage.info(
            "%s",
            f"{made.planned:,} planned: {made.approved:,} approved, {made.needs_consent:,} need consent, {made.held:,} held; {made.confirmed:,} confirmed",
            extra={"stage": "plan"},
        )
        return _plan_result(made)

    return plan


def _found(made: correct.Planned) -> str:
    money = ", ".join(f"{currency} {amount:,.2f}" for currency, amount in made.at_stake.items())
    return f"{sum(made.discrepancies.values()):,} discrepancies" + (f", {money} at stake" if money else "")


def _plan_result(made: correct.Planned) -> MaterializeResult:
    waiting = AssetCheckResult(
        check_name="consent", passed=not made.needs_consent, severity=AssetCheckSeverity.WARN, metadata={"lines": made.needs_consent}
    )
    agree = AssetCheckResult(
        check_name="systems_agree", passed=not made.discrepancies, severity=AssetCheckSeverity.WARN, metadata=dict(made.discrepancies)
    )
    numbers = {
        name: getattr(made, name)
        for name in ("planned", "approved", "needs_consent", "held", "opened", "closed", "confirmed", "unconfirmed")
    }
    return MaterializeResult(metadata=numbers | {"hash": made.hash}, check_results=[waiting, agree])


def _pushed(firm: Firm, name: str) -> AssetsDefinition:
    # No retry: what a killed push leaves in doubt is settled by the next turn, by looking.
    @asset(
        key=pushed_key(name),
        deps=[PLAN],
        check_specs=[AssetCheckSpec("nothing_in_doubt", asset=pushed_key(name))],
        group_name="pushed",
        pool=HUB,
        kinds={firm.systems[name].system.connector},
        description=f"Approved corrections, sent to {name} with precondition and idempotency means; intent journaled first.",
    )
    def pushed() -> MaterializeResult:
        with journal.open(firm.journal) as entries:
            counts = correct.push_system(firm, name, entries)
        if counts:
            stage.info(
                "%s", f"{name} " + ", ".join(f"{count:,} {state}" for state, count in sorted(counts.items())), extra={"stage": "push"}
            )
        doubt = AssetCheckResult(
            check_name="nothing_in_doubt", passed=not counts.get("in_doubt"), severity=AssetCheckSeverity.WARN, metadata=dict(counts)
        )
        return MaterializeResult(metadata=dict(counts), check_results=[doubt])

    return pushed


def _cut(firm: Firm, writable: list[str]) -> AssetsDefinition:
    @asset(
        key=CUT,
        deps=[PLAN, *(pushed_key(name) for name in writable)],
        group_name="published",
        pool=HUB,
        retry_policy=RETRY,
        kinds={"duckdb"},
        description="An immutable copy of the hub for stewards and BI.",
    )
    def cut() -> MaterializeResult:
        with journal.open(firm.journal) as entries:
            published = publishing.publish(firm, entries)
        return MaterializeResult(metadata={"file": MetadataValue.path(str(published)), "bytes": published.stat().st_size})

    return cut
