import { Resolver } from 'node:dns/promises';
import { makeBatcher } from './batcher.ts';
import type { Docker } from './docker/docker.ts';
import { RuntimeError } from './errors.ts';
import type { Logger } from './logger.ts';

/** A running engine, as its game's record tells of it. */
export interface Engine {
  readonly containerId: string;
  /** The recorded `engine_endpoint`. */
  readonly endpoint: string;
  /** The network that its container was put on. */
  readonly network: string;
}

/** Where engines are reached, from wherever Runtime Manager runs. */
export interface EngineAddresses {
  /** The engine's IP address; null where it has none. Rejects with `docker_unavailable` where that can not be known. */
  find(engine: Engine): Promise<string | null>;
  /** Whether the engine, which did not answer at `address`, is reached elsewhere by now. */
  hasMoved(engine: Engine, address: string): Promise<boolean>;
  /** To be told of an engine that answered. From time to time it shows whether names lead to engines. */
  noteAnswer(engine: Engine, address: string): void;
  close(): void;
}

interface AddressesOptions {
  readonly docker: Pick<Docker, 'findAddress' | 'listAddresses'>;
  readonly log: Logger;
  /** The addresses of a host name, none where it has none. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
}

/** An address that is known for longer is looked up again: a container that was restarted by hand may have another. */
const FRESH_MS = 60_000;
/** So long, where the engine does not answer. */
const FRESH_IN_DOUBT_MS = 5_000;
/** So long, where it has none. */
const FRESH_NONE_MS = 2_000;
/** Containers are looked at one by one up to so many a second; beyond, their network is asked for all at once. */
const SINGLE_LOOKS = 16;
const SINGLE_LOOKS_EVERY_MS = 1_000;
/** Each look takes a millisecond on a healthy daemon; the probes of a tick wait for the longest. */
const LOOK_LIMIT_MS = 1_000;
/** Whether names lead to engines changes only when Runtime Manager itself is put on the game network, or taken off it. */
const NAMES_TRIED_EVERY_MS = 600_000;
/** Docker's own DNS answers within milliseconds, for names that it does not know too. */
const NAME_LIMIT_MS = 1_000;

interface Known {
  readonly address: string | null;
  readonly foundAtMs: number;
  usedAtMs: number;
}

/**
 * Inside the game network an engine's name leads to it; on the Docker host only the address of its container does, which
 * leads there from inside as well. So Docker's word is taken until a name has been found to say the same, and again
 * where a name says nothing. All are kept by container id, for a new container is another address.
 */
export function makeEngineAddresses({
  docker,
  log,
  now = performance.now.bind(performance),
  ...given
}: AddressesOptions): EngineAddresses {
  const closing = new AbortController();
  // Not `lookup`, which waits for names in the threads that files are read by, four for the whole process.
  const resolver = new Resolver({ timeout: NAME_LIMIT_MS, tries: 1 });
  const resolve = given.resolve ?? ((host) => resolver.resolve4(host).catch(() => []));
  const known = new Map<string, Known>();
  let sweptAtMs = now();
  let single = { left: SINGLE_LOOKS, fromMs: now() };
  const names = { lead: false, untilMs: 0 };

  const isFresh = (containerId: string, freshMs: number): boolean => {
    const found = known.get(containerId);
    return found !== undefined && now() - found.foundAtMs < freshMs;
  };
  const keep = (containerId: string, address: string | null): string | null => {
    const usedAtMs = known.get(containerId)?.usedAtMs ?? now();
    known.set(containerId, { address, foundAtMs: now(), usedAtMs });
    return address;
  };

  const askDocker = makeBatcher<Engine, string | null>({
    parallel: 1,
    async findMany(engines) {
      if (now() - single.fromMs >= SINGLE_LOOKS_EVERY_MS) single = { left: SINGLE_LOOKS, fromMs: now() };
      single.left -= engines.length;
      return single.left >= 0 ? lookAtEach(engines) : lookAtNetworks(engines);
    },
  });

  async function lookAtEach(engines: readonly Engine[]): Promise<Map<Engine, string | null>> {
    // One container that wedges its inspection holds up nobody else's probe (failure-modes.md, row 10).
    const inTime = AbortSignal.any([closing.signal, AbortSignal.timeout(LOOK_LIMIT_MS)]);
    const looks = engines.map(async (engine) => {
      const address = await docker.findAddress(engine, inTime);
      return [engine, keep(engine.containerId, address)] as const;
    });
    const outcomes = await Promise.allSettled(looks);
    const found = outcomes.filter((outcome) => outcome.status === 'fulfilled').map(({ value }) => value);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed && found.length === 0) throw failed.reason;
    return new Map(found);
  }

  async function lookAtNetworks(engines: readonly Engine[]): Promise<Map<Engine, string | null>> {
    const found = new Map<Engine, string | null>();
    for (const [network, ofNetwork] of Map.groupBy(engines, (engine) => engine.network)) {
      const addresses = await docker.listAddresses(network, closing.signal);
      for (const [containerId, address] of addresses) keep(containerId, address);
      for (const engine of ofNetwork) {
        found.set(engine, addresses.get(engine.containerId) ?? keep(engine.containerId, null));
      }
    }
    return found;
  }

  async function lookUp(engine: Engine): Promise<string | null> {
    if (names.lead) {
      const [address] = await resolve(hostOf(engine));
      if (address) return keep(engine.containerId, address);
      names.untilMs = now();
    }
    const address = await askDocker(engine);
    if (address === undefined) {
      throw new RuntimeError('docker_unavailable', 'Docker does not say where the container is reached', {
        details: { container_id: engine.containerId },
      });
    }
    return address;
  }

  /** One name, of an engine that is known to be there: on a host that knows none of them, each would take its time. */
  async function tryNames(engine: Engine, address: string): Promise<void> {
    const lead = (await resolve(hostOf(engine))).includes(address);
    if (lead === names.lead || closing.signal.aborted) return;
    log.info(lead ? 'engines are probed by their names' : 'engines are probed by their addresses');
    names.lead = lead;
    known.clear();
  }

  function sweep(): void {
    if (now() - sweptAtMs < FRESH_MS) return;
    sweptAtMs = now();
    for (const [id, { usedAtMs, foundAtMs }] of known) {
      if (now() - Math.max(usedAtMs, foundAtMs) > FRESH_MS) known.delete(id);
    }
  }

  return {
    async find(engine) {
      sweep();
      const before = known.get(engine.containerId);
      if (before) {
        before.usedAtMs = now();
        if (isFresh(engine.containerId, before.address === null ? FRESH_NONE_MS : FRESH_MS))
          return before.address;
      }
      try {
        return await lookUp(engine);
      } catch (error) {
        // Docker is away: what it said last is still the best that is known.
        if (before?.address) return before.address;
        throw error;
      }
    },
    async hasMoved(engine, address) {
      if (isFresh(engine.containerId, FRESH_IN_DOUBT_MS)) return false;
      const current = await lookUp(engine).catch(() => address);
      return current !== null && current !== address;
    },
    noteAnswer(engine, address) {
      if (now() < names.untilMs) return;
      names.untilMs = now() + NAMES_TRIED_EVERY_MS;
      void tryNames(engine, address);
    },
    close() {
      closing.abort();
      resolver.cancel();
    },
  };
}

const hostOf = ({ endpoint }: Engine): string => new URL(endpoint).hostname;
