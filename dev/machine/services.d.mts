import type { Missing } from './missing.mjs';

export const AS_NOBODY: readonly string[];
export function findRedisServer(): string | undefined;
export function missingRedis(instead: string): Missing | undefined;
export function missingPostgres(): Missing | undefined;
export function missingServices(): Missing[];
