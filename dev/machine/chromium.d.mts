import type { Missing } from './missing.mjs';

export function findChromium(): string | undefined;
export function missingChromium(): Missing | undefined;
