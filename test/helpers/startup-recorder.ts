import { once } from 'node:events';
import { createServer, type ListenOptions, type Socket } from 'node:net';

/** What a client of PostgreSQL says before it may ask anything. */
export interface SignIn {
  readonly user?: string;
  readonly database?: string;
  readonly options?: string;
  readonly password?: string;
  /** Whether it asked for TLS first. */
  readonly tls: boolean;
}

/** Listens like a PostgreSQL that lets nobody in, and keeps what each client said. */
export interface StartupRecorder {
  readonly signIns: readonly SignIn[];
  /** Zero for a Unix socket. */
  readonly port: number;
  close(): Promise<void>;
}

const SSL_REQUEST = 80_877_103;
const ASK_PASSWORD = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]);
const REFUSAL = Buffer.from('SFATAL\0C28000\0Mnobody is let in\0\0');

export async function recordStartups(where: ListenOptions): Promise<StartupRecorder> {
  const signIns: SignIn[] = [];
  const server = createServer((socket) => void serve(socket, signIns));
  server.listen(where);
  await once(server, 'listening');
  const address = server.address();
  return {
    signIns,
    port: typeof address === 'object' && address ? address.port : 0,
    close: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

async function serve(socket: Socket, signIns: SignIn[]): Promise<void> {
  socket.on('error', () => undefined);
  let said: SignIn = { tls: false };
  // Each message of a client waits for our answer, and comes whole.
  for await (const piece of socket) {
    const message = piece as Buffer;
    if (message[0] === 0x70) {
      signIns.push({ ...said, password: message.toString('utf8', 5, message.length - 1) });
      socket.end(Buffer.concat([Buffer.from([0x45, 0, 0, 0, REFUSAL.length + 4]), REFUSAL]));
    } else if (message.readInt32BE(4) === SSL_REQUEST) {
      signIns.push({ tls: true });
      socket.end('N');
    } else {
      const words = message.toString('utf8', 8).split('\0');
      const pairs = Array.from({ length: words.length >> 1 }, (_, nth) => words.slice(2 * nth, 2 * nth + 2));
      const { user, database, options } = Object.fromEntries(pairs);
      said = { tls: false, user, database, ...(options ? { options } : {}) };
      socket.write(ASK_PASSWORD);
    }
  }
}
