-- What the report is made of: one row a discrepancy, one a planned correction, one an exception, with names that people know.
-- Values of personal and sensitive fields are masked here, once, before any format sees them. The variable `hidden` lists their
-- columns as entity.column; {names} is the query for what people call each thing.

CREATE OR REPLACE TEMP MACRO hides(entity, name) AS list_contains(getvariable('hidden'), entity || '.' || name);

-- the first character stays, so that two readers know that they look at the same value
CREATE OR REPLACE TEMP MACRO masked(value, is_hidden) AS
  CASE WHEN value IS NULL THEN '(empty)' WHEN is_hidden THEN left(value, 1) || '… (masked)' ELSE value END;

CREATE OR REPLACE TEMP MACRO value_of(object, name) AS regexp_replace(json_extract_string(object, '$.' || name), '(\.\d\d)00$', '\1');

-- the columns in which two JSON objects differ, in a line; all columns of one that stands alone
CREATE OR REPLACE TEMP MACRO readable(object, other, entity, field) AS array_to_string(list_transform(
  list_filter(json_keys(object), lambda k: other IS NULL OR value_of(object, k) IS DISTINCT FROM value_of(other, k)),
  lambda k: CASE WHEN k = field THEN '' ELSE replace(k, coalesce(field, '') || '_', '') || ': ' END || masked(value_of(object, k), hides(entity, k))), ', ');

CREATE OR REPLACE TEMP MACRO quotes_hidden(entity, field, object, message) AS hides(entity, field)
  OR len(list_filter(json_keys(object), lambda k: hides(entity, k) AND contains(message, value_of(object, k)))) > 0;

-- whom a message is about and what to do, without what lies between: there values are quoted
CREATE OR REPLACE TEMP MACRO discreet(message, is_hidden) AS
  CASE WHEN is_hidden THEN regexp_replace(message, ': .*; ', ': (masked); ') ELSE message END;

CREATE OR REPLACE TEMP MACRO next_step(message) AS regexp_extract(message, '; ([^;]*)$', 1);

-- A cycle reads first: what opened, closed or was confirmed after the newest read is of this cycle.
CREATE OR REPLACE TEMP TABLE report_now AS
SELECT greatest(max(taken_at)::TIMESTAMP, (SELECT max(happened_at) FROM journal.event)) AS as_of, max(taken_at)::TIMESTAMP AS read_at
FROM capture.snapshot;

CREATE OR REPLACE TEMP TABLE report_name AS {names};

CREATE OR REPLACE TEMP TABLE report_plan AS
SELECT
  p.line_id, p.discrepancy_id, p.status, p.action, p.entity, n.name, p.hub_id, p.system, p.object, p.record_id, p.field,
  readable(p.base, p.want, p.entity, p.field) AS said,
  readable(p.want, p.base, p.entity, p.field) AS should,
  p.money, p.currency, p.why,
  quotes_hidden(p.entity, p.field, p.want, p.hold) AS is_hidden,
  discreet(p.hold, quotes_hidden(p.entity, p.field, p.want, p.hold)) AS hold,
  coalesce(p.held, next_step(p.hold)) AS hold_reason,
  p.approved_by, p.policy,
  concat_ws(' ', p.system, p.object, coalesce(p.record_id, p.hub_id), coalesce(p.field, 'create')) AS about
FROM work.plan_line AS p
LEFT JOIN report_name AS n ON n.hub_id = p.hub_id;

CREATE OR REPLACE TEMP TABLE report_discrepancy AS
WITH waived AS (
  SELECT discrepancy_id, arg_max(reason, seq) AS reason FROM journal.waiver GROUP BY discrepancy_id
), planned AS (
  SELECT discrepancy_id, min(status) AS status FROM report_plan GROUP BY discrepancy_id
), sent AS (
  SELECT DISTINCT d.discrepancy_id FROM outbound.delta AS d
  JOIN journal.push AS p ON p.line_id = d.line_id AND p.state IN ('intended', 'in_doubt', 'acknowledged')
)
SELECT
  f.id, f.class, f.entity, n.name, f.hub_id, f.system, f.object, split_part(f.record_ref, ':', 3) AS record_id, f.field,
  readable(f.said, f.should, f.entity, f.field) AS said,
  readable(f.should, f.said, f.entity, f.field) AS should,
  f.money, f.currency, f.says AS why, f.owner, c.opened_at,
  date_diff('day', c.opened_at, t.as_of) AS age_days,
  coalesce(c.opened_at > t.read_at, TRUE) AS is_new,
  CASE WHEN w.discrepancy_id IS NOT NULL THEN 'waived' WHEN s.discrepancy_id IS NOT NULL THEN 'sent' ELSE coalesce(p.status, 'by hand') END AS state,
  w.reason AS waived_because
FROM discrepancy.found AS f
CROSS JOIN report_now AS t
LEFT JOIN report_name AS n ON n.hub_id = f.hub_id          -- absent for what has no record left
LEFT JOIN journal.open_case AS c ON c.id = f.id            -- absent until a plan was made
LEFT JOIN waived AS w ON w.discrepancy_id = f.id
LEFT JOIN planned AS p ON p.discrepancy_id = f.id          -- absent where the hub has no way to correct it
LEFT JOIN sent AS s ON s.discrepancy_id = f.id;

CREATE OR REPLACE TEMP TABLE report_exception AS
WITH planned AS (
  SELECT about, bool_or(is_hidden) AS is_hidden FROM report_plan GROUP BY about
)
SELECT
  e.id, e.kind, e.subject AS about, discreet(e.message, coalesce(p.is_hidden, FALSE)) AS message, next_step(e.message) AS next_step, e.owner, e.opened_at,
  date_diff('day', e.opened_at, t.as_of) AS age_days
FROM journal.exception AS e
CROSS JOIN report_now AS t
LEFT JOIN planned AS p ON p.about = e.subject;
