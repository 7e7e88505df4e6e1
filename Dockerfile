# The image in which laminar's layers run, and the base of users' own images, from this checkout: docker build .
#
# BASE may be any image with Python >= 3.11 and its venv module: the official images, or plain Debian with python3-venv
# (scripts/engine.sh makes one where no registry can be reached). Nothing here needs BuildKit. Where there is no checkout,
# `laminar build --base` makes the same image from the laminar that is installed, by laminar/images/Dockerfile, whose last
# stage is this one's (a test holds that).
ARG PYTHON_VERSION=3.11
ARG BASE=python:${PYTHON_VERSION}-slim

FROM ${BASE} AS builder
USER root
# A virtual environment, because Debian's own Python refuses `pip install`. setuptools comes with venv before Python 3.12
# only; nothing uses it, and its .pth file would cost every start of the interpreter.
RUN python3 -m venv /opt/laminar \
    && if /opt/laminar/bin/pip show --quiet setuptools; then /opt/laminar/bin/pip uninstall --yes setuptools; fi
# The client alone of Docker, for a scheduler that runs in a container of this image: Debian's package, unpacked.
RUN apt-get update -q \
    && mkdir /client /package && cd /package \
    && (apt-get download docker-cli || apt-get download docker.io) \
    && dpkg-deb --extract *.deb . \
    && mv usr/bin/docker /client/docker \
    && rm -rf /package /var/lib/apt/lists/*
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# The dependencies first, with a package that is still empty: their layer outlives changes of laminar's code.
COPY setup.cfg pyproject.toml ./
COPY laminar/version.py laminar/
RUN /opt/laminar/bin/pip install .
COPY LICENSE README.md ./
COPY laminar/ laminar/
RUN /opt/laminar/bin/pip install --no-deps --force-reinstall .

FROM ${BASE}
USER root
# The official images lack the standard library's .pyc files. A container cannot keep what it compiles, so every single
# start would pay for it. Files that are compiled already are left alone.
RUN python3 -m compileall -q -x '/(idlelib|lib2to3|test|tests|turtledemo|site-packages|dist-packages)/' \
    "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=builder /client/ /usr/local/bin/
COPY --from=builder /opt/laminar /opt/laminar
# `python`, `pip` and `laminar` are those of the environment, also in images derived from this one.
# Nothing is compiled at run time: the result would be thrown away with the container, or land in a mounted directory.
ENV VIRTUAL_ENV=/opt/laminar \
    PATH=/opt/laminar/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /laminar
ENTRYPOINT []
CMD ["python"]
# Last, because a new version would invalidate every layer below it.
ARG BASE
ARG VERSION=unknown
LABEL org.opencontainers.image.title="laminar" \
      org.opencontainers.image.description="Write a workflow in plain Python; run every step in its own container." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.licenses="Apache-2.0"
