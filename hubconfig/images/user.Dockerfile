# A user's server: Voilà or JupyterLab in one image, selected by the command. Build from the checkout's root:
#   docker build -f hubconfig/images/user.Dockerfile -t eci-annotate-user .
FROM docker.io/library/python:3.12-slim-bookworm
ENV PIP_NO_CACHE_DIR=1
COPY . /src
RUN bash /src/hubconfig/images/install.sh user /opt/eci && mkdir -p /opt/eci/notebooks && cp /src/notebooks/*.ipynb /opt/eci/notebooks/ \
 && cp -r /src/eci_annotate/userservers/config /opt/eci/config && rm -rf /src \
 && useradd --uid 1000 --create-home --home-dir /home/eci eci && cp /opt/eci/notebooks/*.ipynb /home/eci/ \
 && chown 1000:1000 /home/eci/*.ipynb
ENV PATH=/opt/eci/bin:$PATH NUMBA_CACHE_DIR=/home/eci/.cache/numba MPLCONFIGDIR=/home/eci/.cache/matplotlib
USER 1000
WORKDIR /home/eci
CMD ["python3", "-m", "eci_annotate.userservers.voila_server", "/opt/eci/notebooks/task_app.ipynb"]
