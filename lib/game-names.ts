/**
 * Every name that a game has outside the database. All of them are functions of the game id alone, so any
 * replica, at any time, finds the same container.
 */
import { createHash } from 'node:crypto';
import type { GameId } from './game-id.ts';

const PREFIX = 'galaxy-game-';

/** The engine's port (specification, section 3); never published to the host. */
export const ENGINE_PORT = 8080;

/** A DNS label holds 63 octets, and the kernel's host name 64. */
const LONGEST_HOSTNAME = 63;

/** 40 bits: two of a million ids that share the cut text collide with a chance of a half. */
const HASH_DIGITS = 10;

/**
 * The Docker container's name: the id in its own spelling, unless that has capitals. Docker's DNS registers the name
 * of every container in lower case, whatever aliases it is given (measured on 20.10), so a container called
 * `galaxy-game-Abc` would answer for the game `abc`; such a game's container is called like its host name.
 */
export function containerName(gameId: GameId): string {
  return gameId === gameId.toLowerCase() ? literalName(gameId) : gameHostname(gameId);
}

const literalName = (gameId: GameId): string => `${PREFIX}${gameId}`;

/**
 * The name under which the game's engine is reached inside the network: the container's name where it can serve
 * as one, otherwise its lower-case form, cut and closed with a short hash of the id as it was spelt.
 *
 * Docker's DNS compares names in lower case and every URL client lower-cases the host, so without the hash `Abc`
 * and `abc` would answer for each other. A name that the URL parser changes or refuses cannot be an endpoint
 * either: capitals, or a last label that is a number and so taken for an IPv4 address (`galaxy-game-a.5`).
 *
 * An id may be chosen to be another id's hashed name, hash included: of two such games the second one is refused.
 */
export function gameHostname(gameId: GameId): string {
  const name = literalName(gameId);
  if (isHostname(name)) return name;
  // Dots become hyphens: the result is one label that begins with the prefix, so no part of it is ever read as a
  // number, or stands empty, wherever the cut falls.
  const plain = name.toLowerCase().replaceAll('.', '-');
  const stem = plain.slice(0, LONGEST_HOSTNAME - 1 - HASH_DIGITS).replace(/(?<![-_])[-_]+$/, '');
  const hash = createHash('sha256').update(gameId).digest('hex').slice(0, HASH_DIGITS);
  return `${stem}-${hash}`;
}

/**
 * The aliases to register in Docker's DNS: the host name, and the container's name beside it where that differs and may
 * stand there. One with a dot at its end may not: to a resolver it is the name without the dot, another game's.
 */
export function networkAliases(gameId: GameId): string[] {
  const hostname = gameHostname(gameId);
  const name = containerName(gameId);
  if (name === hostname || name.endsWith('.') || name.length > LONGEST_HOSTNAME) return [hostname];
  return [hostname, name];
}

/**
 * Whether another game's host name may be this game's: only a name that is closed with a hash, or looks like one, can be
 * the form of a second id.
 */
export const mayShareName = (gameId: GameId): boolean => /-[0-9a-f]{10}$/.test(gameHostname(gameId));

/** Where the game's engine listens, as recorded and told to other services. */
export function engineEndpoint(gameId: GameId): string {
  return `http://${gameHostname(gameId)}:${ENGINE_PORT}`;
}

function isHostname(name: string): boolean {
  if (name.length > LONGEST_HOSTNAME || name.endsWith('.')) return false;
  const url = `http://${name}:${ENGINE_PORT}`;
  return URL.canParse(url) && new URL(url).hostname === name;
}
