FROM python:3.13.15-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    CURRENTS_VAR=/var/lib/currents PORT=8000

WORKDIR /srv/currents
RUN useradd --system --create-home --home-dir /var/lib/currents --shell /usr/sbin/nologin currents

COPY requirements/production.txt requirements/production.txt
RUN pip install --require-hashes -r requirements/production.txt

COPY manage.py ./
COPY currents_admin currents_admin
COPY connectors connectors
COPY exporter exporter
COPY templates templates
COPY static static
COPY locale locale

# The folder tells the settings that built files are served. The secrets this run makes for itself are thrown away.
RUN mkdir static-built \
    && CURRENTS_VAR=/tmp/build python manage.py collectstatic --noinput --verbosity 0 \
    && chmod -R a+rX static-built \
    && rm -r /tmp/build

USER currents
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s CMD ["python", "-m", "currents_admin.probe"]
CMD ["python", "-m", "gunicorn", "-c", "currents_admin/web_server.py", "--bind", "0.0.0.0:8000", "currents_admin.wsgi:application"]
