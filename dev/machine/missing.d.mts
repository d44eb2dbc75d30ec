/** Something that a run needs and that this machine has not. */
export interface Missing {
  /** What it is, and what was seen of it. */
  readonly what: string;
  /** How an existing one is used instead, naming the variable. */
  readonly instead: string;
  /** The Debian package that brings it; without one it cannot be installed here. */
  readonly debianPackage?: string;
}
export function obstacleToInstalling(): string | undefined;
export function describeMissing(missing: readonly Missing[]): string;
export function canInstallAll(missing: readonly Missing[]): boolean;
export function isDebian(): boolean;
