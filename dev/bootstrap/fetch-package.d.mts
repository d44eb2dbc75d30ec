/** See fetch-package.mjs. */
export function fetchPackage(wanted: {
  spec: string;
  integrity: string;
  home: string;
  prepare?: (modules: string) => Promise<void>;
}): Promise<void>;
