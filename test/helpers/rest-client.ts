import { assertContract } from './assert-contract.ts';
import { exchange, type HttpExchange } from './http-exchange.ts';

type Json = Readonly<Record<string, unknown>>;

/** Plays Game Master or Admin: asks, and fails when an answer is not one that the contract promises. */
export interface RestClient {
  get(path: string): Promise<HttpExchange>;
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<HttpExchange>;
  delete(path: string, headers?: Readonly<Record<string, string>>): Promise<HttpExchange>;
}

/** A client of the replica at `url`; paths are below `/api/v1/internal`. */
export function makeRestClient(url: string): RestClient {
  const ask = async (path: string, options: Parameters<typeof exchange>[2]): Promise<HttpExchange> => {
    const answer = await exchange(url, `/api/v1/internal${path}`, options);
    assertContract(answer);
    return answer;
  };
  return {
    get: (path) => ask(path, {}),
    post: (path, body, headers = {}) => ask(path, { method: 'POST', body, headers }),
    delete: (path, headers = {}) => ask(path, { method: 'DELETE', headers }),
  };
}

/** The body of an answer, which must be an object. */
export const bodyOf = ({ json }: HttpExchange): Json => json as Json;
