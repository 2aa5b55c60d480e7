"""The observing steps: an asset for every source object."""

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
    multi_asset,
)

from assets.keys import RETRY, source_key, stage
from assets.observe import Observed, observe
from hub import journal
from hub.firm import Firm, Member
from hub.mapping import Object


def observed(firm: Firm, member: Member) -> AssetsDefinition:
    """The step that reads a system: an asset for each of its objects, any of which may be read alone."""
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
    def step(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
        wanted = [objects[key].name for key in context.selected_asset_keys]
        with journal.open(firm.journal) as entries:
            seen = observe(firm, name, entries, wanted)
        stage.info("%s", _seen(name, seen), extra={"stage": "observe"})
        for key in objects:
            if key in context.selected_asset_keys:
                yield _observation(key, objects[key], seen)

    return step


def _object_says(member: Member, each: Object) -> str:
    return f"{member.system.role}: {each.of} as {member.system.system} {each.name} tells it, by {'watermark ' + each.changed if each.changed else 'full read'}."


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
    told = {"records": "rows", "quarantined": "quarantined", "gone": "gone", "snapshot": "id", "kind": "kind"}
    counts = {name: getattr(manifest, field) for name, field in told.items()} if manifest else {}
    counts |= {f"change_{kind}": count for kind, count in changes.items()}
    return MaterializeResult(asset_key=key, metadata=counts, check_results=[check])


def _seen(name: str, seen: Observed) -> str:
    changes = sum(sum(each.values()) for each in seen.changes.values())
    rows, bad = (sum(getattr(manifest, what) for manifest in seen.manifests.values()) for what in ("rows", "quarantined"))
    missed = [trouble.message for trouble in seen.troubles if trouble.kind in ("contract", "unreachable")]
    return f"{name} {rows:,} read, {changes:,} changed, {bad:,} quarantined" + "".join(f"\n{message}" for message in missed)
