# The portal's image: CKAN 2.12 with the plugins and the versions of dev/requirements.lock.
#
# docker-compose.yml builds and runs it; docs/installation.md tells the rest. Its configuration, /srv/app/guichet.ini, is
# mounted, and its secrets are in the environment: none is in the image.
FROM ckan/ckan-base:2.12
USER root
# The libraries draw the letters of data requests; bubblewrap shuts in what reads the files of others.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        bubblewrap fonts-dejavu-core libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
    && rm -rf /var/lib/apt/lists/*
COPY . /srv/app/src/ckanext-ecosphere
# The versions that were tested together, but for CKAN: the image has it already.
RUN grep -v '^ckan==' /srv/app/src/ckanext-ecosphere/dev/requirements.lock > /tmp/constraints.txt \
    && pip3 install --no-cache-dir --constraint /tmp/constraints.txt /srv/app/src/ckanext-ecosphere
ENV CKAN_INI=/srv/app/guichet.ini MALLOC_ARENA_MAX=2
USER ckan
EXPOSE 5000
# For the web server; other commands than the one below have health checks of their own in docker-compose.yml.
HEALTHCHECK --interval=30s --timeout=10s --retries=5 --start-period=60s CMD ["python3", "-c", \
    "import urllib.request; urllib.request.urlopen('http://localhost:5000/ecosphere/health/ready?exclude=workers', timeout=8)"]
# Two of the four threads may wait for map images of others.
CMD ["uwsgi", "--http=0.0.0.0:5000", "--chdir=/srv/app/src/ckanext-ecosphere", "--module=dev.stack.wsgi:application", \
    "--master", "--lazy-apps", "--enable-threads", "--processes=4", "--threads=4", "--buffer-size=32768", \
    "--harakiri=60", "--die-on-term"]
