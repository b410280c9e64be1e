# The service, and the culler that queries it. Build from the checkout's root:
#   docker build -f hubconfig/images/service.Dockerfile -t eci-annotate-service .
FROM docker.io/library/python:3.12-slim-bookworm
ENV PIP_NO_CACHE_DIR=1
COPY . /src
RUN bash /src/hubconfig/images/install.sh service /opt/eci && cp -r /src/hubconfig /opt/eci/hubconfig && rm -rf /src \
 && useradd --uid 1000 --create-home eci
ENV PATH=/opt/eci/bin:$PATH NUMBA_CACHE_DIR=/tmp/numba
USER 1000
EXPOSE 8080
CMD ["python3", "-m", "eci_annotate.hub"]
