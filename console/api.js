/** @import { Explanation, FleetCounts, FleetRow, Operation, Page, Readiness, Runtime, Stats } from './types.d.ts' */

// The API once more, below the path whose password the browser knows: the token is in no script and no address.
const API = '/admin/api/v1/internal';
const DATA = '/admin/data';
export const EVENTS_URL = `${API}/events`;

/** An answer that says no. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code of docs/errors.md; empty where the answer had none
   * @param {string} message
   * @param {string | null} operationId of the operation that failed; null where it is about none
   */
  constructor(status, code, message, operationId) {
    super(message);
    this.status = status;
    this.code = code;
    this.operationId = operationId;
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} an answer that says yes
 */
async function ask(path, init = {}) {
  const response = await fetch(path, { credentials: 'same-origin', redirect: 'error', ...init });
  if (response.ok) return response;
  const { error = {} } = await response.json().catch(() => ({}));
  throw new ApiError(
    response.status,
    error.code ?? '',
    error.message ?? `${response.status} ${response.statusText}`,
    response.headers.get('Operation-Id'),
  );
}

/**
 * @param {string} path
 * @returns {Promise<any>}
 */
const read = async (path) => (await ask(path)).json();

/** @param {string} gameId */
const ofGame = (gameId) => `${API}/runtimes/${encodeURIComponent(gameId)}`;

/** @returns {Promise<FleetCounts>} */
export const readFleet = () => read(`${DATA}/fleet`);

/**
 * @param {URLSearchParams} query
 * @returns {Promise<{ total: number, items: FleetRow[] }>}
 */
export const readGames = (query) => read(`${DATA}/games?${query}`);

/**
 * @param {string} gameId
 * @returns {Promise<Runtime>}
 */
export const readRuntime = (gameId) => read(ofGame(gameId));

/**
 * @param {string} gameId
 * @param {string | null} cursor
 * @returns {Promise<Page<Operation>>}
 */
export const readOperations = (gameId, cursor = null) =>
  read(`${ofGame(gameId)}/operations?${new URLSearchParams({ limit: '20', ...(cursor ? { cursor } : {}) })}`);

/**
 * @param {string} operationId
 * @returns {Promise<Operation>}
 */
export const readOperation = (operationId) => read(`${API}/operations/${encodeURIComponent(operationId)}`);

/**
 * @param {string} gameId
 * @returns {Promise<Explanation>}
 */
export const readExplanation = (gameId) => read(`${ofGame(gameId)}/explain`);

/**
 * @param {string} gameId
 * @returns {Promise<Stats>}
 */
export const readStats = (gameId) => read(`${ofGame(gameId)}/stats`);

/**
 * @param {string} gameId
 * @param {{ tail: number, follow: boolean, signal: AbortSignal }} options
 * @returns {Promise<Response>} whose body is the engine's output
 */
export const openLogs = (gameId, { tail, follow, signal }) =>
  ask(`${ofGame(gameId)}/logs?${new URLSearchParams({ tail: String(tail), follow: String(follow) })}`, {
    signal,
  });

/** @returns {Promise<Readiness>} also when it is not ready, which is an answer too */
export const readReadiness = async () => (await fetch('/readyz')).json();

/**
 * Asks for a change and returns as soon as it is on record. Asked again with the same key, it is the same change.
 *
 * @param {string} gameId
 * @param {{ method: 'POST' | 'DELETE', path: string, body?: Record<string, string> }} request
 * @param {string} key of `makeKey`
 * @returns {Promise<Operation>}
 */
export async function requestChange(gameId, { method, path, body }, key) {
  const response = await ask(`${ofGame(gameId)}/${path}`, {
    method,
    headers: {
      // Also what shows the service that this page asks, and none of another site.
      'X-Galaxy-Caller': 'admin',
      'Idempotency-Key': key,
      Prefer: 'respond-async',
      ...(body ? { 'Content-Type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return response.json();
}

/** A new key for a change. `crypto.randomUUID` is not there on a page that came over plain HTTP from another machine. */
export function makeKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}
