import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Config } from '../lib/config.ts';

export interface Listener {
  /** Where it listens, with the port that was really taken. */
  readonly url: string;
  /** Takes no more connections, lets running requests end for `graceMs`, then ends them. */
  close(graceMs: number): Promise<void>;
}

/** Opens the internal listener: plain, with TLS, or with TLS that asks for the client's certificate too. */
export async function openListener(http: Config['http'], app: RequestListener): Promise<Listener> {
  const server = makeServer(http, app);
  // A client that sends its headers drop by drop, or never its body, is not waited for.
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ port: http.listen.port, host: http.listen.host }, resolve);
  await promise;
  const { address, family, port } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `${http.tlsCertFile ? 'https' : 'http'}://${host}:${port}`,
    close: (graceMs) => closeServer(server, graceMs),
  };
}

function makeServer(http: Config['http'], app: RequestListener): Server {
  if (!http.tlsCertFile || !http.tlsKeyFile) return createServer(app);
  const clientCa = http.tlsClientCaFile && readFileSync(http.tlsClientCaFile);
  return createTlsServer(
    {
      cert: readFileSync(http.tlsCertFile),
      key: readFileSync(http.tlsKeyFile),
      minVersion: 'TLSv1.2',
      ...(clientCa ? { ca: clientCa, requestCert: true, rejectUnauthorized: true } : {}),
    },
    app,
  );
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await promise;
  clearTimeout(timer);
}
