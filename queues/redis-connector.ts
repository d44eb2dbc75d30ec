import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { AbstractConnector, type RedisOptions } from 'ioredis';
import type { RedisInfo } from './redis-server.ts';

/** Follows each attempt to connect. */
export interface ConnectWatch {
  /** A new attempt begins. */
  begins(): void;
  /** The server began with an error, such as `-DENIED` or `-ERR max number of clients`, before it was asked anything. */
  opensWith(reply: string): void;
  /** The port accepted the connection. */
  opened(): void;
  /** TLS is established. */
  secured(): void;
  /** Whether RTM works with the server; asked before the connection becomes ready and any command is sent. */
  accepts(info: RedisInfo): boolean;
}

/**
 * Makes the part of an ioredis connection that opens its socket, the one place where the library lets a server be refused
 * before it sends commands.
 */
export const makeConnector = (watch: ConnectWatch) =>
  class GuardedConnector extends AbstractConnector {
    readonly #options: RedisOptions;

    constructor(options: unknown) {
      super((options as RedisOptions).disconnectTimeout ?? 0);
      this.#options = options as RedisOptions;
    }

    override check(info: RedisInfo): boolean {
      return watch.accepts(info);
    }

    override async connect(): Promise<Socket | TLSSocket> {
      this.connecting = true;
      // A disconnect in the same turn is still in time.
      await new Promise(setImmediate);
      if (!this.connecting) throw new Error('Connection is closed.');
      watch.begins();
      const { host = '', port = 0, tls } = this.#options;
      const socket = tls
        ? connectTls({ ...(tls as ConnectionOptions), host, port })
        : connectTcp({ host, port });
      socket.once('error', (error) => {
        this.firstError = error;
      });
      socket.once('connect', () => watch.opened());
      socket.once('secureConnect', () => watch.secured());
      socket.once(tls ? 'secureConnect' : 'connect', () =>
        socket.once('data', (piece: Buffer) => {
          const [reply = ''] = piece.toString('latin1').split('\r\n', 1);
          if (reply.startsWith('-')) watch.opensWith(reply.slice(1));
        }),
      );
      this.stream = socket;
      return socket;
    }
  };
