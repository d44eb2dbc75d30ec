import { cpuQuota, memoryLimit, pidsLimit } from './container-forms.ts';
import { defaulted, optional } from './variable.ts';

/** What a game's container may use, part of `VARIABLES`. */
export const LIMIT_VARIABLES = {
  limits: {
    nanoCpus: defaulted('RTMANAGER_DEFAULT_CPU_QUOTA', '1.0', cpuQuota),
    memoryBytes: defaulted('RTMANAGER_DEFAULT_MEMORY', '512m', memoryLimit),
    pidsLimit: defaulted('RTMANAGER_DEFAULT_PIDS_LIMIT', '512', pidsLimit),
  },
  /** What image labels cannot exceed; memory and cores are those of the Docker host where nothing is set. */
  ceilings: {
    nanoCpus: optional('RTMANAGER_MAX_CPU_QUOTA', cpuQuota),
    memoryBytes: optional('RTMANAGER_MAX_MEMORY', memoryLimit),
    pidsLimit: defaulted('RTMANAGER_MAX_PIDS_LIMIT', '4096', pidsLimit),
  },
} as const;
