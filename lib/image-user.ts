/** Numeric user and group that a container of an image runs as. */
export interface ImageUser {
  readonly uid: number;
  readonly gid: number;
}

/** Why the user of an image cannot be told, as a clause of a sentence. */
export interface UnknownUser {
  readonly unknown: string;
}

/** Text of the files that give names to users and groups; null where the image has no usable one. */
export interface UserFiles {
  readonly passwd: string | null;
  readonly group: string | null;
}

/** The highest id that Docker accepts. */
const MAX_ID = 2 ** 31 - 1;
/** Docker parses a signed decimal number: `00` and `+0` are root too. */
const NUMBER = /^[+-]?\d+$/;

/**
 * The user of an image whose `User` needs no file of the image; null where a name must be resolved in the image.
 * A number without a group has group 0: the owner of a directory needs no group to use it.
 */
export function numericUser(user: string): ImageUser | UnknownUser | null {
  const [name, group] = splitUser(user);
  if (name === '') return { uid: 0, gid: 0 };
  if (!NUMBER.test(name) || (group !== '' && !NUMBER.test(group))) return null;
  return checked(user, Number(name), Number(group || 0));
}

/** Resolves `User` of an image with the files of that image, by the rules of Docker. */
export function resolveUser(user: string, { passwd, group }: UserFiles): ImageUser | UnknownUser {
  const [userName, groupName] = splitUser(user);
  const account = NUMBER.test(userName) ? { uid: Number(userName), gid: 0 } : findAccount(passwd, userName);
  if (!account) return { unknown: `the image has no user ${JSON.stringify(userName)} in /etc/passwd` };
  if (groupName === '') return checked(user, account.uid, account.gid);
  const gid = NUMBER.test(groupName) ? Number(groupName) : findGroup(group, groupName);
  if (gid === undefined)
    return { unknown: `the image has no group ${JSON.stringify(groupName)} in /etc/group` };
  return checked(user, account.uid, gid);
}

function splitUser(user: string): [string, string] {
  const colon = user.indexOf(':');
  return colon === -1 ? [user, ''] : [user.slice(0, colon), user.slice(colon + 1)];
}

function checked(user: string, uid: number, gid: number): ImageUser | UnknownUser {
  if ([uid, gid].every((id) => id >= 0 && id <= MAX_ID)) return { uid: uid || 0, gid: gid || 0 };
  return { unknown: `its USER ${JSON.stringify(user)} has an id outside 0 to ${MAX_ID}` };
}

function findAccount(passwd: string | null, name: string): ImageUser | undefined {
  const [, , uid, gid] = findLine(passwd, name) ?? [];
  return uid === undefined ? undefined : { uid: toId(uid), gid: toId(gid) };
}

function findGroup(group: string | null, name: string): number | undefined {
  const [, , gid] = findLine(group, name) ?? [];
  return gid === undefined ? undefined : toId(gid);
}

const findLine = (file: string | null, name: string): string[] | undefined =>
  file
    ?.split('\n')
    .map((line) => line.trim().split(':'))
    .find(([first]) => first === name);

/** Docker reads an id that is no number as 0. */
const toId = (text = ''): number => (NUMBER.test(text) ? Number(text) : 0);
