# The whole hub in one container, with a separate system user for each user, for compose.yaml.
#   docker build -f hubconfig/images/hub.Dockerfile -t eci-annotate-hub .
FROM docker.io/library/node:20-bookworm-slim AS node
WORKDIR /proxy
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM docker.io/library/python:3.12-slim-bookworm
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /proxy/node_modules /usr/local/lib/node_modules
RUN ln -s /usr/local/lib/node_modules/configurable-http-proxy/bin/configurable-http-proxy /usr/local/bin/
ENV PIP_NO_CACHE_DIR=1
COPY . /src
RUN bash /src/hubconfig/images/install.sh hub /opt/eci && cp -r /src/hubconfig /src/notebooks /opt/eci/ && rm -rf /src \
 && useradd --system --uid 19999 eci-annotate
ENV PATH=/opt/eci/bin:$PATH
EXPOSE 8000
CMD ["python3", "/opt/eci/hubconfig/serve.py"]
