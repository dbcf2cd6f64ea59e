# The web process: no torch.
FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 photoflux && mkdir /var/photoflux && chown photoflux /var/photoflux
WORKDIR /app
COPY requirements-web.txt .
RUN pip install --no-cache-dir -r requirements-web.txt
COPY --chown=photoflux . .
USER photoflux
ENV DJANGO_SETTINGS_MODULE=config.settings VAR=/var/photoflux
EXPOSE 8000
CMD ["granian", "--interface", "asgi", "--host", "0.0.0.0", "--port", "8000", "--workers-kill-timeout", "3", "config.asgi:application"]
