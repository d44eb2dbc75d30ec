import { GAME_LABEL, IMAGE_LABEL, OPERATION_LABEL, OWNER, OWNER_LABEL } from './labels.ts';

/** A container as Docker tells of it, reduced to what RTM decides by. */
export interface Container {
  readonly id: string;
  /** Without the slash that Docker puts in front. */
  readonly name: string;
  readonly running: boolean;
  /** Docker's own word: `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`. */
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly networks: readonly string[];
}

/** What only an inspection tells. */
export interface InspectedContainer extends Container {
  readonly exitCode: number;
  /** By the daemon's clock, RFC 3339; null before it was ever started, or while it runs. */
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** Of one that runs: when it ended last, before it was started again; null where it never did. */
  readonly endedBeforeAt: string | null;
  /** Docker removes it by itself when it ends (`docker run --rm`). */
  readonly autoRemove: boolean;
  /** How often Docker itself has restarted it. */
  readonly restartCount: number;
  /** The verdict of the image's own health check; `none` without one. */
  readonly health: string;
  /** Whether it has a terminal: its log has another form then. */
  readonly tty: boolean;
  /** The image reference that it was created from. */
  readonly image: string;
  /** The kernel killed it for want of memory. An exit code of 137 alone is no evidence of that. */
  readonly oomKilled: boolean;
  /** Id of the image that runs. */
  readonly imageId: string;
}

/**
 * A container is ours when it carries the owner label and the game's label and is on our network: two
 * Runtime Managers with different networks on one daemon never touch each other's.
 */
export function isOurs(
  container: Container,
  { gameId, network }: { gameId: string; network: string },
): boolean {
  return (
    container.labels[OWNER_LABEL] === OWNER &&
    container.labels[GAME_LABEL] === gameId &&
    container.networks.includes(network)
  );
}

/** The image reference that the container was asked to run, '' when it does not say. */
export const imageRefOf = (container: Container): string => container.labels[IMAGE_LABEL] ?? '';

/** The operation that created the container, '' when it does not say. */
export const operationOf = (container: Container): string => container.labels[OPERATION_LABEL] ?? '';
