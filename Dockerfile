# One image per service: `docker build --build-arg SERVICE=reconciler --target service .`, as compose.yaml does.
# SERVICE is a folder of services/ or packages/. Targets: service; api, with the pages and the catalog; launcher, with the
# folders that become volumes and what servers are told.
ARG PYTHON=python:3.13-slim
ARG NODE=node:22-slim

# the pages, of what package-lock.json pins
FROM ${NODE} AS pages
WORKDIR /frontend
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --no-update-notifier
COPY frontend ./
RUN npm run build

# All that requirements.lock pins, each file compared with its hash. What is installed below comes from here and from
# nowhere else, and each service takes of it only what it declares.
FROM ${PYTHON} AS wheels
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY requirements.lock ./
RUN pip download --quiet --no-deps --only-binary=:all: --require-hashes --dest /wheels --requirement requirements.lock
COPY packages/proximity packages/proximity
RUN pip wheel --quiet --no-deps --no-index --find-links /wheels --wheel-dir /wheels ./packages/proximity

FROM wheels AS installed
ARG SERVICE
COPY */${SERVICE} member/
RUN python -m venv --without-pip /opt/proximity && \
    pip --python /opt/proximity/bin/python install --quiet --no-index --find-links /wheels ./member

FROM ${PYTHON} AS service
ARG SERVICE
ENV PATH=/opt/proximity/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SERVICE=${SERVICE}
RUN groupadd --gid 10001 proximity && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin proximity
COPY --from=installed /opt/proximity /opt/proximity
USER 10001
# the process itself is the first one of the container, so that it gets the signals
ENTRYPOINT ["sh", "-c", "exec python -m \"proximity_$SERVICE\" \"$@\"", "proximity"]

FROM service AS api
# a file keeps the mode that it has in the checkout, and there it may be for its owner only
COPY --from=pages --chown=10001:10001 /frontend/build /opt/proximity/pages
COPY --chown=10001:10001 catalog /opt/proximity/catalog
ENV PROXIMITY_FRONTEND=/opt/proximity/pages PROXIMITY_CATALOG=/opt/proximity/catalog

# A new volume takes owner and mode of the folder where it is mounted first. The step `prepare` comes first everywhere.
FROM service AS launcher
USER 0
RUN install --directory --owner=10001 --group=10001 --mode=0700 /volumes/secrets /volumes/for-admin /volumes/for-api \
        /volumes/for-provisioner /volumes/for-reconciler /volumes/for-projector /volumes/for-nats \
        /volumes/for-caddy /volumes/nats /volumes/caddy /volumes/simulator /volumes/simulator-ready /volumes/backups && \
    install --directory --owner=10001 --group=10001 --mode=0750 /volumes/for-postgres
COPY --chown=10001:10001 deploy /opt/proximity/deploy
USER 10001
