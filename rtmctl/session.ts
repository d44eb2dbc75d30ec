import type { Command } from 'commander';
import { type Client, makeClient } from './client.ts';
import { harmless, line } from './layout.ts';
import { type ConnectionFlags, readSettings } from './settings.ts';

/** Where a command reads from and writes to. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Aborts when the operator does not want to wait any more. */
  readonly interrupted: AbortSignal;
}

interface GlobalOptions extends ConnectionFlags {
  readonly output: 'table' | 'json';
  /** Seconds. */
  readonly retryFor?: number;
}

/** What one command works with. */
export interface Session {
  readonly io: Io;
  readonly client: Client;
  /** Prints an answer: whole as JSON, or as `asText` tells it to a person. */
  readonly print: <T>(answer: T, asText: (answer: T) => string) => void;
  /** Prints one of many answers, that come as they happen, in one line. */
  readonly printLine: <T>(answer: T, asCells: (answer: T) => readonly (string | null)[]) => void;
}

/** Throws a `usage` failure for flags or variables that can not be used. */
export function openSession(command: Command, io: Io): Session {
  const { output, retryFor, ...flags } = command.optsWithGlobals<GlobalOptions>();
  return {
    io,
    client: makeClient(readSettings(flags, io.env), {
      signal: io.interrupted,
      patienceMs: retryFor === undefined ? undefined : retryFor * 1_000,
    }),
    print: (answer, asText) => io.stdout.write(`${output === 'json' ? toJson(answer, 2) : asText(answer)}\n`),
    printLine: (answer, asCells) =>
      io.stdout.write(`${output === 'json' ? toJson(answer, 0) : line(asCells(answer))}\n`),
  };
}

const toJson = (answer: unknown, indent: number): string => harmless(JSON.stringify(answer, null, indent));

/** An action of a command that gets its arguments, its options, and a session. */
export const inSession =
  <Args extends readonly unknown[], Options>(
    io: Io,
    act: (session: Session, options: Options, ...args: Args) => Promise<void>,
  ) =>
  async (...given: unknown[]): Promise<void> => {
    // Commander puts the options and the command itself behind the arguments.
    const command = given.pop() as Command;
    const options = given.pop() as Options;
    await act(openSession(command, io), options, ...(given as unknown as Args));
  };
