import { join } from 'node:path';
import { assertRunnable } from '../check-image.ts';
import type { Config } from '../config.ts';
import { engineUser } from '../engine-user.ts';
import { RuntimeError } from '../errors.ts';
import type { GameId } from '../game-id.ts';
import { containerName, gameHostname, networkAliases } from '../game-names.ts';
import type { ImageRef } from '../image-ref.ts';
import type { Logger } from '../logger.ts';
import { LIMIT_LABELS, parseResourceLimits, type ResourceLimits } from '../resource-limits.ts';
import { ensureStateDirectory } from '../state-directory.ts';
import { type Container, type InspectedContainer, imageRefOf, isOurs, operationOf } from './container.ts';
import { createAndStart, ImageVanishedError, nameTaken } from './create-and-start.ts';
import type { ContainerSpec } from './create-container.ts';
import type { AttemptDocker } from './docker.ts';
import { networkMissing } from './find-network.ts';
import type { Image } from './inspect-image.ts';
import { makeLabels } from './labels.ts';
import { DockerStatusError } from './map-error.ts';
import { isSameImage } from './same-image.ts';

interface RunRequest {
  readonly gameId: GameId;
  readonly imageRef: ImageRef;
  /** Where it was provided already; otherwise it is, by the pull policy. */
  readonly image?: Image | undefined;
  /** The game ran it until now. */
  readonly ranBefore: boolean;
  /** The container that the record names: it goes too, also where it is not on this network any more. */
  readonly recordedId?: string | null;
  readonly operationId: string;
  readonly attempt: number;
  readonly startedAtMs: number;
}

/** A game's container, running. */
export interface RunningGame {
  readonly containerId: string;
  readonly imageDigest: string;
  readonly statePath: string;
  /** By the daemon's clock, of one that ran already; null of one that was started now. */
  readonly ranSinceMs: number | null;
  /** True when this operation created the container, in this attempt or an earlier one: it may take it back. */
  readonly created: boolean;
}

/**
 * Brings a game's container to run: takes over one that does already, otherwise pulls, prepares, creates and
 * starts (spec, section 4, steps 3 to 5). Leaves nothing behind when it fails. Run again after a crash at any
 * step, it finds what the attempt before it left, by label and by name, and ends the same.
 */
export async function runGame(
  docker: AttemptDocker,
  request: RunRequest,
  config: Config,
  log: Logger,
): Promise<RunningGame> {
  // Asked for beside the containers, and waited for where it is needed: not by what runs already.
  const looked = Promise.all([docker.hadNetwork(), request.image ?? docker.findReadyImage(request.imageRef)]);
  // A failure is thrown where it is waited for, and is nobody's where it is not.
  looked.catch(() => undefined);
  const leftovers = await docker.listGame(request.gameId);
  const running = await findRunning(docker, leftovers, request.imageRef);
  if (running) return takeOver(running, request, config, log);

  // What an earlier attempt of this operation left goes first: should the rest fail, nothing of it may stay. Older
  // containers go last: should the rest fail, they still hold the logs of what ran before.
  const [ownLeft, older] = partition(leftovers, (one) => operationOf(one) === request.operationId);
  await removeAll(docker, ownLeft, log);

  const [hadNetwork, ready] = await looked;
  const image = ready ?? (await docker.refreshImage(request.imageRef));
  if (!request.ranBefore) assertRunnable(request.imageRef, image);
  // Whatever was at rest before a pull of minutes may run by now.
  const isLongAgo = older.length > 0 && !ready;
  const startedMeanwhile =
    isLongAgo && (await findRunning(docker, await docker.listGame(request.gameId), request.imageRef));
  if (startedMeanwhile) return takeOver(startedMeanwhile, request, config, log);
  const inTheWay = [...older, ...(await findRecorded(docker, leftovers, request))];
  // Should the network have gone away just now, Docker refuses the start and says so; but nothing is to make room for that.
  const isNetworkSure = hadNetwork && inTheWay.length === 0;
  if (!isNetworkSure && !(await docker.hasNetwork())) throw networkMissing(docker.network);
  const limits = await limitsOf(docker, image, config, log);
  const prepare = async (found: Image): Promise<string> => {
    const user = await engineUser(docker, { ...request, image: found }, config);
    return ensureStateDirectory({
      root: config.gameState.root,
      gameId: request.gameId,
      mode: config.gameState.dirMode,
      uid: config.gameState.ownerUid ?? user.uid,
      gid: config.gameState.ownerGid ?? user.gid,
    });
  };
  const statePath = await prepare(image);
  if (inTheWay.length > 0) await assertNameFree(docker, request.gameId, inTheWay);
  await removeAll(docker, inTheWay, log);

  const run = async (found: Image): Promise<RunningGame> => {
    const spec = specOf(docker.network, found, limits, statePath, request, config);
    const started = await docker.underStartLimit(() => createAndStart(docker, request, spec));
    return { ...started, imageDigest: found.id, statePath, ranSinceMs: null };
  };
  try {
    return await run(image);
  } catch (error) {
    if (!(error instanceof ImageVanishedError)) throw error;
    // Somebody pruned it. Once is bad luck; a second time it is told as the failed pull that it amounts to.
    const pulled = await docker.refreshImage(request.imageRef);
    await prepare(pulled);
    return run(pulled);
  }
}

