-- The tables of the report, over what report_details.sql made. A line with a name and a colon begins each.

-- now: when the report is of
SELECT as_of, read_at FROM report_now

-- stake: what is at stake, by currency, each thing once; amounts of two currencies are never added up
SELECT currency, sum(count)::BIGINT AS count, sum(money) AS money FROM (
  SELECT currency, count(*) AS count, max(money) AS money FROM report_discrepancy
  WHERE money IS NOT NULL AND state <> 'waived'
  GROUP BY currency, entity, coalesce(hub_id, id))
GROUP BY currency ORDER BY money DESC, currency

-- open: how many discrepancies there are
SELECT count(*) AS count, count(*) FILTER (WHERE money IS NULL AND state <> 'waived') AS without_money, count(*) FILTER (WHERE state = 'waived') AS waived
FROM report_discrepancy

-- by_class: what is at stake, by class
SELECT class, currency, count(*) AS count, sum(money) AS money, max(age_days) AS oldest_days FROM report_discrepancy
WHERE state <> 'waived'
GROUP BY class, currency ORDER BY currency NULLS LAST, money DESC NULLS LAST, class

-- by_owner: what is at stake, by owner
SELECT owner, currency, count(*) AS count, sum(money) AS money, max(age_days) AS oldest_days FROM report_discrepancy
WHERE state <> 'waived'
GROUP BY owner, currency ORDER BY owner, currency NULLS LAST

-- moved: what changed since the cycle before
SELECT
  (SELECT count(*) FROM report_discrepancy WHERE is_new) AS new,
  (SELECT coalesce(sum(json_array_length(body, '$.ids')), 0)::BIGINT FROM journal.event, report_now WHERE kind = 'cases.closed' AND happened_at > read_at) AS closed

-- age: how many are how old
SELECT b.bucket, count(d.id) AS count
FROM (VALUES (0, 0, 'today'), (1, 7, '1 to 7 days'), (8, 30, '8 to 30 days'), (31, 90, '31 to 90 days'), (91, 99999, 'over 90 days')) AS b (low, high, bucket)
LEFT JOIN report_discrepancy AS d ON coalesce(d.age_days, 0) BETWEEN b.low AND b.high AND d.state <> 'waived'
GROUP BY b.low, b.bucket ORDER BY b.low

-- oldest: those that wait longest
SELECT * FROM report_discrepancy WHERE state <> 'waived' ORDER BY opened_at NULLS LAST, money DESC NULLS LAST, id LIMIT 5

-- corrected: what was written, and seen in a later snapshot
SELECT p.system, p.object, p.action, count(*) AS lines, count(DISTINCT p.push_id) AS writes, count(*) FILTER (WHERE e.push_id IS NOT NULL) AS this_cycle
FROM journal.push AS p
LEFT JOIN (
  SELECT DISTINCT subject AS push_id FROM journal.event, report_now
  WHERE kind = 'push.outcome' AND (body ->> 'state') = 'confirmed' AND happened_at > read_at
) AS e ON e.push_id = p.push_id
WHERE p.state = 'confirmed'
GROUP BY p.system, p.object, p.action ORDER BY p.system, p.object, p.action

-- under_way: what was sent and is not confirmed
SELECT system, state, sum(line_count)::BIGINT AS lines FROM mart.push
WHERE state NOT IN ('confirmed', 'not_sent')
GROUP BY system, state ORDER BY system, state

-- consent: what waits for a person's consent
SELECT system, object, action, field, currency, count(*) AS lines, sum(money) AS money FROM report_plan
WHERE status = 'needs_consent'
GROUP BY system, object, action, field, currency ORDER BY money DESC NULLS LAST, lines DESC, system, object, action, field

-- held: what may not be written now, and why
SELECT system, object, hold_reason, count(*) AS lines FROM report_plan
WHERE status = 'held'
GROUP BY system, object, hold_reason ORDER BY lines DESC, system, object, hold_reason

-- exceptions: work for a person, by what to do next
SELECT kind, owner, next_step, count(*) AS count, max(age_days) AS oldest_days, array_to_string(list_sort(list(about))[:3], '; ') AS for_example
FROM report_exception
GROUP BY kind, owner, next_step ORDER BY count DESC, kind, owner, next_step

-- counts: records and real things
SELECT r.entity, r.system, r.record_count, c.hub_id_count, r.duplicate_count, r.duplicate_rate
FROM mart.duplicate_rate AS r
JOIN mart.record_count AS c ON c.entity = r.entity AND c.system = r.system
ORDER BY r.entity, r.system

-- things: real things of each entity
SELECT entity, count(*) AS things FROM report_name GROUP BY entity ORDER BY entity

-- freshness: what was read when, and what waits in quarantine
SELECT
  f.system, f.object, f.last_taken_at, round(date_diff('minute', f.last_taken_at, n.as_of) / 60, 1) AS age_hours, f.kind, f.is_complete, f.row_count,
  coalesce(q.record_count, 0) AS in_quarantine
FROM mart.freshness AS f
CROSS JOIN report_now AS n
LEFT JOIN mart.quarantine AS q ON q.system = f.system AND q.object = f.object
ORDER BY f.system, f.object

-- unbilled: approved time that no invoice bills yet
SELECT currency, sum(entry_count)::BIGINT AS entries, sum(hours) AS hours, sum(amount) AS amount, min(oldest_on) AS oldest_on
FROM mart.unbilled_time
GROUP BY currency ORDER BY currency NULLS LAST

-- receivable: what is open on posted invoices
SELECT due, currency, sum(invoice_count)::BIGINT AS invoices, sum(amount_open) AS amount_open, min(oldest_due_on) AS oldest_due_on
FROM mart.receivable
GROUP BY due, currency ORDER BY currency, oldest_due_on DESC NULLS LAST, due

-- groups: the discrepancies of one kind together
SELECT class, entity, system, object, field, currency, count(*) AS count, sum(money) AS money, max(age_days) AS oldest_days FROM report_discrepancy
GROUP BY class, entity, system, object, field, currency
ORDER BY money DESC NULLS LAST, count DESC, class, entity, system, object, field, currency

-- top: the ten largest of each group
SELECT * FROM report_discrepancy
QUALIFY row_number() OVER (PARTITION BY class, entity, system, object, field, currency ORDER BY money DESC NULLS LAST, opened_at, id) <= 10
ORDER BY money DESC NULLS LAST, opened_at, id

-- discrepancies: all of them
SELECT * FROM report_discrepancy ORDER BY currency NULLS LAST, money DESC NULLS LAST, opened_at, id

-- plan: all corrections
SELECT * EXCLUDE (about, hold_reason, is_hidden) FROM report_plan ORDER BY status, system, object, action, record_id, hub_id, field, line_id

-- exception_list: all exceptions
SELECT kind, about, message, owner, opened_at, age_days FROM report_exception ORDER BY kind, opened_at, about
