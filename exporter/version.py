"""The version of Currents Admin.

It stands here, and not in ``currents_admin``, because every call names it, the module that makes calls is
pure, and importing anything from that package starts Celery.
"""

VERSION = "0.1.0"
