import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import type { Config } from '../lib/config.ts';
import type { Logger } from '../lib/logger.ts';
import { type FileWatch, watchFiles } from '../lib/watch-files.ts';
import { answerClientErrors } from './client-errors.ts';
import { maxConnections } from './max-connections.ts';

export interface Listener {
  /** Where it listens, with the port that was really taken. */
  readonly url: string;
  /** Takes no more connections, lets running requests end for `graceMs`, then ends them. */
  close(graceMs: number): Promise<void>;
}

/** How long a client may take, milliseconds. One that says nothing, or drop by drop, is not waited for. */
interface Patience {
  /** For the TLS handshake. */
  readonly handshakeMs: number;
  readonly headersMs: number;
  /** For the whole request, body included. */
  readonly requestMs: number;
  /** How often Node looks; by default twice a minute, which would make 30 s of each of these. */
  readonly checkMs: number;
}

const PATIENCE: Patience = { handshakeMs: 10_000, headersMs: 10_000, requestMs: 30_000, checkMs: 1_000 };

/** Longer than pools of clients keep a connection: one that ends as a request sets out can not be sent again safely. */
const KEEP_ALIVE_MS = 65_000;

/** Under TLS 1.2 keys are exchanged anew for each connection, and records are authenticated; TLS 1.3 has nothing else. */
const CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
].join(':');

interface Reload {
  readonly log: Pick<Logger, 'info' | 'error'>;
  readonly everyMs?: number;
}

/** Opens the internal listener: plain, with TLS, or with TLS that asks for the client's certificate too. */
export async function openListener(
  http: Config['http'],
  app: RequestListener,
  patience = PATIENCE,
  reload?: Reload,
): Promise<Listener> {
  const server = makeServer(http, app, patience);
  // Node closes what comes beyond it at once.
  server.maxConnections = maxConnections();
  const activity = watch(server);
  answerClientErrors(server);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ port: http.listen.port, host: http.listen.host }, resolve);
  await promise;
  const { address, family, port } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  const files = server instanceof TlsServer && reload ? reloadFiles(server, http, reload) : undefined;
  return {
    url: `${http.tlsCertFile ? 'https' : 'http'}://${host}:${port}`,
    close: (graceMs) => {
      files?.close();
      return closeServer(server, activity, graceMs);
    },
  };
}

function makeServer(http: Config['http'], app: RequestListener, patience: Patience): Server {
  const limits = {
    headersTimeout: patience.headersMs,
    requestTimeout: patience.requestMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Node would refuse by itself, without a word; where the host matters, the application asks for it.
    requireHostHeader: false,
    connectionsCheckingInterval: patience.checkMs,
  };
  const paths = tlsPaths(http);
  if (!paths) return createServer(limits, app);
  return createTlsServer(
    {
      ...limits,
      handshakeTimeout: patience.handshakeMs,
      ...contextOf(paths.map((path) => readFileSync(path))),
      ...(http.tlsClientCaFile ? { requestCert: true, rejectUnauthorized: true } : {}),
    },
    app,
  );
}

/** Certificate, key and, where clients show one, their authority. */
const tlsPaths = ({ tlsCertFile, tlsKeyFile, tlsClientCaFile }: Config['http']): string[] | undefined =>
  tlsCertFile && tlsKeyFile
    ? [tlsCertFile, tlsKeyFile, ...(tlsClientCaFile ? [tlsClientCaFile] : [])]
    : undefined;

function contextOf([cert, key, ca]: readonly Buffer[]): SecureContextOptions {
  return { cert, key, ...(ca ? { ca } : {}), minVersion: 'TLSv1.2', ciphers: CIPHERS };
}

/** New connections get what the files hold now. What cannot be used is logged, and the old certificate stays. */
function reloadFiles(server: TlsServer, http: Config['http'], { log, everyMs }: Reload): FileWatch {
  const paths = tlsPaths(http) ?? [];
  return watchFiles(
    paths.map((path) => readFileSync(path)),
    {
      paths,
      everyMs,
      onChange(contents) {
        try {
          server.setSecureContext(contextOf(contents));
          log.info('the certificate of the listener was replaced');
        } catch (error) {
          log.error('the new certificate of the listener cannot be used; the old one stays', { error });
        }
      },
      onFailure: (error) =>
        log.error('the certificate of the listener cannot be read; the old one stays', { error }),
    },
  );
}

interface Activity {
  /** All connections, also those that are still in their TLS handshake: of these the server itself knows nothing. */
  readonly sockets: ReadonlySet<Socket>;
  /** From now on a connection ends with the answer that it waits for; resolves when no answer is on its way. */
  wane(): Promise<void>;
}

function watch(server: Server): Activity {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const { promise: waned, resolve } = Promise.withResolvers<void>();
  let answering = 0;
  let waning = false;
  const count = (change: number): void => {
    answering += change;
    if (waning && answering === 0) resolve();
  };
  // Before the application, which may answer at once.
  server.prependListener('request', (_request, response) => {
    if (waning) response.setHeader('Connection', 'close');
    count(+1);
    response.once('close', () => count(-1));
  });
  return {
    sockets,
    wane() {
      waning = true;
      count(0);
      return waned;
    },
  };
}

async function closeServer(server: Server, { sockets, wane }: Activity, graceMs: number): Promise<void> {
  const closed = Promise.withResolvers<void>();
  // Not the HTTP server's own close, which also drops connections whose answers are ended but still on their way.
  NetServer.prototype.close.call(server, () => closed.resolve());
  const grace = Promise.withResolvers<void>();
  const timer = setTimeout(grace.resolve, graceMs);
  await Promise.race([wane(), grace.promise]);
  clearTimeout(timer);
  for (const socket of sockets) socket.destroy();
  // What else the HTTP server has to end, its watch over slow clients.
  server.close();
  await closed.promise;
}