/** Asked before older containers make room: they need not where another container holds the name. */
async function assertNameFree(
  docker: AttemptDocker,
  gameId: GameId,
  inTheWay: readonly Container[],
): Promise<void> {
  const holder = await docker.inspect(containerName(gameId));
  if (!holder || inTheWay.some(({ id }) => id === holder.id)) return;
  if (!isOurs(holder, { gameId, network: docker.network })) throw nameTaken(holder, docker.network);
}

/** The recorded container, if it is at rest and not among those that were listed. */
async function findRecorded(
  docker: AttemptDocker,
  leftovers: readonly Container[],
  { recordedId: id }: RunRequest,
): Promise<Container[]> {
  if (!id || leftovers.some((one) => one.id === id)) return [];
  const recorded = await docker.inspect(id);
  return recorded && !recorded.running ? [recorded] : [];
}

async function removeAll(
  docker: AttemptDocker,
  containers: readonly Container[],
  log: Logger,
): Promise<void> {
  for (const { id } of containers) {
    log.info('removing a container of this game that does not run', { container_id: id });
    try {
      await docker.remove(id);
    } catch (error) {
      if (!(error instanceof DockerStatusError)) throw error;
      throw new RuntimeError(
        'container_start_failed',
        `Container ${id} of this game does not run and can not be removed: ${error.message}`,
        { cause: error },
      );
    }
  }
}

function partition<T>(all: readonly T[], belongs: (one: T) => boolean): [T[], T[]] {
  return [all.filter(belongs), all.filter((one) => !belongs(one))];
}

/** The running container to take over, if any; one that runs another image is a conflict. */
async function findRunning(
  docker: AttemptDocker,
  containers: readonly Container[],
  wanted: ImageRef,
): Promise<InspectedContainer | undefined> {
  const listed = containers.filter((container) => container.running);
  const same = listed.find((container) => isSameImage(imageRefOf(container), wanted));
  const candidate = same ?? listed[0];
  // A list may be older than the end of what it shows.
  const inspected = candidate && (await docker.inspect(candidate.id));
  if (!inspected?.running) return undefined;
  if (same) return inspected;
  throw new RuntimeError(
    'conflict',
    `Container ${inspected.name} of this game is running ${imageRefOf(inspected) || 'an unknown image'}, not ${wanted.text}; stop it first`,
    { details: { container_id: inspected.id } },
  );
}

function takeOver(
  container: InspectedContainer,
  request: RunRequest,
  config: Config,
  log: Logger,
): RunningGame {
  log.info('container of this game is running already and is taken over', { container_id: container.id });
  return {
    containerId: container.id,
    imageDigest: container.imageId,
    statePath: join(config.gameState.root, request.gameId),
    ranSinceMs: container.startedAt === null ? null : Date.parse(container.startedAt),
    created: operationOf(container) === request.operationId,
  };
}

/** What the image's labels ask for, up to the ceilings. The host's size is asked only where a label needs it. */
async function limitsOf(
  docker: AttemptDocker,
  { labels }: Image,
  { limits: defaults, ceilings }: Config,
  log: Logger,
): Promise<ResourceLimits> {
  const asksForHost =
    (ceilings.nanoCpus === undefined && LIMIT_LABELS.nanoCpus in labels) ||
    (ceilings.memoryBytes === undefined && LIMIT_LABELS.memoryBytes in labels);
  const host = asksForHost ? await docker.daemon() : undefined;
  const { fallbacks, cut, ...limits } = parseResourceLimits(labels, defaults, {
    nanoCpus: ceilings.nanoCpus ?? (host?.cores ?? Number.POSITIVE_INFINITY) * 1e9,
    memoryBytes: ceilings.memoryBytes ?? host?.memoryBytes ?? Number.POSITIVE_INFINITY,
    pidsLimit: ceilings.pidsLimit,
  });
  if (fallbacks.length > 0) {
    log.warn('image labels could not be read, the default limits apply', { labels: fallbacks });
  }
  if (cut.length > 0)
    log.warn('image labels exceed the maximum limits, the maximum applies', { labels: cut });
  return limits;
}

function specOf(
  network: string,
  image: Image,
  limits: ResourceLimits,
  statePath: string,
  request: RunRequest,
  config: Config,
): ContainerSpec {
  return {
    name: containerName(request.gameId),
    imageRef: request.imageRef.canonical,
    hostname: gameHostname(request.gameId),
    network,
    aliases: networkAliases(request.gameId),
    labels: makeLabels({ ...request, imageRef: request.imageRef.text }),
    mount: { source: statePath, target: config.engine.stateMountPath },
    limits,
    healthcheck: image.healthcheck,
    log: { driver: config.docker.logDriver, options: config.docker.logOpts },
    capAdd: config.container.capAdd,
    readOnlyRootfs: config.container.readOnlyRootfs,
    runtime: config.container.runtime,
  };
}
