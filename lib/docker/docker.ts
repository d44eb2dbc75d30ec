import type { GameId } from '../game-id.ts';
import type { ImageRef } from '../image-ref.ts';
import type { ImageUser, UnknownUser } from '../image-user.ts';
import type { Lease } from '../lease.ts';
import { makeSemaphore } from '../semaphore.ts';
import { makeSingleFlight } from '../single-flight.ts';
import type { DockerConnection } from './connection.ts';
import type { Container, InspectedContainer } from './container.ts';
import { type ContainerEvent, openContainerEvents, type UNREADABLE } from './container-events.ts';
import { type ContainerSpec, createContainer } from './create-container.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { findAddress } from './find-address.ts';
import { hasNetwork } from './find-network.ts';
import type { ImageStore, WhileWaiting } from './image-store.ts';
import { makeImageUsers } from './image-users.ts';
import { inspectContainer } from './inspect-container.ts';
import { type Image, inspectImage } from './inspect-image.ts';
import { listAddresses } from './list-addresses.ts';
import { listGameContainers, listLabelledContainers, listOwnedContainers } from './list-containers.ts';
import { type LogRequest, openLog } from './open-log.ts';
import { ping } from './ping.ts';
import { type Daemon, readDaemon } from './read-daemon.ts';
import { readLogTail } from './read-log-tail.ts';
import { type ContainerStats, readStats } from './read-stats.ts';
import { removeContainer } from './remove-container.ts';
import { disconnectEndpoint, startContainer } from './start-container.ts';
import { type StopOutcome, stopContainer } from './stop-container.ts';

/** Docker as one attempt at one operation may use it: every call ends with the attempt. */
export interface AttemptDocker {
  readonly network: string;
  /** Containers of the game that are ours, by label. */
  listGame(gameId: GameId): Promise<Container[]>;
  /** @param inTime gives the look up, where less than the usual patience is called for */
  inspect(idOrName: string, inTime?: AbortSignal): Promise<InspectedContainer | null>;
  /** The last lines of its log; null where Docker can not read it. */
  readLogTail(
    container: Pick<InspectedContainer, 'id' | 'tty'>,
    inTime: AbortSignal,
  ): Promise<string[] | null>;
  hasNetwork(): Promise<boolean>;
  /** The same, or that it was there within the last ten seconds: good where Docker itself refuses what comes of an error. */
  hadNetwork(): Promise<boolean>;
  daemon(): Promise<Daemon>;
  /** The image as it is on this host, or null. */
  findImage(ref: ImageRef): Promise<Image | null>;
  /** The same where it needs no pull; null otherwise. */
  findReadyImage(ref: ImageRef): Promise<Image | null>;
  ensureImage(ref: ImageRef): Promise<Image>;
  refreshImage(ref: ImageRef): Promise<Image>;
  /** The user that a container of the image runs as; names are resolved in the image, once per image. */
  userOf(image: Image): Promise<ImageUser | UnknownUser>;
  /** Runs `work` under one of the few permits to make Docker work hard. */
  underStartLimit<T>(work: () => Promise<T>): Promise<T>;

  // These can not be taken back: each is refused once the lease is over.
  create(spec: ContainerSpec): Promise<string>;
  start(id: string): Promise<void>;
  stop(id: string, graceSeconds: number): Promise<StopOutcome>;
  remove(id: string): Promise<void>;
  disconnectEndpoint(container: string): Promise<void>;

  /** Docker on a fresh deadline, for taking back what a failed or aborted step has done. */
  readonly undo: {
    inspect(idOrName: string): Promise<InspectedContainer | null>;
    remove(id: string): Promise<void>;
  };
}

