import type { Missing } from './missing.mjs';

export function findPgbouncer(): string | undefined;
export function missingPgbouncer(): Missing | undefined;
