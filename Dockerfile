# The API or the worker, for a PostgreSQL outside (DATABASE_URL). Packages are built apart, so that pip, its cache and
# the lock file stay out of what runs.

FROM python:3.12-slim AS packages

COPY requirements.lock .
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --requirement requirements.lock \
 && /opt/venv/bin/pip uninstall --yes --quiet pip


FROM python:3.12-slim

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1

RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin liangshan

WORKDIR /srv/liangshan
COPY --from=packages /opt/venv /opt/venv
COPY pyproject.toml LICENSE ./
COPY openapi openapi
COPY alembic alembic
COPY app app
# The modes of the checkout may be closed to others, and a process that may not write here cannot keep its bytecode.
RUN chmod -R a+rX . && python -m compileall -q app

# A number, because orchestrators that demand a user other than root cannot look up a name.
USER 10001
EXPOSE 8000

# http.client and not urllib: a proxy in the environment must not answer for us.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, sys; \
c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=4); \
c.request('GET', '/healthz'); \
sys.exit(c.getresponse().status != 200)"]

# The exec form: SIGTERM reaches the server, which ends its requests in order. The worker runs from the same image with
# `python -m app worker` in its place, with DATABASE_WORKER_URL and without the health check (it opens no port).
CMD ["python", "-m", "app", "serve", "--host", "0.0.0.0"]
