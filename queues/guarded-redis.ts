import { Redis, type RedisOptions } from 'ioredis';
import { makeConnector } from './redis-connector.ts';
import { connectionError, handshakeError, refusedCommand, replyCode } from './redis-error.ts';
import { flawOf, type RedisInfo } from './redis-server.ts';

/**
 * Error codes after which the connection is replaced: another server may stand behind the address by now. `LOADING` and
 * `UNBLOCKED` come of a server that changes its role, `NOREPLICAS` of a primary that a failover has left behind.
 * The others (`OOM`, `MISCONF`) come of the right server, and a new connection would lead to it again.
 */
const OTHER_SERVER = new Set(['READONLY', 'MASTERDOWN', 'LOADING', 'UNBLOCKED', 'NOREPLICAS']);
/** Before version 7 Redis hides the code of an error in a script behind `ERR`. */
const SCRIPT_COMMANDS = new Set(['eval', 'evalsha']);
/** While the same server stands there, a new connection helps nothing and disturbs the commands under way. */
const RECONNECT_GAP_MS = 2_000;

/** How far an attempt to connect got. */
const NEW_ATTEMPT = { failed: false, isOpen: false, secured: false, opening: '', isReady: false };

/** Gets every error reply to a command of RTM or BullMQ; the commands of the handshake are not among them. */
type OnRefusal = (error: Error) => void;
/** Without the one option that ioredis declares in two ways that do not fit each other. */
export type ConnectOptions = Omit<RedisOptions, 'replyMapping'>;

/**
 * A connection that becomes ready only with a server that RTM can work with, on each attempt to connect: the database of
 * the configuration was selected, and the server is a primary outside of a Cluster. Commands wait or fail until then.
 * A copy by `duplicate`, as BullMQ makes them, is guarded as well.
 */
export class GuardedRedis extends Redis {
  /** Why the latest attempt to connect failed, or the connection was lost; undefined while it is usable. */
  trouble: Error | undefined;
  /** INFO of the server, as of the latest attempt to connect. */
  server: RedisInfo = {};
  private readonly onRefusal: OnRefusal;

  constructor(options: ConnectOptions, onRefusal: OnRefusal = () => {}) {
    const attempt = { ...NEW_ATTEMPT };
    let reconnectedAtMs = Number.NEGATIVE_INFINITY;
    const fail = (trouble: Error): void => {
      // The first failure of an attempt is its cause.
      if (attempt.failed) return;
      attempt.failed = true;
      this.trouble = trouble;
    };
    const Connector = makeConnector({
      begins: () => Object.assign(attempt, NEW_ATTEMPT),
      opened: () => Object.assign(attempt, { isOpen: true }),
      secured: () => Object.assign(attempt, { secured: true }),
      opensWith: (opening) => Object.assign(attempt, { opening }),
      accepts: (server) => {
        this.server = server;
        const flaw = flawOf(server);
        if (flaw) {
          fail(flaw);
          this.emit('error', flaw);
        }
        return flaw === undefined;
      },
    });
    // Never 2, which would send the command again: it might be done twice.
    const reconnectOnError = (error: Error): boolean => {
      onRefusal(error);
      const code = replyCode(error) ?? '';
      const isScript = SCRIPT_COMMANDS.has(refusedCommand(error) ?? '');
      if (!OTHER_SERVER.has(code) && !(code === 'ERR' && isScript)) return false;
      if (performance.now() - reconnectedAtMs < RECONNECT_GAP_MS) return false;
      reconnectedAtMs = performance.now();
      return true;
    };
    super({ ...options, Connector, reconnectOnError });
    this.onRefusal = onRefusal;
    const { host = '', port = 0, db = 0, tls } = this.options;
    const describe = (error?: Error) =>
      connectionError(error, { address: `${host}:${port}`, hasTls: tls !== undefined, ...attempt });
    this.on('error', (error: Error) => {
      if (replyCode(error) === undefined) return fail(describe(error));
      fail(handshakeError(error, db));
      // The library would go on, in database 0.
      if (refusedCommand(error) === 'select') this.disconnect(true);
    });
    this.on('close', () => fail(describe()));
    this.on('ready', () => {
      this.trouble = undefined;
      Object.assign(attempt, { failed: false, isReady: true });
    });
  }

  override duplicate<Override extends Partial<RedisOptions> | undefined = undefined>(override?: Override) {
    const options: ConnectOptions = { ...this.options, ...override };
    return new GuardedRedis(options, this.onRefusal) as unknown as ReturnType<
      typeof Redis.prototype.duplicate<Override>
    >;
  }
}
