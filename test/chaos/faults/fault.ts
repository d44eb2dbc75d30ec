import type { FaultWorld } from './fault-world.ts';

/** One way in which something that RTM needs fails. */
export interface Fault {
  /** As the table has it. */
  readonly what: string;
  /** How long it lasts, milliseconds; absent from a short run where that is left out. */
  readonly lastsMs: { readonly short?: number; readonly full: number };
  /** The part that `/readyz` must name while it lasts; none where RTM can go on, or may. */
  readonly names?: 'postgres' | 'redis';
  /** How soon `/readyz` says 200 after the repair, milliseconds. */
  readonly readyWithinMs?: number;
  /** The streams are lost with what nobody had read yet. */
  readonly losesStreams?: true;
  /** Breaks it, and returns how to mend it. Undefined where this machine does not let it happen. */
  strike(world: FaultWorld): Promise<(() => Promise<unknown>) | undefined>;
}
