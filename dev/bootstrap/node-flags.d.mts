export const SCRIPT_FLAGS: readonly string[];
export const SERVICE_FLAGS: readonly string[];
