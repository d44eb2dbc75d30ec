/**
 * Registry credentials from a Docker `config.json`, looked up by the exact host of the image reference. A match by
 * prefix would hand the password of `registry.example` to `registry.example.evil.net` (failure mode 15).
 */
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { RuntimeError } from './errors.ts';
import { RegistryCredentials } from './registry-credentials.ts';
import { findResourceTrouble } from './resource-trouble.ts';

export interface RegistryAuth {
  /**
   * @param registry the `registry` of a parsed image reference
   * @returns undefined when the file has nothing for that host: the pull is then anonymous
   * @throws RuntimeError `image_pull_failed` when the file cannot be read, is malformed, or keeps this host's
   * credentials in a helper program. It is a failed pull and not a bad start configuration: an image that is
   * already there starts, and nothing about the game is wrong. The file's content is never quoted.
   */
  credentialsFor(registry: string): Promise<RegistryCredentials | undefined>;
}

const HUB = 'docker.io';

/** Under this key `docker login` keeps the Docker Hub; the daemon wants it as the server's address. */
const HUB_KEY = 'https://index.docker.io/v1/';

// Tolerant where the file is the Docker CLI's own business: unknown keys, and entries of hosts not asked for.
const ConfigFile = z.object({
  auths: z.record(z.string(), z.unknown()).default({}),
  credHelpers: z.record(z.string(), z.unknown()).default({}),
  credsStore: z.string().default(''),
});

const Entry = z.object({
  auth: z.string().default(''),
  username: z.string().default(''),
  password: z.string().default(''),
  identitytoken: z.string().default(''),
});

/**
 * @param file path of the `config.json`; undefined when none is configured, so that every pull is anonymous. It is
 * read again whenever it changes, so a rotated password needs no restart.
 */
export function makeRegistryAuth(file: string | undefined): RegistryAuth {
  if (file === undefined) return { credentialsFor: () => Promise.resolve(undefined) };
  let cached: { version: string; config: z.infer<typeof ConfigFile> } | undefined;

  const load = async (): Promise<z.infer<typeof ConfigFile>> => {
    let version: string;
    let text: string;
    try {
      const stats = await stat(file, { bigint: true });
      // The inode too: secrets are rotated by renaming over the file, possibly within one tick of the clock.
      version = `${stats.ino}/${stats.size}/${stats.mtimeNs}`;
      if (cached?.version === version) return cached.config;
      text = await readFile(file, 'utf8');
    } catch (error) {
      throw failure(
        `The registry credentials in ${file} cannot be read; check that the file is there`,
        error,
      );
    }
    const config = parseConfigFile(text);
    if (config === undefined) {
      throw failure(`The registry credentials in ${file} are malformed; it must be a Docker config.json`);
    }
    cached = { version, config };
    return config;
  };

  return {
    async credentialsFor(registry) {
      const config = await load();
      const entry = ownEntry(config.auths, registry);
      const credentials = entry === undefined ? 'none' : parseEntry(entry, registry);
      if (credentials === 'malformed') {
        throw failure(`The entry of ${registry} in ${file} is malformed; log in again with "docker login"`);
      }
      if (credentials instanceof RegistryCredentials) return credentials;
      // `docker login` through a helper leaves an empty entry behind, which tells that the helper has this host.
      const inHelper =
        ownEntry(config.credHelpers, registry) !== undefined ||
        (config.credsStore !== '' && entry !== undefined);
      if (!inHelper) return undefined;
      throw failure(
        `The credentials of ${registry} are kept by a credential helper (credsStore or credHelpers in ${file}), which ` +
          'Runtime Manager does not support; write them into the file under "auths"',
      );
    },
  };
}

function parseConfigFile(text: string): z.infer<typeof ConfigFile> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text around the mistake, so it must not become a cause.
    return undefined;
  }
  return ConfigFile.safeParse(json).data;
}

function parseEntry(entry: unknown, registry: string): RegistryCredentials | 'none' | 'malformed' {
  const parsed = Entry.safeParse(entry);
  if (!parsed.success) return 'malformed';
  const { auth, identitytoken } = parsed.data;
  let { username, password } = parsed.data;
  if (auth !== '') {
    const decoded = Buffer.from(auth, 'base64').toString('utf8');
    const colon = decoded.indexOf(':');
    if (colon < 1) return 'malformed';
    // Docker too strips NUL bytes, with which very old versions filled the field up.
    username = decoded.slice(0, colon);
    password = decoded.slice(colon + 1).replace(/(?<!\0)\0+$/, '');
  }
  if (username === '' && identitytoken === '') return 'none';
  if (password === '' && identitytoken === '') return 'malformed';
  const serveraddress = registry === HUB ? HUB_KEY : registry;
  const token = identitytoken === '' ? {} : { identitytoken };
  return new RegistryCredentials(registry, { username, password, serveraddress, ...token });
}

/** The value under the key that means this host; the plain host wins over a key with scheme or path. */
function ownEntry(entries: Readonly<Record<string, unknown>>, registry: string): unknown {
  const host = registry.toLowerCase();
  const all = Object.entries(entries);
  const plain = all.find(([key]) => key.toLowerCase() === host);
  return (plain ?? all.find(([key]) => hostOfKey(key) === host))?.[1];
}

/** `https://host:5000/v1/` is host:5000; both names of the Docker Hub are `docker.io`. */
function hostOfKey(key: string): string {
  const host = key
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/s, '');
  return host === 'index.docker.io' ? HUB : host;
}

function failure(sentence: string, cause?: unknown): RuntimeError {
  const trouble = findResourceTrouble(cause);
  return new RuntimeError('image_pull_failed', `${sentence}${trouble === undefined ? '' : `: ${trouble}`}.`, {
    ...(cause === undefined ? {} : { cause }),
    isTransient: trouble !== undefined,
  });
}
