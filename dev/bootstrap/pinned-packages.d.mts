export interface PinnedProgram {
  readonly version: string;
  /** By `process.arch`. */
  readonly packages: Readonly<Record<string, { readonly name: string; readonly integrity: string }>>;
}
export const NODE: PinnedProgram;
export const POSTGRES: PinnedProgram;
