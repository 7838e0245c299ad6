# The service alone. `docker build .` runs it on Node, `docker build --target deno .` on Deno.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No package that the service needs has an install script to run.
RUN npm ci --omit=dev --ignore-scripts

FROM denoland/deno:2.9.5 AS deno
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY package.json deno.json ./
COPY src src
# What the console at /console is made of.
COPY client client
COPY console console
ENV HOST=0.0.0.0
USER deno
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s CMD ["deno", "eval", \
  "const { ok } = await fetch(`http://127.0.0.1:${Deno.env.get('PORT') || 3000}/readyz`); Deno.exit(ok ? 0 : 1)"]
# The flags of the task `serve` in deno.json; run directly, so that signals reach the service.
CMD ["deno", "run", "--v8-flags=--max-semi-space-size=128,--no-allocation-site-pretenuring", "--allow-env", "--allow-net", \
  "--allow-read", "--allow-write=/run/postgresql,/var/run/postgresql", "--allow-sys", "src/deno.ts"]

FROM node:24-slim AS node
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY package.json ./
COPY src src
# What the console at /console is made of.
COPY client client
COPY console console
# Migrations run from the same image: `node db/migrate.ts`.
COPY db/migrate.ts db/migrate.ts
COPY db/dbmate_environment.ts db/dbmate_environment.ts
COPY db/preconditions.ts db/preconditions.ts
COPY db/after_restore db/after_restore
COPY db/citus/is_distributed.ts db/citus/is_distributed.ts
COPY db/connect.ts db/dbmate_url.ts db/from_nine.ts db/ledger_owner.ts db/
COPY db/migrations db/migrations
ENV HOST=0.0.0.0 NODE_ENV=production
USER node
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s CMD ["node", "-e", \
  "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=128", "src/node.ts"]
