import type { Missing } from './missing.mjs';

/** What there is of Docker on this machine before anything is done about it. */
export type FoundDocker =
  | { readonly state: 'answers' }
  | { readonly state: 'stopped'; readonly dockerd: string }
  | { readonly state: 'absent' }
  | { readonly state: 'unusable'; readonly reason: string };

export const DEFAULT_DOCKER_HOST: string;
export function dockerHost(): string;
export function lookForDocker(): Promise<FoundDocker>;
export function missingDocker(found: FoundDocker): Missing | undefined;
