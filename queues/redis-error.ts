/** Why RTM does not work with the Redis that its address leads to. */
export type RedisErrorCode =
  | 'redis_authentication'
  | 'redis_cluster'
  | 'redis_database'
  | 'redis_handshake'
  | 'redis_permission'
  | 'redis_replica'
  | 'redis_tls'
  | 'redis_version';

/** Redis cannot be used; the message names the reason and what to change. */
export class RedisUnusableError extends Error {
  readonly code: RedisErrorCode;

  constructor(code: RedisErrorCode, message: string) {
    super(message);
    this.name = 'RedisUnusableError';
    this.code = code;
  }
}

/** Redis begins every error reply with a code in capitals, such as `READONLY`; `ERR` stands for all others. */
export const replyCode = (error: unknown): string | undefined =>
  error instanceof Error && error.name === 'ReplyError' ? error.message.split(' ', 1)[0] : undefined;

/** Whether Redis forbids a command or does not know it: a new attempt will be refused as well. */
export const isForbidden = (error: unknown): error is Error =>
  ['NOPERM', 'ERR', 'WRONGTYPE'].includes(replyCode(error) ?? '');

/** The command, in lower case, that Redis answered with an error. */
export const refusedCommand = (error: unknown): string | undefined =>
  (error as { command?: { name?: string } }).command?.name?.toLowerCase();

/** The refusal of a command of the handshake. Its arguments, such as the password, stay out. */
export function handshakeError(error: Error, db: number): RedisUnusableError {
  const { message } = error;
  const command = refusedCommand(error);
  switch (replyCode(error)) {
    case 'WRONGPASS':
      return new RedisUnusableError(
        'redis_authentication',
        `Redis refuses the password: ${message}. Correct RTMANAGER_REDIS_PASSWORD`,
      );
    case 'NOAUTH':
      return new RedisUnusableError(
        'redis_authentication',
        `Redis asks for a password: ${message} Set RTMANAGER_REDIS_PASSWORD`,
      );
  }
  if (command === 'select') {
    return new RedisUnusableError(
      'redis_database',
      `Redis refuses the database of RTMANAGER_REDIS_DB=${db}: ${message}`,
    );
  }
  return new RedisUnusableError(
    'redis_handshake',
    `Redis refuses ${command?.toUpperCase() ?? 'the connection'}: ${message}`,
  );
}

interface Attempt {
  /** `host:port`. */
  readonly address: string;
  readonly hasTls: boolean;
  /** Whether the port accepted the connection. */
  readonly isOpen: boolean;
  /** Whether TLS was established. */
  readonly secured: boolean;
  /** Whether the connection was usable before. */
  readonly isReady: boolean;
  /** The error that the server began with; empty without one. */
  readonly opening: string;
}

/** The failure of a connection by what the server said, or by the error of the socket, or by its silence. */
export function connectionError(
  error: Error | undefined,
  { address, hasTls, isOpen, secured, isReady, opening }: Attempt,
): Error {
  if (error instanceof RedisUnusableError) return error;
  if (isReady) return error ?? new Error(`The connection to Redis at ${address} was lost`);
  if (opening !== '') {
    return new RedisUnusableError(
      'redis_handshake',
      `Redis at ${address} refuses the connection: ${opening}`,
    );
  }
  if (hasTls && isOpen && !secured) {
    return new RedisUnusableError(
      'redis_tls',
      `TLS with Redis at ${address} failed: ${error?.message ?? 'the connection was closed'}. RTMANAGER_REDIS_TLS is true: Redis must speak TLS there, with a certificate that RTM trusts`,
    );
  }
  return (
    error ??
    new RedisUnusableError(
      'redis_handshake',
      `Redis at ${address} closed the connection without a reason${hasTls ? '' : '. If it expects TLS, set RTMANAGER_REDIS_TLS=true'}`,
    )
  );
}
