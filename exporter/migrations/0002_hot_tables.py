"""How PostgreSQL keeps the rows that change with every append and settle, and those that never shrink by compression."""

from django.db import migrations

# Room for updates in place, and vacuum after few dead rows: an old snapshot slows these rows first.
HOT = (
    "exporter_eventlog",
    "exporter_delivery",
    "exporter_receivedtotal",
    "exporter_deliverytotal",
    "exporter_deliveryhour",
    "exporter_attempttotal",
    "exporter_heartbeat",
    "exporter_requestduration",
)
OPTIONS = "fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500"
NAMES = "fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold"


class Migration(migrations.Migration):
    dependencies = [("exporter", "0001_initial")]

    operations = [
        *(
            migrations.RunSQL(f"ALTER TABLE {table} SET ({OPTIONS})", f"ALTER TABLE {table} RESET ({NAMES})")
            for table in HOT
        ),
        # The rounds in which small deliveries are claimed: who was claimed longest ago comes first.
        migrations.RunSQL("CREATE SEQUENCE exporter_round", "DROP SEQUENCE exporter_round"),
        *(
            migrations.RunSQL(
                f"ALTER TABLE {table} ALTER payload SET STORAGE EXTERNAL, ALTER id_hashes SET STORAGE EXTERNAL",
                f"ALTER TABLE {table} ALTER payload SET STORAGE EXTENDED, ALTER id_hashes SET STORAGE EXTENDED",
            )
            for table in ("exporter_eventbatch", "exporter_importedbatch")
        ),
    ]
