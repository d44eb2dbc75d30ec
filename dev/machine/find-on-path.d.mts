export function findOnPath(name: string): string | undefined;
