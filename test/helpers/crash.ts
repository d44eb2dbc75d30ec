import type { Handler, HandlerContext } from '../../handlers/types.ts';
import { LeaseLostError } from '../../lib/lease.ts';

/** Where an attempt dies: at which of its steps, and whether that step was still done. */
export interface CrashPoint {
  readonly step: number;
  readonly when: 'before' | 'after';
}

export interface CrashingHandler {
  readonly handler: Handler;
  /** The steps that were begun, in order, such as `docker.stop`; the last one may be the end of the handler. */
  readonly steps: readonly string[];
}

/**
 * A handler whose process dies at one of its steps: each call of Docker, of the record, each step that it commits, and
 * the moment between its end and the commit. What runs behind that point does not happen.
 */
export function crashingAt(handler: Handler, point: CrashPoint | undefined): CrashingHandler {
  const steps: string[] = [];
  let dead = false;

  async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const index = steps.push(name) - 1;
    const isHere = index === point?.step;
    if (dead || (isHere && point.when === 'before')) throw die();
    const [outcome] = await Promise.allSettled([work()]);
    if (isHere) throw die();
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }
  const die = (): Error => {
    dead = true;
    return new LeaseLostError('of a process that died');
  };
  const stepped = <T extends object>(name: string, target: T): T =>
    new Proxy(target, {
      get(whole, key) {
        const value = Reflect.get(whole, key) as unknown;
        const path = `${name}.${String(key)}`;
        if (typeof value === 'object' && value !== null) return stepped(path, value);
        if (typeof value !== 'function') return value;
        const call = value.bind(whole) as (...given: unknown[]) => Promise<unknown>;
        // A bound around other steps is none itself.
        return key === 'underStartLimit' ? call : (...given: unknown[]) => step(path, () => call(...given));
      },
    });

  return {
    steps,
    handler: async (operation, context) => {
      const watched: HandlerContext = {
        ...context,
        docker: stepped('docker', context.docker),
        records: stepped('records', context.records),
        commitStep: (effects) => step('commitStep', () => context.commitStep(effects)),
      };
      const result = await handler(operation, watched).catch(async (error: unknown) => {
        await step('failed', async () => undefined);
        throw error;
      });
      await step('succeeded', async () => undefined);
      return result;
    },
  };
}
