# lockstep with its reference in one image: docker build -t lockstep . ; docker run --rm -v "$PWD:/work" lockstep run my.case.ts --engine "cmd:..."
FROM node:24-bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv && rm -rf /var/lib/apt/lists/*
WORKDIR /lockstep
COPY . .
RUN npm ci && npm run build && npm prune --omit=dev
# Fetches the CPU build of PyTorch and transformers into the cache, so that runs need no network.
ENV LOCKSTEP_CACHE=/var/cache/lockstep
RUN node harness/cli/bin.mjs run llama/rope_linear
WORKDIR /work
ENTRYPOINT ["node", "/lockstep/harness/cli/bin.mjs"]
