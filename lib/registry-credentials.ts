import { createHmac, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { REDACTED } from './redact-text.ts';

/** New in every process, so that a fingerprint in a log is of no use for guessing passwords. */
const FINGERPRINT_KEY = randomBytes(32);

/** What the Docker API takes as `X-Registry-Auth`, and dockerode as `authconfig`. */
interface Authconfig {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
  /** An OAuth refresh token; the registry's token service takes it in place of the password. */
  readonly identitytoken?: string;
}

/**
 * Credentials for one registry. They print as a placeholder wherever they are logged, inspected or serialised;
 * the secret leaves only through {@link toAuthconfig}, which belongs on the line of the Docker call.
 */
export class RegistryCredentials {
  /** The registry host, as the image reference names it. */
  readonly registry: string;
  /** Tells two credentials of this process apart without telling them; part of the key of a shared pull. */
  readonly fingerprint: string;
  readonly #authconfig: Authconfig;

  constructor(registry: string, authconfig: Authconfig) {
    this.registry = registry;
    this.#authconfig = authconfig;
    this.fingerprint = createHmac('sha256', FINGERPRINT_KEY)
      .update(JSON.stringify(authconfig))
      .digest('hex')
      .slice(0, 16);
  }

  /** The secret, for dockerode. Never keep or log it. */
  toAuthconfig(): Authconfig {
    return { ...this.#authconfig };
  }

  toString(): string {
    return `credentials for ${this.registry} ${REDACTED}`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}
