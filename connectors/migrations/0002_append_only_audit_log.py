"""The audit log is append-only: the database refuses to change or delete an entry, whoever asks.

TRUNCATE fires no row trigger, so a test database can still be emptied.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION connectors_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is append-only.' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE ON connectors_auditentry
    FOR EACH ROW EXECUTE FUNCTION connectors_refuse_audit_change();
"""
BACKWARD = """
DROP TRIGGER audit_log_is_append_only ON connectors_auditentry;
DROP FUNCTION connectors_refuse_audit_change();
"""


class Migration(migrations.Migration):
    dependencies = [("connectors", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
