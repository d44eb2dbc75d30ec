import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { docker } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';

/** When Docker says that it created and started a container, epoch milliseconds. */
export interface Moments {
  readonly createdMs: number;
  readonly startedMs: number;
}

interface Told {
  readonly Action: 'create' | 'start';
  readonly Actor: { readonly Attributes: { readonly name: string } };
  readonly timeNano: number;
}

/** Listens to Docker; `of` tells of a container by its name, once Docker has told of it. */
export async function watchMoments(): Promise<AsyncDisposable & { of(name: string): Promise<Moments> }> {
  const events = await docker.getEvents({
    filters: { type: ['container'], event: ['create', 'start'] },
  });
  const told = new Map<string, number>();
  const lines = createInterface({ input: events });
  lines.on('line', (line) => {
    const { Action, Actor, timeNano } = JSON.parse(line) as Told;
    told.set(`${Action} ${Actor.Attributes.name}`, timeNano / 1e6);
  });
  return {
    async of(name) {
      const both = () => [told.get(`create ${name}`), told.get(`start ${name}`)];
      await eventually(async () => both().every((one) => one !== undefined), {
        what: `Docker to tell of ${name}`,
        intervalMs: 1,
      });
      const [createdMs = 0, startedMs = 0] = both();
      return { createdMs, startedMs };
    },
    async [Symbol.asyncDispose]() {
      lines.close();
      const closed = once(events, 'close');
      (events as unknown as { destroy(): void }).destroy();
      await closed;
    },
  };
}
