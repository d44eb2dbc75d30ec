import { daemonTimeNanos } from '../lib/daemon-time.ts';
import { UNREADABLE } from '../lib/docker/container-events.ts';
import type { Docker } from '../lib/docker/docker.ts';
import type { Logger } from '../lib/logger.ts';
import { pause } from '../lib/pause.ts';
import { getKnownDaemon, moveEventCursor } from '../sql/docker-daemon.ts';
import type { Db } from '../sql/pool.ts';
import type { EventJobs } from './event-jobs.ts';
import { BOOKKEEPING_MS, within } from './within.ts';

export interface DockerEvents {
  /** Subscribes anew at once: somebody found what an event should have told. */
  listenAnew(): void;
  close(): Promise<void>;
}

interface EventsDeps {
  docker: Pick<Docker, 'daemon' | 'openEvents'>;
  db: Db;
  jobs: Pick<EventJobs, 'add'>;
  /** Has all records and containers compared soon, in one of the replicas; rejects when Redis is away. */
  requestPass: () => Promise<void>;
  log: Logger;
  /** How old a subscription may get, milliseconds. */
  subscriptionMs?: number;
}

/** An event stream may die without a word (failure-modes.md, row 1), so none is trusted for longer. */
const SUBSCRIPTION_MS = 90_000;
/** Events are asked for again from so long before the moment up to which they were heard. */
const OVERLAP_NANOS = 2_000_000_000n;
/** So long a subscription has to last before it counts as one that works. */
const SETTLE_MS = 5_000;
const RETRY_MS = 200;
const RETRY_MOST_MS = 5_000;

/**
 * Listens to Docker in every replica, from where any of them had come to. Subscriptions overlap: the next one begins
 * before the last one ends, and asks for everything since that one began, so that what a silent stream has swallowed comes
 * with the next. After a break all games are compared as well, because Docker remembers only its last 256 events.
 */
export function startDockerEvents(deps: EventsDeps): DockerEvents {
  const { docker, db, jobs, log, subscriptionMs = SUBSCRIPTION_MS } = deps;
  const settleMs = Math.min(SETTLE_MS, subscriptionMs / 2);
  const closing = new AbortController();
  let nudge = new AbortController();
  /** From when on events may be unheard, by the clock of this daemon. */
  let unheard: { readonly daemonId: string; readonly sinceNanos: bigint } | undefined;
  let passWanted = true;
  let current: AbortController | undefined;

  /** Subscribes, and returns the end of that subscription: it rejects when it breaks. */
  async function subscribe(): Promise<{ ended: Promise<never>; daemonId: string; openedNanos: bigint }> {
    const daemon = await docker.daemon(closing.signal);
    const openedNanos = daemonTimeNanos(daemon.now);
    if (unheard?.daemonId !== daemon.id) {
      const known = await getKnownDaemon(db);
      const isKnown = known?.daemonId === daemon.id;
      unheard = { daemonId: daemon.id, sinceNanos: isKnown ? known.eventCursor : openedNanos };
    }
    const subscription = new AbortController();
    const signal = AbortSignal.any([closing.signal, subscription.signal]);
    const events = await docker.openEvents(unheard.sinceNanos - OVERLAP_NANOS, signal);
    current?.abort(new SubscriptionOver());
    current = subscription;
    const ended = follow(events);
    // One that is over rejects when nobody waits for it any more.
    ended.catch(() => undefined);
    return { ended, daemonId: daemon.id, openedNanos };
  }

  async function follow(events: Awaited<ReturnType<Docker['openEvents']>>): Promise<never> {
    for await (const event of events) {
      if (event !== UNREADABLE) await jobs.add(event);
      else {
        log.warn('Docker told something that can not be read; all games are compared instead');
        await deps.requestPass();
      }
    }
    throw new EventsEndedError();
  }

  async function listen(): Promise<void> {
    let failures = 0;
    let isOut = false;
    while (!closing.signal.aborted) {
      let openedAtMs = Number.POSITIVE_INFINITY;
      const hasLasted = (): boolean => performance.now() - openedAtMs >= settleMs;
      try {
        const { ended, daemonId, openedNanos } = await subscribe();
        openedAtMs = performance.now();
        // Listening first, then comparing: what happens in between is heard.
        if (passWanted) await Promise.race([ended, deps.requestPass()]);
        passWanted = false;
        if (isOut) log.info('events of Docker are heard again');
        isOut = false;
        await Promise.race([ended, ageOut()]);
        // One that ends young may not have come to what it was to tell of the time before it: the next one is asked again.
        if (!hasLasted()) continue;
        failures = 0;
        unheard = { daemonId, sinceNanos: openedNanos };
        await moveEventCursor(db, { daemonId, eventCursor: openedNanos });
      } catch (error) {
        if (closing.signal.aborted) return;
        passWanted = true;
        failures = hasLasted() ? 1 : failures + 1;
        current?.abort(new SubscriptionOver());
        if (!isOut) log.warn('events of Docker are not heard; it is tried again and again', { error });
        isOut = true;
        await pause(Math.min(RETRY_MS * 2 ** (failures - 1), RETRY_MOST_MS), closing.signal);
      }
    }
  }

  /** The end of a subscription's time. */
  async function ageOut(): Promise<void> {
    await pause(subscriptionMs, AbortSignal.any([closing.signal, nudge.signal]));
    nudge = new AbortController();
  }

  const listening = listen();
  return {
    listenAnew: () => nudge.abort(),
    async close() {
      closing.abort(new SubscriptionOver());
      await within(listening, BOOKKEEPING_MS);
    },
  };
}

/** Why a subscription ends that was not broken. */
class SubscriptionOver extends Error {}

/** Docker ended the stream by itself, as it does when it stops. */
class EventsEndedError extends Error {
  constructor() {
    super('Docker ended its events');
    this.name = 'EventsEndedError';
  }
}
