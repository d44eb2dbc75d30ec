/** Forms of what is handed on to Docker with each container. */
import { parseCpuQuota } from '../cpu-quota.ts';
import { FormError } from '../form-error.ts';
import { parseMemoryLimit, parsePidsLimit } from '../resource-limits.ts';
import type { Form } from './form.ts';
import { textLike } from './scalar-forms.ts';

export const cpuQuota: Form<number> = {
  words: 'cores as a decimal number, from 0.01',
  parse: parseCpuQuota,
};

export const memoryLimit: Form<number> = {
  words: 'a size such as `512m` or `1g` (powers of 1024) or plain bytes, from `6m`',
  parse: parseMemoryLimit,
};

export const pidsLimit: Form<number> = {
  words: 'a whole number from 1 to 4194304',
  parse: parsePidsLimit,
};

const DOCKER_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/** Docker gives aliases only on user-defined networks; the three that every daemon has resolve no names. */
const BUILT_IN_NETWORKS = ['bridge', 'host', 'none', 'default'];

export const networkName: Form<string> = {
  words: 'name of a user-defined Docker network',
  parse(text) {
    if (!DOCKER_NAME.test(text)) throw new FormError('is not a network name');
    if (BUILT_IN_NETWORKS.includes(text))
      throw new FormError('is a built-in network, on which games have no names');
    return text;
  },
};

export const runtimeName = textLike(
  'name of an OCI runtime known to the daemon',
  DOCKER_NAME,
  'is not a name',
);

export const logDriver = textLike(
  'name of a Docker log driver or plugin',
  /^[A-Za-z0-9][A-Za-z0-9_./:-]*$/,
  'is not a driver name',
);

/** An empty text gives no options; see where the table decides the default. */
export const logOptions: Form<Readonly<Record<string, string>>> = {
  words: '`key=value` pairs, separated by commas',
  parse(text) {
    const pairs = text === '' ? [] : text.split(',').map((pair) => /^([A-Za-z0-9_.-]+)=(.+)$/.exec(pair));
    const options = new Map<string, string>();
    for (const pair of pairs) {
      const [, key, value] = pair ?? [];
      if (key === undefined || value === undefined) throw new FormError('has a part that is not key=value');
      if (options.has(key)) throw new FormError('names one key twice');
      options.set(key, value);
    }
    return Object.fromEntries(options);
  },
};

export const repositoryGlobs: Form<readonly string[]> = {
  words:
    'repository globs separated by commas, without tag or digest: `*` within a path part, `**` across parts',
  parse(text) {
    return items(text, (glob) => {
      if (!/^[A-Za-z0-9._:*[\]/-]+$/.test(glob))
        throw new FormError('has a glob with a character no repository has');
      if (/^\/|\/\/|\/$/.test(glob)) throw new FormError('has a glob with an empty part');
      if (hasTag(glob.replace(/^\[[^\]]*\]/, ''))) throw new FormError('has a glob with a tag');
      return glob;
    });
  },
};

/** A second colon, or one behind the last slash, is no port of a registry. */
function hasTag(glob: string): boolean {
  const colon = glob.lastIndexOf(':');
  return colon !== glob.indexOf(':') || colon > glob.lastIndexOf('/');
}

/** Capabilities of Linux 6, as Docker spells them without `CAP_`. */
const CAPABILITIES = new Set(
  (
    'AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH ' +
    'FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN ' +
    'NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_BOOT SYS_CHROOT ' +
    'SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM'
  ).split(' '),
);

/** @returns names in capitals, without `CAP_`; none for an empty text, which is the default */
export const capabilities: Form<readonly string[]> = {
  words: 'Linux capabilities separated by commas, such as `CHOWN,NET_BIND_SERVICE`; `ALL` is refused',
  parse(text) {
    if (text === '') return [];
    return items(text, (item) => {
      const name = item.toUpperCase().replace(/^CAP_/, '');
      if (name === 'ALL') throw new FormError('has ALL, which would undo the hardening; name each one');
      if (!CAPABILITIES.has(name)) throw new FormError('has a name that is no Linux capability');
      return name;
    });
  },
};

function items(text: string, parse: (item: string) => string): readonly string[] {
  const parsed = text.split(',').map((item) => {
    if (item.trim() === '') throw new FormError('has an empty item');
    return parse(item.trim());
  });
  return [...new Set(parsed)];
}
