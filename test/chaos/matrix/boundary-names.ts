/**
 * Names of what a replica asks of others, the same in every run: without ids, and short enough to be read in a table of
 * what died where.
 */

const LONGEST = 100;

const squeeze = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, LONGEST);

/** @param begunWith what the transaction began with, if one is open */
export function nameStatement(text: string, begunWith: string | undefined): string {
  const name = `PostgreSQL: ${squeeze(text)}`;
  return begunWith && /^\s*(commit|rollback)/i.test(text) ? `${name} of ${begunWith}` : name;
}

/** A command of Redis; a script of BullMQ by its hash, and the kind of queue that it works on. */
export function nameCommand(command: string, args: readonly unknown[]): string {
  const isScript = /^evalsha?$/i.test(command);
  const [script, , ...keys] = args.map(String);
  const key = isScript ? keys[0] : script;
  const place = (key ?? '')
    .replace(/rtm-[0-9a-f]+/, 'rtm')
    .replace(/lifecycle-\d+/, 'lifecycle')
    .split(':')
    .slice(0, 2)
    .join(':');
  return `Redis: ${[command, isScript ? script?.slice(0, 8) : '', place].filter(Boolean).join(' ')}`;
}

/** A call of the Engine API. */
export function nameCall(method: string, path: string): string {
  const [route = ''] = path.replace(/^\/v[\d.]+/, '').split('?');
  const plain = route
    .replace(/^(\/containers\/)(?!json$|create$)[^/]+/, '$1:id')
    .replace(/^(\/images\/)(?!create$).+(\/json)$/, '$1:name$2')
    .replace(/^(\/networks\/)[^/]+/, '$1:name');
  return `Docker: ${method} ${plain}`;
}
