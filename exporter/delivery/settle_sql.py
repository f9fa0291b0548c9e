"""The settle statement. Every part is fed with arrays, so its text never changes and PostgreSQL can keep its plan."""

# A lone event that is turned down starts the count of a replay's failures anew: how long neighbours are waited for is
# counted from then on, whatever failed before (`actions.replays`).
SETTLE = """
WITH moved AS (
    UPDATE exporter_delivery d
       SET cursor = %(new)s,
           ahead = %(ahead)s::jsonb,
           settles = d.settles + 1,
           lease_until = clock_timestamp() + make_interval(secs => %(seconds)s),
           moved_at = CASE WHEN %(new)s > d.cursor THEN clock_timestamp() ELSE d.moved_at END,
           accepted_at = CASE WHEN %(accepted)s THEN clock_timestamp() ELSE d.accepted_at END,
           failures = CASE WHEN %(alone)s AND NOT d.alone AND d.kind <> 'live' THEN 1
                           WHEN %(failed)s THEN d.failures + 1 WHEN %(healed)s THEN 0 ELSE d.failures END,
           failing_since = CASE WHEN %(alone)s AND NOT d.alone AND d.kind <> 'live' THEN clock_timestamp()
                                WHEN %(failed)s THEN coalesce(d.failing_since, clock_timestamp())
                                WHEN %(healed)s THEN NULL ELSE d.failing_since END,
           next_attempt_at = CASE WHEN %(failed)s THEN clock_timestamp() + make_interval(secs => %(wait)s)
                                  WHEN %(healed)s THEN NULL ELSE d.next_attempt_at END,
           stopped = CASE WHEN %(failed)s THEN %(stopped)s WHEN %(healed)s THEN '' ELSE d.stopped END,
           alone = CASE WHEN %(failed)s THEN %(alone)s WHEN %(healed)s THEN false ELSE d.alone END,
           small_bodies_until = CASE WHEN %(small)s THEN clock_timestamp() + interval '1 hour'
                                     ELSE d.small_bodies_until END,
           expired_at = CASE WHEN %(expired)s THEN clock_timestamp() ELSE d.expired_at END
     WHERE d.id = %(id)s AND d.lease_token = %(token)s AND d.cursor = %(old)s
 RETURNING d.id, d.connector_id, d.workspace_id, d.kind, d.failing_since
), counted AS (
    INSERT INTO exporter_deliverycount AS c (delivery_id, minute, event_type, outcome, count)
    SELECT moved.id, n.* FROM moved,
           unnest(%(minutes)s::timestamptz[], %(types)s::text[], %(outcomes)s::text[], %(counts)s::bigint[]) n
    ON CONFLICT (delivery_id, minute, event_type, outcome) DO UPDATE SET count = c.count + excluded.count
), hourly AS (
    INSERT INTO exporter_deliveryhour AS h (delivery_id, hour, outcome, count)
    SELECT moved.id, n.* FROM moved,
           unnest(%(hours)s::timestamptz[], %(hour_outcomes)s::text[], %(hour_counts)s::bigint[]) n
    ON CONFLICT (delivery_id, hour, outcome) DO UPDATE SET count = h.count + excluded.count
), totalled AS (
    INSERT INTO exporter_deliverytotal AS t (delivery_id, event_type, outcome, count)
    SELECT moved.id, n.* FROM moved,
           unnest(%(total_types)s::text[], %(total_outcomes)s::text[], %(total_counts)s::bigint[]) n
    ON CONFLICT (delivery_id, event_type, outcome) DO UPDATE SET count = t.count + excluded.count
), delayed AS (
    INSERT INTO exporter_deliverydelay AS d (delivery_id, minute, bucket, count)
    SELECT moved.id, n.* FROM moved,
           unnest(%(delay_minutes)s::timestamptz[], %(delay_buckets)s::int[], %(delay_counts)s::bigint[]) n
    ON CONFLICT (delivery_id, minute, bucket) DO UPDATE SET count = d.count + excluded.count
), ranges AS (
    SELECT moved.id AS delivery_id, n.* FROM moved,
           unnest(%(range_firsts)s::bigint[], %(range_ends)s::bigint[], %(range_revisions)s::bigint[],
                  %(range_kinds)s::text[]) WITH ORDINALITY n(first_event, end_event, revision_id, kind, place)
), grown AS (
    UPDATE exporter_settlement s SET end_event = r.end_event
      FROM ranges r
     WHERE r.place = 1 AND s.revision_id = r.revision_id AND s.kind = r.kind AND s.end_event = r.first_event
       AND s.id = (SELECT l.id FROM exporter_settlement l WHERE l.delivery_id = r.delivery_id
                    ORDER BY l.first_event DESC LIMIT 1)
 RETURNING s.id
), settled AS (
    INSERT INTO exporter_settlement (delivery_id, first_event, end_event, revision_id, kind)
    SELECT delivery_id, first_event, end_event, revision_id, kind FROM ranges
     WHERE place > 1 OR NOT EXISTS (SELECT 1 FROM grown)
), rejected AS (
    INSERT INTO exporter_rejectedevent
           (workspace_id, connector_id, event_number, event_id, event_type, event, cut, id_hash, reason, at)
    SELECT moved.workspace_id, moved.connector_id, n.number, '', n.event_type, ''::bytea, false,
           int8send(n.number), n.reason, clock_timestamp()
      FROM moved, unnest(%(rejected_numbers)s::bigint[], %(rejected_types)s::text[], %(rejected_reasons)s::text[])
           n(number, event_type, reason)
     WHERE moved.kind = 'live'
    ON CONFLICT DO NOTHING
), tried AS (
    INSERT INTO exporter_attempt
           (delivery_id, at, status, verdict, error, milliseconds, events, bytes, first_event, last_event, excerpt,
            next_attempt_at)
    SELECT moved.id, n.at, n.status, n.verdict, n.error, n.milliseconds, n.events, n.bytes, n.first_event,
           n.last_event, n.excerpt, clock_timestamp() + make_interval(secs => n.wait)
      FROM moved,
           unnest(%(attempt_ats)s::timestamptz[], %(attempt_statuses)s::int[], %(attempt_verdicts)s::text[],
                  %(attempt_errors)s::text[], %(attempt_times)s::int[], %(attempt_events)s::int[],
                  %(attempt_sizes)s::int[], %(attempt_firsts)s::bigint[], %(attempt_lasts)s::bigint[],
                  %(attempt_excerpts)s::text[], %(attempt_waits)s::float8[])
           n(at, status, verdict, error, milliseconds, events, bytes, first_event, last_event, excerpt, wait)
), answered AS (
    INSERT INTO exporter_attemptcount AS a (delivery_id, minute, answer, count, milliseconds)
    SELECT moved.id, n.* FROM moved,
           unnest(%(answer_minutes)s::timestamptz[], %(answers)s::text[], %(answer_counts)s::bigint[],
                  %(answer_times)s::bigint[]) n
    ON CONFLICT (delivery_id, minute, answer) DO UPDATE
       SET count = a.count + excluded.count, milliseconds = a.milliseconds + excluded.milliseconds
), summed AS (
    INSERT INTO exporter_attempttotal AS a (delivery_id, answer, count, milliseconds)
    SELECT moved.id, n.answer, sum(n.count), sum(n.milliseconds)
      FROM moved, unnest(%(answers)s::text[], %(answer_counts)s::bigint[], %(answer_times)s::bigint[])
           n(answer, count, milliseconds)
     GROUP BY moved.id, n.answer
    ON CONFLICT (delivery_id, answer) DO UPDATE
       SET count = a.count + excluded.count, milliseconds = a.milliseconds + excluded.milliseconds
), opened AS (
    INSERT INTO exporter_incident AS i (connector_id, reason, opened_at, expired_before)
    SELECT moved.connector_id, %(incident)s::text, coalesce(moved.failing_since, clock_timestamp()),
           (SELECT coalesce(jsonb_object_agg(t.event_type, t.count), '{}'::jsonb) FROM exporter_deliverytotal t
             WHERE t.delivery_id = moved.id AND t.outcome = 'expired')
      FROM moved WHERE moved.kind = 'live' AND %(incident)s::text <> ''
    ON CONFLICT (connector_id) WHERE closed_at IS NULL DO UPDATE
       SET reason = CASE WHEN %(notice)s::text = 'stopped' THEN excluded.reason ELSE i.reason END,
           quiet_since = NULL
 RETURNING i.id
), noticed AS (
    INSERT INTO exporter_notice (incident_id, step, created_at, tries)
    SELECT id, %(notice)s::text, clock_timestamp(), 0 FROM opened
    ON CONFLICT DO NOTHING
)
SELECT id FROM moved
"""
