# The agent's image, for amd64 and arm64. Give BASE a digest to build from exactly one base image.
ARG BASE=docker.io/library/node:26-trixie-slim

# Compiles the cap binding and the eBPF program, and bundles the agent.
FROM ${BASE} AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
       g++ make python3 libpcap-dev clang libbpf-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
# The official images have Node's headers; elsewhere they come from npm, so that the build needs no further source.
RUN headers=/usr/local \
    && if [ ! -e "$headers/include/node/node.h" ]; then \
         package=node-linux-$(node -p process.arch) && mkdir /headers && cd /headers \
         && npm install --no-audit --no-fund --loglevel=error "$package@$(node -p process.versions.node)" \
         && headers=/headers/node_modules/$package; \
       fi \
    && cd /build && npm_config_nodedir="$headers" npm rebuild cap esbuild --ignore-scripts=false --foreground-scripts \
    && node -e 'require("cap")'
COPY tsconfig.json ./
COPY src ./src
COPY scripts/with-node.sh scripts/build-ebpf.sh scripts/make-sbom.mjs scripts/native-code.json ./scripts/
RUN npm run --silent build \
    && test -s dist/connections.bpf.o \
    && npm prune --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error \
    && rm -rf node_modules/cap/build/Release/obj.target node_modules/cap/deps

FROM ${BASE}
# libatomic1 is what Node 26 needs itself: not every base image brings it.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libpcap0.8t64 libbpf1 libatomic1 \
    && apt-get clean && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-*
COPY --from=build /build/package.json /opt/dlltagent/
COPY --from=build /build/node_modules /opt/dlltagent/node_modules
COPY --from=build /build/dist /opt/dlltagent/dist
COPY scripts/monitorPod.sh /opt/dlltagent/scripts/
COPY scripts/monitor-pod /opt/dlltagent/scripts/monitor-pod
RUN chmod 755 /opt/dlltagent/dist/main.js \
    && ln -s /opt/dlltagent/dist/main.js /usr/local/bin/dlltagent \
    && ln -s /opt/dlltagent/scripts/monitorPod.sh /usr/local/bin/monitorPod.sh
ARG VERSION=0.2.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dlltagent" \
      org.opencontainers.image.description="Watches the network of a Kubernetes pod and keeps the packets that prove what is wrong" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production
WORKDIR /dllt
ENTRYPOINT ["dlltagent"]
