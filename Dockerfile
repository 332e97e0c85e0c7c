# Caravan on a Java runtime: a program that nobody may change, run by a user who owns data/ and nothing else.
# docker build -t caravan .     What goes into the build is listed in .dockerignore.

FROM eclipse-temurin:25-jdk-noble AS build
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/root/.m2 ./mvnw -q -B -ntp -Dmaven.test.skip=true package

# A glibc: on Alpine RocksDB's library wants a libstdc++ that no Java image there brings.
FROM eclipse-temurin:25-jre-noble
LABEL org.opencontainers.image.title="Caravan" \
      org.opencontainers.image.description="Carries threat intelligence out of OpenCTI: every change, once and in order." \
      org.opencontainers.image.version="0.1.0-SNAPSHOT" \
      org.opencontainers.image.base.name="docker.io/library/eclipse-temurin:25-jre-noble"

# Piece by piece: target/caravan also holds the demo.
WORKDIR /opt/caravan
COPY --from=build /build/target/caravan/lib lib
COPY --from=build /build/target/caravan/routes routes
COPY --from=build /build/target/caravan/caravan /build/target/caravan/application.properties ./
RUN install -d -o 10001 -g 10001 data

# Half of the container's memory for the heap; RocksDB, buffers and the JVM itself live in the other.
ENV CARAVAN_HTTP_HOST=0.0.0.0 \
    JAVA_OPTS=-XX:MaxRAMPercentage=50
EXPOSE 8080

# /tmp, for the native libraries of Kafka's compressions: so that --read-only needs no option besides.
VOLUME ["/opt/caravan/data", "/tmp"]
USER 10001:10001
STOPSIGNAL SIGTERM

# A JVM of its own each time: a small one, which JAVA_OPTS does not reach.
HEALTHCHECK --interval=30s --timeout=10s --start-period=1m --retries=3 \
    CMD ["/opt/caravan/caravan", "health", "--live"]
ENTRYPOINT ["/opt/caravan/caravan"]
CMD ["run"]
