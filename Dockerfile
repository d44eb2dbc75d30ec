# Runtime Manager as an image. Node 24 runs TypeScript as it is, so nothing is compiled.
#
#   docker build -t galaxy/rtmanager .
#
# BASE_IMAGE  any image with Node 24 on PATH (with npm, for the stage `modules`)
# MODULES     where /app/node_modules comes from: the stage below, or an image that has it already, for a
#             build that reaches no package registry (BuildKit then leaves the stage `modules` out)
ARG BASE_IMAGE=node:24-slim
ARG MODULES=modules

FROM ${BASE_IMAGE} AS modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# TypeScript comes as an optional peer of a library that needs it for its own users only.
RUN npm ci --omit=dev && rm -rf node_modules/typescript node_modules/@typescript

FROM ${MODULES} AS installed

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="galaxy-runtime-manager"
ENV NODE_ENV=production
WORKDIR /app
COPY --from=installed /app/node_modules ./node_modules
COPY . .

# No name: the base need not know the user. It takes the groups it needs (that of the Docker socket) at run time.
USER 1000:1000
EXPOSE 8096
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["node", "docker/healthcheck.mjs"]
# The same flags as dev/bootstrap/node-flags.mjs.
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "--max-semi-space-size=4", "--heap-growing-percent=100", "main.ts"]
