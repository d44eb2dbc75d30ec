import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { ROOT_DIR } from '../../dev/paths.ts';

/** A service of compose.yaml, as far as tests look at it. */
export interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly (string | { readonly source: string })[];
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly network_mode?: string;
  readonly ports?: readonly string[];
  readonly command?: readonly string[];
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly [other: string]: unknown;
}

/** The file with every variable replaced. */
export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<
    Record<string, { readonly internal?: boolean; readonly [other: string]: unknown }>
  >;
}

/** compose.yaml as it is written. */
export const COMPOSE_TEXT = readFileSync(path.join(ROOT_DIR, 'compose.yaml'), 'utf8');
/** `${NAME}`, with what stands in for a missing one: `:-` a default, `:?` an error. */
export const VARIABLE = /\$\{(\w+)(?::([-?])([^}]*))?\}/g;

/** What the head of compose.yaml asks an operator to export. */
export const EXPORTED: Readonly<Record<string, string>> = {
  RTMANAGER_INTERNAL_HTTP_TOKEN: 'a'.repeat(64),
  POSTGRES_PASSWORD: 'b'.repeat(64),
  REDIS_PASSWORD: 'c'.repeat(64),
  DOCKER_GID: '999',
};

/** compose.yaml as Compose reads it, with what its head exports and the defaults of all else. */
export function readCompose(): Compose {
  // Compose parses first and replaces afterwards, so that an empty value stays a string.
  return parse(COMPOSE_TEXT, (_key, value: unknown) =>
    typeof value === 'string' ? filled(value) : value,
  ) as Compose;
}

const filled = (text: string): string =>
  text.replace(VARIABLE, (_whole, name: string, _kind, value = '') => EXPORTED[name] ?? value);
