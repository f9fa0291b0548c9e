"""The version of Currents Admin. It stands here, and not in ``currents_admin``, because the pure modules name it in
every call and importing anything from that package starts Celery."""

VERSION = "0.1.0"
