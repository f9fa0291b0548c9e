"""The settle of many deliveries in one statement: the same rows as `settle_sql.SETTLE` writes, by arrays with the
delivery beside each value. Every part hangs on what the first step returns; its text never changes."""

SETTLE_MANY = """
WITH moved AS (
    UPDATE exporter_delivery d
       SET cursor = n.new,
           settles = d.settles + 1,
           lease_token = NULL,
           lease_until = NULL,
           moved_at = CASE WHEN n.new > d.cursor THEN clock_timestamp() ELSE d.moved_at END,
           accepted_at = CASE WHEN n.accepted THEN clock_timestamp() ELSE d.accepted_at END,
           failures = CASE WHEN n.wait IS NOT NULL THEN d.failures + 1 WHEN n.accepted THEN 0 ELSE d.failures END,
           failing_since = CASE WHEN n.wait IS NOT NULL THEN coalesce(d.failing_since, clock_timestamp())
                                WHEN n.accepted THEN NULL ELSE d.failing_since END,
           next_attempt_at = CASE WHEN n.wait IS NOT NULL THEN clock_timestamp() + make_interval(secs => n.wait)
                                  WHEN n.accepted THEN NULL ELSE d.next_attempt_at END
      FROM unnest(%(ids)s::bigint[], %(tokens)s::uuid[], %(olds)s::bigint[], %(news)s::bigint[],
                  %(accepted)s::boolean[], %(waits)s::float8[]) AS n(id, token, old, new, accepted, wait)
     WHERE d.id = n.id AND d.lease_token = n.token AND d.cursor = n.old
 RETURNING d.id, d.connector_id, d.workspace_id
), counted AS (
    INSERT INTO exporter_deliverycount AS c (delivery_id, minute, event_type, outcome, count)
    SELECT n.* FROM moved JOIN unnest(%(count_ids)s::bigint[], %(minutes)s::timestamptz[], %(types)s::text[],
                                      %(outcomes)s::text[], %(counts)s::bigint[]) n(id, minute, type, outcome, count)
           USING (id)
    ON CONFLICT (delivery_id, minute, event_type, outcome) DO UPDATE SET count = c.count + excluded.count
), hourly AS (
    INSERT INTO exporter_deliveryhour AS h (delivery_id, hour, outcome, count)
    SELECT n.* FROM moved JOIN unnest(%(hour_ids)s::bigint[], %(hours)s::timestamptz[], %(hour_outcomes)s::text[],
                                      %(hour_counts)s::bigint[]) n(id, hour, outcome, count) USING (id)
    ON CONFLICT (delivery_id, hour, outcome) DO UPDATE SET count = h.count + excluded.count
), totalled AS (
    INSERT INTO exporter_deliverytotal AS t (delivery_id, event_type, outcome, count)
    SELECT n.* FROM moved JOIN unnest(%(total_ids)s::bigint[], %(total_types)s::text[], %(total_outcomes)s::text[],
                                      %(total_counts)s::bigint[]) n(id, type, outcome, count) USING (id)
    ON CONFLICT (delivery_id, event_type, outcome) DO UPDATE SET count = t.count + excluded.count
), delayed AS (
    INSERT INTO exporter_deliverydelay AS d (delivery_id, minute, bucket, count)
    SELECT n.* FROM moved JOIN unnest(%(delay_ids)s::bigint[], %(delay_minutes)s::timestamptz[],
                                      %(delay_buckets)s::int[], %(delay_counts)s::bigint[])
                               n(id, minute, bucket, count) USING (id)
    ON CONFLICT (delivery_id, minute, bucket) DO UPDATE SET count = d.count + excluded.count
), ranges AS (
    SELECT n.* FROM moved JOIN unnest(%(range_ids)s::bigint[], %(range_firsts)s::bigint[], %(range_ends)s::bigint[],
                                      %(range_revisions)s::bigint[], %(range_kinds)s::text[])
                               n(id, first_event, end_event, revision_id, kind) USING (id)
), grown AS (
    UPDATE exporter_settlement s SET end_event = r.end_event
      FROM ranges r
     WHERE s.revision_id = r.revision_id AND s.kind = r.kind AND s.end_event = r.first_event
       AND s.id = (SELECT l.id FROM exporter_settlement l WHERE l.delivery_id = r.id
                    ORDER BY l.first_event DESC LIMIT 1)
 RETURNING s.delivery_id
), settled AS (
    INSERT INTO exporter_settlement (delivery_id, first_event, end_event, revision_id, kind)
    SELECT id, first_event, end_event, revision_id, kind FROM ranges r
     WHERE NOT EXISTS (SELECT 1 FROM grown WHERE grown.delivery_id = r.id)
), rejected AS (
    INSERT INTO exporter_rejectedevent
           (workspace_id, connector_id, event_number, event_id, event_type, event, cut, id_hash, reason, at)
    SELECT moved.workspace_id, moved.connector_id, n.number, '', n.type, ''::bytea, false,
           int8send(n.number), n.reason, clock_timestamp()
      FROM moved JOIN unnest(%(rejected_ids)s::bigint[], %(rejected_numbers)s::bigint[], %(rejected_types)s::text[],
                             %(rejected_reasons)s::text[]) n(id, number, type, reason) USING (id)
    ON CONFLICT DO NOTHING
), tried AS (
    INSERT INTO exporter_attempt
           (delivery_id, at, status, verdict, error, milliseconds, events, bytes, first_event, last_event, excerpt,
            next_attempt_at)
    SELECT n.id, n.at, n.status, n.verdict, n.error, n.milliseconds, n.events, n.bytes, n.first_event,
           n.last_event, n.excerpt, clock_timestamp() + make_interval(secs => n.wait)
      FROM moved JOIN
           unnest(%(attempt_ids)s::bigint[], %(attempt_ats)s::timestamptz[], %(attempt_statuses)s::int[],
                  %(attempt_verdicts)s::text[], %(attempt_errors)s::text[], %(attempt_times)s::int[],
                  %(attempt_events)s::int[], %(attempt_sizes)s::int[], %(attempt_firsts)s::bigint[],
                  %(attempt_lasts)s::bigint[], %(attempt_excerpts)s::text[], %(attempt_waits)s::float8[])
           n(id, at, status, verdict, error, milliseconds, events, bytes, first_event, last_event, excerpt, wait)
           USING (id)
), answered AS (
    INSERT INTO exporter_attemptcount AS a (delivery_id, minute, answer, count, milliseconds)
    SELECT n.id, n.minute, n.answer, 1, n.milliseconds
      FROM moved JOIN unnest(%(attempt_ids)s::bigint[], %(answer_minutes)s::timestamptz[], %(answers)s::text[],
                             %(attempt_times)s::int[]) n(id, minute, answer, milliseconds) USING (id)
    ON CONFLICT (delivery_id, minute, answer) DO UPDATE
       SET count = a.count + 1, milliseconds = a.milliseconds + excluded.milliseconds
), answered_in_all AS (
    INSERT INTO exporter_attempttotal AS a (delivery_id, answer, count, milliseconds)
    SELECT n.id, n.answer, 1, n.milliseconds
      FROM moved JOIN unnest(%(attempt_ids)s::bigint[], %(answers)s::text[], %(attempt_times)s::int[])
                      n(id, answer, milliseconds) USING (id)
    ON CONFLICT (delivery_id, answer) DO UPDATE
       SET count = a.count + 1, milliseconds = a.milliseconds + excluded.milliseconds
)
SELECT id FROM moved
"""