export interface Docker {
  /** Rejects with `docker_unavailable` unless the daemon answers. */
  ping(signal: AbortSignal): Promise<void>;
  hasNetwork(signal: AbortSignal): Promise<boolean>;
  readonly network: string;
  daemon(signal: AbortSignal): Promise<Daemon>;
  /** Every container with our owner label, on whatever network. */
  listOwned(signal: AbortSignal): Promise<Container[]>;
  /** Containers of the game with our owner label, on whatever network. */
  listGame(gameId: GameId, signal: AbortSignal): Promise<Container[]>;
  inspect(idOrName: string, signal: AbortSignal): Promise<InspectedContainer | null>;
  /** The last lines of its log; null where Docker can not read it. */
  readLogTail(
    container: Pick<InspectedContainer, 'id' | 'tty'>,
    signal: AbortSignal,
  ): Promise<string[] | null>;
  /** The image as it is on this host, or null. */
  findImage(ref: ImageRef, signal: AbortSignal): Promise<Image | null>;
  /** What becomes of containers with our owner label, until `signal` aborts. */
  openEvents(
    sinceNanos: bigint,
    signal: AbortSignal,
  ): Promise<AsyncIterable<ContainerEvent | typeof UNREADABLE>>;
  /** The text of a container's log, in pieces of whole lines, as fast as they are taken. */
  openLog(
    container: Pick<InspectedContainer, 'id' | 'tty'>,
    request: LogRequest,
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<string>>;
  /** What a container uses; null where it does not run. Takes a second or two. */
  readStats(id: string, signal: AbortSignal): Promise<ContainerStats | null>;
  /** Where a container is reached on a network; null when it is not. */
  findAddress(at: { containerId: string; network: string }, signal: AbortSignal): Promise<string | null>;
  /** Where all containers on a network are reached, by container id. */
  listAddresses(network: string, signal: AbortSignal): Promise<Map<string, string>>;
  forAttempt(lease: Lease, waiting: WhileWaiting): AttemptDocker;
}

interface DockerOptions {
  network: string;
  /** Containers created and started at once; beyond about two a core the daemon only gets slower. */
  parallelStarts: number;
  images: ImageStore;
}

/** A network comes and goes by an operator's hand, once in the life of a deployment. */
const NETWORK_MEMORY_MS = 10_000;

export function makeDocker(connection: DockerConnection, options: DockerOptions): Docker {
  const { network, images } = options;
  const starts = makeSemaphore(options.parallelStarts);
  const users = makeImageUsers(connection, starts);
  // Every start asks for the same network: those that ask at one time share the answer.
  const networkLooks = makeSingleFlight<string, boolean>();
  let networkSeenMs = Number.NEGATIVE_INFINITY;
  async function lookForNetwork(signal: AbortSignal): Promise<boolean> {
    const isThere = await networkLooks.run(
      network,
      (shared) => hasNetwork(connection, network, shared),
      signal,
    );
    networkSeenMs = isThere ? performance.now() : Number.NEGATIVE_INFINITY;
    return isThere;
  }
  const freshSignal = () => AbortSignal.timeout(CALL_DEADLINE_MS.act);

  return {
    ping: (signal) => ping(connection, signal),
    hasNetwork: (signal) => hasNetwork(connection, network, signal),
    network,
    daemon: (signal) => readDaemon(connection, signal),
    listOwned: (signal) => listOwnedContainers(connection, signal),
    listGame: (gameId, signal) => listLabelledContainers(connection, gameId, signal),
    inspect: (idOrName, signal) => inspectContainer(connection, idOrName, signal),
    readLogTail: (container, signal) => readLogTail(connection, container, signal),
    findImage: (ref, signal) => inspectImage(connection, ref.canonical, signal),
    openEvents: (sinceNanos, signal) => openContainerEvents(connection, sinceNanos, signal),
    openLog: (container, request, signal) => openLog(connection, container, request, signal),
    readStats: (id, signal) => readStats(connection, id, signal),
    findAddress: (at, signal) => findAddress(connection, at, signal),
    listAddresses: (of, signal) => listAddresses(connection, of, signal),
    forAttempt(lease, waiting) {
      const { signal } = lease;
      const until = (inTime?: AbortSignal) => (inTime ? AbortSignal.any([signal, inTime]) : signal);
      // Asked right before a request is sent, for finding the daemon's version may take longer than the lease. What
      // happens in between is what labels and ids are for.
      const fenced: DockerConnection = {
        ...connection,
        call: (verb, deadlineMs, callSignal, run) =>
          connection.call(verb, deadlineMs, callSignal, (docker, abortSignal) => {
            lease.assertHeld();
            return run(docker, abortSignal);
          }),
      };
      return {
        network,
        listGame: (gameId) => listGameContainers(connection, { gameId, network }, signal),
        inspect: (idOrName, inTime) => inspectContainer(connection, idOrName, until(inTime)),
        readLogTail: (container, inTime) => readLogTail(connection, container, until(inTime)),
        hasNetwork: () => lookForNetwork(signal),
        hadNetwork: async () =>
          performance.now() - networkSeenMs < NETWORK_MEMORY_MS || lookForNetwork(signal),
        daemon: () => readDaemon(connection, signal),
        findImage: (ref) => inspectImage(connection, ref.canonical, signal),
        findReadyImage: (ref) => images.findReady(ref, signal),
        ensureImage: (ref) => images.ensure(ref, waiting, signal),
        refreshImage: (ref) => images.refresh(ref, waiting, signal),
        userOf: (image) => users.find(image, signal),
        underStartLimit: (work) => starts.run(work, signal),

        create: (spec) => createContainer(fenced, spec, signal),
        start: (id) => startContainer(fenced, id, signal),
        stop: (id, graceSeconds) => stopContainer(fenced, { id, graceSeconds }, signal),
        remove: (id) => removeContainer(fenced, id, signal),
        disconnectEndpoint: (container) => disconnectEndpoint(fenced, { network, container }, signal),

        undo: {
          inspect: (idOrName) => inspectContainer(connection, idOrName, freshSignal()),
          remove: (id) => removeContainer(fenced, id, freshSignal()),
        },
      };
    },
  };
}
