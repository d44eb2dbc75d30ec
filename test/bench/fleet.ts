import { makeLabels } from '../../lib/docker/labels.ts';
import { parseGameId } from '../../lib/game-id.ts';
import { containerName } from '../../lib/game-names.ts';

/** A daemon with this many games, of which so many have drifted. */
export interface Fleet {
  readonly games: number;
  /** A quarter each: exited, gone, not recorded, left by an operation that has ended. */
  readonly drifted: number;
}

/** What became of a game: `in step` beyond the drifted ones. */
const DRIFTS = ['exited', 'gone', 'not recorded', 'left'] as const;
export const driftOf = ({ drifted }: Fleet, index: number) =>
  index < drifted ? (DRIFTS[index % DRIFTS.length] ?? 'exited') : 'in step';

export const gameIdOf = (index: number) => parseGameId(`game-${String(index).padStart(6, '0')}`);
export const containerIdOf = (index: number): string =>
  `${'c0ffee'.repeat(9)}${String(index).padStart(10, '0')}`;
/** The operation that started the game. */
export const operationIdOf = (index: number): string =>
  `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;

const IMAGE = 'registry.example/galaxy/game:1.4.2';
const isRunning = (fleet: Fleet, index: number): boolean =>
  !['exited', 'left'].includes(driftOf(fleet, index));

export const labelsOf = (index: number) =>
  makeLabels({
    gameId: gameIdOf(index),
    imageRef: IMAGE,
    operationId: operationIdOf(index),
    attempt: 1,
    startedAtMs: 1_767_225_600_000,
  });
const networksOf = (index: number) => ({
  galaxy: {
    IPAMConfig: null,
    Links: null,
    Aliases: [containerName(gameIdOf(index)), containerIdOf(index).slice(0, 12)],
    NetworkID: 'a6d02d331ff51da6ec3c7dd344cf15e2f768c721724e24f28206aa0153731a0b',
    EndpointID: containerIdOf(index),
    Gateway: '172.20.0.1',
    IPAddress: `172.20.${(index >> 8) % 256}.${index % 256}`,
    IPPrefixLen: 16,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    MacAddress: '02:42:ac:14:00:04',
    DriverOpts: null,
  },
});

/** A container in Docker's list, with everything that Docker 20.10 tells of one there. */
function listed(fleet: Fleet, index: number): object {
  const running = isRunning(fleet, index);
  return {
    Id: containerIdOf(index),
    Names: [`/${containerName(gameIdOf(index))}`],
    Image: IMAGE,
    ImageID: 'sha256:b17a3e5c94b2012123e9691d81c890035720773dec793ae63a8dd7bf1471d8dd',
    Command: 'docker-entrypoint.sh node server.mjs',
    Created: 1_767_225_600,
    Ports: [{ PrivatePort: 8080, Type: 'tcp' }],
    Labels: labelsOf(index),
    State: running ? 'running' : 'exited',
    Status: running ? 'Up 3 hours' : 'Exited (1) 2 minutes ago',
    HostConfig: { NetworkMode: 'galaxy' },
    NetworkSettings: { Networks: networksOf(index) },
    Mounts: [
      {
        Type: 'bind',
        Source: `/srv/galaxy/games/${gameIdOf(index)}`,
        Destination: '/var/lib/galaxy-game',
        Mode: '',
        RW: true,
        Propagation: 'rprivate',
      },
    ],
  };
}

/** The list, as text. */
export const listOf = (fleet: Fleet): string =>
  JSON.stringify(
    Array.from({ length: fleet.games }, (_, index) => index)
      .filter((index) => driftOf(fleet, index) !== 'gone')
      .map((index) => listed(fleet, index)),
  );

/** As much of an inspection as RTM reads; null for a container that is gone. */
export function inspectionOf(fleet: Fleet, id: string): object | null {
  const index = Number(id.slice(-10));
  if (driftOf(fleet, index) === 'gone') return null;
  const running = isRunning(fleet, index);
  return {
    Id: id,
    Name: `/${containerName(gameIdOf(index))}`,
    Image: 'sha256:b17a3e5c94b2012123e9691d81c890035720773dec793ae63a8dd7bf1471d8dd',
    RestartCount: 0,
    State: {
      Status: running ? 'running' : 'exited',
      Running: running,
      ExitCode: running ? 0 : 1,
      OOMKilled: false,
      StartedAt: '2026-01-01T00:00:00.123456789Z',
      FinishedAt: running ? '0001-01-01T00:00:00Z' : '2026-01-01T01:00:00.123456789Z',
    },
    Config: { Labels: labelsOf(index), Image: IMAGE },
    NetworkSettings: { Networks: networksOf(index) },
  };
}
