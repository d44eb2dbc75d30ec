/** @import { DeadLetter, Explanation, FleetCounts, FleetRow, Operation, Page, Readiness, Runtime, Stats } from './types.d.ts' */

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
export const readReadiness = async () => (await fetch('/admin/data/readyz')).json();

/** @returns {Promise<DeadLetter[]>} the newest, newest first */
export const readDeadLetters = async (/** @type {number} */ limit) =>
  (await read(`${API}/dead-letters?${new URLSearchParams({ limit: String(limit) })}`)).items;

/**
 * Asks for a change and returns as soon as it is on record. Asked again with the same key, it is the same change.
 *
 * @param {string} gameId
 * @param {{ method: 'POST' | 'DELETE', path: string, body?: Record<string, string> }} request
 * @param {string} key of `makeKey`
 * @returns {Promise<Operation>}
 */
export const requestChange = async (gameId, { method, path, body }, key) =>
  (await change(`${ofGame(gameId)}/${path}`, method, body, { 'Idempotency-Key': key })).json();

/**
 * Asks once more for what could not be read. A letter is one operation however often, so that this may be one that
 * somebody else has asked for and that has ended.
 *
 * @param {string} letterId
 * @param {Record<string, string>} fields what is corrected in it
 * @returns {Promise<Operation>}
 */
export async function replayDeadLetter(letterId, fields) {
  const path = `${API}/dead-letters/${encodeURIComponent(letterId)}/replay`;
  const response = await change(path, 'POST', { fields });
  return response.status === 202
    ? response.json()
    : readOperation(response.headers.get('Operation-Id') ?? '');
}

/**
 * @param {string} path
 * @param {'POST' | 'DELETE'} method
 * @param {object} [body]
 * @param {Record<string, string>} [headers]
 */
const change = (path, method, body, headers = {}) =>
  ask(path, {
    method,
    headers: {
      // Also what shows the service that this page asks, and none of another site.
      'X-Galaxy-Caller': 'admin',
      Prefer: 'respond-async',
      ...(body ? { 'Content-Type': 'application/json' } : {}),
      ...headers,
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });

/** A new key for a change. `crypto.randomUUID` is not there on a page that came over plain HTTP from another machine. */
export function makeKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}
