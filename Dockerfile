# StreamFlow on Debian 13.  docs/service.md says how it is run.
#   docker build -t streamflow .
#   docker run --network host --read-only -v ./pipelines:/etc/streamflow/pipelines:ro -v streamflow:/var/lib/streamflow streamflow
FROM debian:trixie-slim AS build
WORKDIR /src
# First, so that a change of the code does not install it all again.
COPY scripts/dependencies scripts/
RUN scripts/dependencies build
COPY . .
RUN cmake --preset release -DSTREAMFLOW_TESTS=OFF \
    && cmake --build build/release --target streamflowd \
    && DESTDIR=/out cmake --install build/release --prefix /usr --strip \
    && rm -rf /out/usr/lib/systemd \
    && ldd /out/usr/bin/streamflowd | grep -o '/[^ ]*' | xargs -n 1 realpath | xargs dpkg-query -S \
       | cut -d: -f1 | sort -u >/out/packages

FROM debian:trixie-slim
COPY --from=build /out/packages /tmp/packages
RUN apt-get update -q \
    && xargs apt-get install -yq --no-install-recommends ca-certificates </tmp/packages \
    && rm -rf /var/lib/apt/lists/* /tmp/packages \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/streamflow --shell /usr/sbin/nologin streamflow \
    && install -d -o streamflow -g streamflow -m 0700 /var/lib/streamflow \
    && install -d /etc/streamflow/pipelines
COPY --from=build /out/usr /usr
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
ENV STREAMFLOW_CONFIG=/etc/streamflow/pipelines STREAMFLOW_STATE_DIR=/var/lib/streamflow
VOLUME /var/lib/streamflow
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["streamflowd", "health"]
ENTRYPOINT ["streamflowd"]
