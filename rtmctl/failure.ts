/** How a command ends; docs/rtmctl.md lists them for scripts. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  noAccess: 3,
  notFound: 4,
  /** As a shell says it of a program that SIGINT ended. */
  interrupted: 130,
} as const;

interface FailureFacts {
  /** An error code of RTM, or one of rtmctl's own: `usage`, `unreachable`, `interrupted`. */
  readonly code: string;
  /** For a person; '' where there is nothing to say. */
  readonly message: string;
  /** The operation that it is about, which may go on. */
  readonly operationId?: string | undefined;
  readonly cause?: unknown;
}

/** Why a command did not do what was asked for. */
export class Failure extends Error {
  readonly code: string;
  readonly operationId: string | undefined;

  constructor({ code, message, operationId, cause }: FailureFacts) {
    super(message, { cause });
    this.code = code;
    this.operationId = operationId;
  }

  /** The same, with something said behind it. */
  and(more: string, operationId = this.operationId): Failure {
    const message = [this.message, more].filter(Boolean).join('; ');
    return new Failure({ code: this.code, message, operationId, cause: this });
  }

  get exitCode(): number {
    return EXIT_BY_CODE[this.code] ?? EXIT.failed;
  }

  /** Whether the same request may succeed in a moment. */
  get mayPass(): boolean {
    return this.code === 'unreachable' || this.code === 'service_unavailable';
  }
}

const EXIT_BY_CODE: Readonly<Record<string, number>> = {
  usage: EXIT.usage,
  invalid_request: EXIT.usage,
  unreachable: EXIT.noAccess,
  unauthorized: EXIT.noAccess,
  service_unavailable: EXIT.noAccess,
  not_found: EXIT.notFound,
  interrupted: EXIT.interrupted,
};
