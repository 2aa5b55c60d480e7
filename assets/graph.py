"""The firm as Dagster assets: every source object, every model, the plan, every outbound system, the cut."""

import logging
import re
from collections.abc import Iterator

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    RetryPolicy,
    TableColumn,
    TableSchema,
    asset,
    multi_asset,
)

from assets import correct, publishing, sqlmesh_models
from assets.observe import Observed, observe
from assets.sqlmesh_models import Lineage
from assets.understand import understand
from hub import journal
from hub.firm import Firm, Member
from hub.mapping import Object

stage = logging.getLogger("concord.stage")  # what a person follows while a cycle runs
RETRY = RetryPolicy(max_retries=2, delay=2)  # reading, building and publishing change nothing outside and may be done again
HUB = "hub"  # the pool of one: who holds it may open the hub for long
PLAN, CUT = AssetKey(["reconcile", "plan"]), AssetKey(["published", "cut"])


def source_key(system: str, each: str) -> AssetKey:
    return AssetKey([system, re.sub(r"\W", "_", each)])


def pushed_key(system: str) -> AssetKey:
    return AssetKey(["pushed", system])


def all_assets(firm: Firm) -> list[AssetsDefinition]:
    """Every asset of the firm, with lineage from source object to pushed system."""
    writable = [
        name
        for name, member in firm.systems.items()
        if any(each.write.create or each.write.update for each in member.system.objects.values())
    ]
    return [
        *(_observed(firm, member) for member in firm.systems.values()),
        _understood(firm),
        _planned(firm),
        *(_pushed(firm, name) for name in writable),
        _cut(firm, writable),
    ]


def _observed(firm: Firm, member: Member) -> AssetsDefinition:
    name, objects = member.system.system, {source_key(member.system.system, each.name): each for each in member.system.objects.values()}
    specs = [
        AssetSpec(key, group_name="observe", kinds={member.system.connector}, description=_object_says(member, each))
        for key, each in objects.items()
    ]

    @multi_asset(
        name=f"observe_{name}",
        specs=specs,
        check_specs=[AssetCheckSpec("contract", asset=key) for key in objects],
        can_subset=True,
        retry_policy=RETRY,
    )
    def observed(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
        wanted = [objects[key].name for key in context.selected_asset_keys]
        with journal.open(firm.journal) as entries:
            seen = observe(firm, name, entries, wanted)
        stage.info("%s", _seen(name, seen), extra={"stage": "observe"})
        for key in objects:
            if key in context.selected_asset_keys:
                yield _observation(key, objects[key], seen)

    return observed


def _observation(key: AssetKey, each: Object, seen: Observed) -> MaterializeResult:
    manifest, changes = seen.manifests.get(each.name), seen.changes.get(each.name, {})
    troubles = [trouble.message for trouble in seen.troubles if trouble.about.split()[1:2] == [each.name]]
    broken = AssetCheckSeverity.WARN if manifest else AssetCheckSeverity.ERROR
    check = AssetCheckResult(
        check_name="contract",
        asset_key=key,
        passed=not troubles,
        severity=broken,
        metadata={"troubles": "\n".join(troubles[:20]) or "none"},
    )
    counts = (
        {
            "records": manifest.rows,
            "quarantined": manifest.quarantined,
            "gone": manifest.gone,
            "snapshot": manifest.id,
            "kind": manifest.kind,
        }
        if manifest
        else {}
    )
    return MaterializeResult(
        asset_key=key, metadata=counts | {f"change_{kind}": count for kind, count in changes.items()}, check_results=[check]
    )


def _object_says(member: Member, each: Object) -> str:
    return f"{member.system.role}: {each.of} as {member.system.system} {each.name} tells it, by {'watermark ' + each.changed if each.changed else 'full read'}."


def _seen(name: str, seen: Observed) -> str:
    changes = sum(sum(each.values()) for each in seen.changes.values())
    rows, bad = (sum(getattr(manifest, what) for manifest in seen.manifests.values()) for what in ("rows", "quarantined"))
    missed = [trouble.message for trouble in seen.troubles if trouble.kind in ("contract", "unreachable")]
    return f"{name} {rows:,} read, {changes:,} changed, {bad:,} quarantined" + "".join(f"\n{message}" for message in missed)


def _understood(firm: Firm) -> AssetsDefinition:
    sources = {
        f"capture.{name}__{each.name}".lower(): source_key(name, each.name)
        for name, member in firm.systems.items()
        for each in member.system.objects.values()
    }
    models = {f"{model.name}": model for model in sqlmesh_models.lineage(firm)}
    keys = sources | {name: AssetKey(name.split(".")) for name in models}
    specs = [_model_spec(model, [keys[read] for read in model.reads if read in keys]) for model in models.values()]

    @multi_asset(
        name="understand",
        specs=specs,
        check_specs=[AssetCheckSpec("audits", asset=keys[name]) for name, model in models.items() if model.audits],
        pool=HUB,
        retry_policy=RETRY,
    )
    def understood() -> Iterator[MaterializeResult]:
        with journal.open(firm.journal) as entries:
            done = understand(firm, entries)
        stage.info(
            "%s", f"{done.touched:,} records touched, {sum(done.moved.values()):,} tied to a hub id anew", extra={"stage": "understand"}
        )
        evaluated = {each.name: each for each in done.evaluated}
        for name, model in models.items():
            result = evaluated.get(name)  # a view is not evaluated: it follows its tables
            checks = (
                [AssetCheckResult(check_name="audits", asset_key=keys[name], passed=True, metadata=dict(result.audits))]
                if model.audits
                else []
            )
            yield MaterializeResult(asset_key=keys[name], metadata={"rows": result.rows} if result else {}, check_results=checks)

    return understood


def _model_spec(model: Lineage, reads: list[AssetKey]) -> AssetSpec:
    schema = TableSchema([TableColumn(name, kind, says or None) for name, (kind, says) in model.columns.items()])
    return AssetSpec(
        AssetKey(model.name.split(".")),
        deps=reads,
        group_name=model.name.split(".")[0],
        kinds={"duckdb", "sqlmesh"},
        description=model.says,
        metadata={"dagster/column_schema": schema},
    )


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

    return plan


def _found(made: correct.Planned) -> str:
    money = ", ".join(f"{currency} {amount:,.2f}" for currency, amount in made.at_stake.items())
    return f"{sum(made.discrepancies.values()):,} discrepancies" + (f", {money} at stake" if money else "")


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
