import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SERVICE_FLAGS } from '../../../dev/bootstrap/node-flags.mjs';
import type { RtmVariables } from '../../helpers/rtm-env.ts';
import { NETWORK } from '../instant-world.ts';
import { printTable } from '../statistics.ts';
import type { LibraryFigures } from './bare-libraries.ts';
import { inWorld, ON_ITS_CORE, OTHER_CORES } from './flood.ts';

const BARE = fileURLToPath(new URL('./bare-libraries.ts', import.meta.url));

/** The least that an operation costs with these libraries, whatever is done with their answers. */
export const measureLibraries = (): Promise<void> =>
  inWorld(OTHER_CORES, async ({ variables, lobbyUrl }) => {
    const program = [...ON_ITS_CORE, process.execPath, ...SERVICE_FLAGS, BARE];
    const [command = '', ...args] = [...program, ...givenTo(variables), lobbyUrl, NETWORK];
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [figures] = (await once(child, 'message')) as [LibraryFigures];
    const sum = Object.values(figures).reduce((all, one) => all + one, 0);
    printTable([
      ['the libraries alone, CPU ms an operation', ''],
      ...Object.entries(figures).map(([what, ms]) => [`  ${what}`, ms.toFixed(2)]),
      ['  all of it', sum.toFixed(2)],
      ['  operations/s of a core that did nothing else', (1_000 / sum).toFixed(0)],
    ]);
  });

const givenTo = (variables: RtmVariables): string[] => [
  variables.RTMANAGER_POSTGRES_PRIMARY_DSN ?? '',
  new URL(`redis://${variables.RTMANAGER_REDIS_MASTER_ADDR}`).port,
  new URL(variables.RTMANAGER_DOCKER_HOST ?? '').pathname,
];
