import type { ErrorCode } from '../errors.ts';
import type { Operation } from '../operation.ts';
import { type Facts, headOf, lastOf } from './facts.ts';
import { isRefused } from './intent.ts';
import { parsedOrNull } from './look-at-game.ts';
import { at, type Cause, type Found, type Rule } from './rule.ts';

/** Why the operation that ended last did not do what was asked. */
export const FAILURE_RULES: readonly Rule[] = [
  {
    code: 'patch_rolled_back',
    severity: 'problem',
    find: whenFailed((last, facts) =>
      wasRolledBack(last, facts)
        ? {
            ...describe(last, facts),
            message: `The patch to ${last.imageRef} failed, and the game runs ${facts.record?.currentImageRef} again: ${sayingOf(last)}`,
            advice: 'Mend the new image, then patch again. Players have lost no more than the restart.',
          }
        : null,
    ),
  },
  failure('image_ref_invalid', 'start_config_invalid', {
    when: (last) => !hasImageRef(last),
    advice: 'Ask again with an image reference that Docker accepts.',
  }),
  {
    code: 'network_missing',
    severity: 'problem',
    find(facts) {
      const last = failedLast(facts);
      const stops = last?.errorCode === 'start_config_invalid' && hasImageRef(last);
      if (facts.docker.networkExists !== false || !(stops || headOf(facts))) return null;
      return networkMissing(facts, last && stops ? describe(last, facts).evidence : []);
    },
  },
  failure('start_config_invalid', 'start_config_invalid', {
    when: (last, { docker }) => hasImageRef(last) && docker.networkExists !== false,
    advice: 'Change what it names (docs/configuration.md), then start the game again.',
  }),
  failure('image_pull_failed', 'image_pull_failed', {
    advice:
      'Look whether the registry has the image, answers, and takes the credentials of RTMANAGER_DOCKER_REGISTRY_AUTH_FILE; then ask again.',
  }),
  failure('container_start_failed', 'container_start_failed', {
    advice:
      'Where Docker names the image (its entrypoint, its user, its platform), build a corrected one and start that. Where it names the host (a disk, a name, a runtime), correct the host, then start the game again.',
  }),
  failure('docker_unavailable', 'docker_unavailable', {
    advice:
      'Docker was away for longer than RTMANAGER_DOCKER_RETRY_WINDOW. When it answers (/readyz), ask again.',
  }),
  failure('internal_error', 'internal_error', {
    advice: "Read the log of Runtime Manager: the lines with the operation's id.",
  }),
  {
    code: 'network_missing',
    severity: 'warning',
    find: (facts) => (facts.docker.networkExists === false ? networkMissing(facts, []) : null),
  },
  {
    code: 'request_refused',
    severity: 'warning',
    find: (facts) => {
      const last = failedLast(facts);
      return last && isRefused(last)
        ? {
            ...describe(last, facts),
            message: `The last request, a ${last.opKind}, was refused, and changed nothing: ${sayingOf(last)}`,
            advice: 'docs/errors.md says what the code asks for.',
          }
        : null;
    },
  },
];

interface FailureRule {
  readonly when?: (last: Operation, facts: Facts) => boolean;
  readonly advice: string;
}

function failure(code: Cause, errorCode: ErrorCode, { when = () => true, advice }: FailureRule): Rule {
  return {
    code,
    severity: 'problem',
    find: whenFailed((last, facts) =>
      last.errorCode === errorCode && !wasRolledBack(last, facts) && when(last, facts)
        ? { ...describe(last, facts), advice }
        : null,
    ),
  };
}

function whenFailed(find: (last: Operation, facts: Facts) => Found | null): Rule['find'] {
  return (facts) => {
    const last = failedLast(facts);
    return last ? find(last, facts) : null;
  };
}

const failedLast = (facts: Facts): Operation | undefined => {
  const last = lastOf(facts);
  return last?.outcome === 'failure' ? last : undefined;
};

function describe(last: Operation, { record }: Facts): Found {
  const stays =
    record?.status === 'running'
      ? ` The game runs on, with ${record.currentImageRef}.`
      : ' The game does not run.';
  return {
    message: `The last ${last.opKind} failed at ${at(last.finishedAt)}: ${sayingOf(last)}${stays}`,
    evidence: [
      `operation ${last.operationId} (${last.opKind}, ${last.opSource}) ended with ${last.errorCode}`,
      ...(last.imageRef ? [`image ${last.imageRef}`] : []),
    ],
    advice: null,
  };
}

function networkMissing({ config }: Facts, evidence: readonly string[]): Found {
  const { network } = config.docker;
  return {
    message: `The Docker network ${network} does not exist, so that no game can be started.`,
    evidence: [`Docker lists no network ${network}`, ...evidence],
    advice: `Make it (docker network create ${network}), then ask again: Runtime Manager never creates it.`,
  };
}

/** A sentence with its full stop. */
const sayingOf = ({ errorMessage, errorCode }: Operation): string =>
  (errorMessage || `it ended with ${errorCode}.`).replace(/([^.])$/, '$1.');

const hasImageRef = ({ imageRef }: Operation): boolean =>
  imageRef === null || parsedOrNull(imageRef) !== null;

/** The old image was started again, as an inner entry of the patch. */
const wasRolledBack = ({ operationId, opKind }: Operation, { operations, record }: Facts): boolean =>
  opKind === 'patch' &&
  record?.status === 'running' &&
  operations.some(
    (one) => one.parentOperationId === operationId && one.opKind === 'start' && one.outcome === 'success',
  );
