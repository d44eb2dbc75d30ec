/** Runs npm; see process.mjs. */
export function npm(args: string[]): Promise<void>;
