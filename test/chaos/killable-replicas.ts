import { type DockerCall, type DockerProxy, makeDockerProxy } from '../helpers/docker-proxy.ts';
import type { Flow } from '../helpers/flow.ts';
import { gameOfCall } from '../helpers/game-of-call.ts';
import { type Replica, startReplica } from '../helpers/replica.ts';
import type { RtmVariables } from '../helpers/rtm-env.ts';

/** Where a replica dies: on the way to Docker, or when Docker has done it and before the replica knows. */
export interface KillPoint {
  readonly what: string;
  readonly when: 'call' | 'answer';
  readonly isIt: (call: DockerCall) => boolean;
}

/** A place for a replica, with a way to Docker of its own. */
export interface Slot {
  readonly proxy: DockerProxy;
  replica: Replica;
}

/** Replicas as processes, each to be killed in the middle of what it does for one game. */
export interface KillableReplicas {
  readonly slots: readonly Slot[];
  /** Lets the replica that runs the game die at that point; resolves with its place when it is dead. */
  armKill(gameId: string, point: KillPoint): Promise<Slot>;
  /** A new replica in the place of a dead one. */
  revive(slot: Slot): Promise<void>;
  close(): Promise<void>;
}

export async function makeKillableReplicas(
  flow: Flow,
  count: number,
  overrides: RtmVariables = {},
): Promise<KillableReplicas> {
  const slots: Slot[] = [];
  const startIn = (proxy: DockerProxy): Promise<Replica> =>
    startReplica(flow.world.variables({ ...overrides, RTMANAGER_DOCKER_HOST: proxy.host }));
  for (let place = 0; place < count; place += 1) {
    const proxy = await makeDockerProxy();
    slots.push({ proxy, replica: await startIn(proxy) });
  }
  return {
    slots,
    armKill(gameId, { when, isIt }) {
      const { promise, resolve } = Promise.withResolvers<Slot>();
      let armed = true;
      for (const slot of slots) {
        const strike = async () => {
          armed = false;
          await slot.replica.end('SIGKILL');
          resolve(slot);
          return 'cut' as const;
        };
        // Asked before Docker acts: nobody knows afterwards of which game a container was that is gone.
        const struck = new WeakSet<DockerCall>();
        slot.proxy.onCall = async (call) => {
          if (!armed || !isIt(call) || (await gameOfCall(call)) !== gameId) return 'pass';
          if (when === 'call') return strike();
          struck.add(call);
          return 'pass';
        };
        slot.proxy.onAnswer = async (call) => (armed && struck.has(call) ? strike() : 'pass');
      }
      return promise;
    },
    async revive(slot) {
      slot.replica = await startIn(slot.proxy);
    },
    async close() {
      await Promise.all(slots.map(({ replica }) => replica.end('SIGKILL')));
      await Promise.all(slots.map(({ proxy }) => proxy.destroy()));
    },
  };
}
