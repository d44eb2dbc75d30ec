import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { adviceFor } from './advice.ts';
import { addDeadLetterCommands } from './commands/dead-letters.ts';
import { addEvents } from './commands/events.ts';
import { addMutations } from './commands/mutations.ts';
import { addOperatorCommands } from './commands/operator.ts';
import { addReads } from './commands/reads.ts';
import { EXIT, Failure } from './failure.ts';
import { harmless, oneLine } from './layout.ts';
import type { Io } from './session.ts';

/**
 * Runs one command line.
 *
 * @param args without the names of Node and of the program
 * @returns the exit code (docs/rtmctl.md); an error that nobody expected is thrown
 */
export async function runRtmctl(args: readonly string[], io: Io): Promise<number> {
  const program = makeProgram(io);
  try {
    await program.parseAsync(args, { from: 'user' });
    return EXIT.done;
  } catch (thrown) {
    // Help is no failure; what is wrong with a command line has been told by then.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (!(thrown instanceof Failure)) throw thrown;
    if (thrown.message) io.stderr.write(`${describe(thrown, program.opts().output === 'json')}\n`);
    return thrown.exitCode;
  }
}

function makeProgram(io: Io): Command {
  const program = new Command('rtmctl')
    .description('Looks at the games of a Runtime Manager and steers them, by its REST API.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('(rtmctl --help, or --help behind a command, has the accepted forms)')
    .addOption(
      new Option('-o, --output <form>', 'how answers are printed')
        .choices(['table', 'json'])
        .default('table'),
    )
    .option(
      '--url <url>',
      'where RTM is (RTMCTL_URL, else RTMANAGER_INTERNAL_HTTP_ADDR, else 127.0.0.1:8096)',
    )
    .option('--token <token>', 'its token (better RTMCTL_TOKEN, else RTMANAGER_INTERNAL_HTTP_TOKEN)')
    .option('--ca <file>', 'authority that signed its certificate, PEM (RTMCTL_TLS_CA)')
    .option('--cert <file>', 'certificate to show, PEM (RTMCTL_TLS_CERT)')
    .option('--key <file>', 'key of that certificate, PEM (RTMCTL_TLS_KEY)')
    .option(
      '--retry-for <seconds>',
      'how long an RTM that does not answer is asked again (3, and 60 while waiting for an operation)',
      readSeconds,
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 it failed, 2 bad usage, 3 RTM not reached or not authorized, 4 not found, 130 interrupted',
    );
  addReads(program, io);
  addMutations(program, io);
  addOperatorCommands(program, io);
  addEvents(program, io);
  addDeadLetterCommands(program, io);
  return program;
}

function readSeconds(given: string): number {
  if (/^\d{1,6}(\.\d+)?$/.test(given)) return Number(given);
  throw new InvalidArgumentError('It must be a number of seconds from 0, such as 30.');
}

/** A failure for a person in lines, for a program as one JSON object of one line. */
function describe(failure: Failure, asJson: boolean): string {
  const { code, message, operationId } = failure;
  const advice = adviceFor(code);
  if (asJson) {
    return JSON.stringify({ error: { code, message, advice, operation_id: operationId } });
  }
  const about = operationId && !message.includes(operationId) ? ` (operation ${operationId})` : '';
  return harmless(
    [`${code}: ${oneLine(message)}${about}`, ...(advice ? [`What to do: ${advice}`] : [])].join('\n'),
  );
}
