import { RuntimeError } from './errors.ts';
import { toShownText } from './shown-text.ts';

/** A parsed image reference. Everything that depends on the registry or the repository reads it from here. */
export interface ImageRef {
  /** As the producer wrote it; this is what records and labels keep. */
  readonly text: string;
  /** Registry host, with its port if it has one; `docker.io` where none is named. */
  readonly registry: string;
  /** Repository path on the registry; `library/alpine` for `alpine`. */
  readonly path: string;
  /** Fully qualified repository: registry and path. */
  readonly repository: string;
  /** Repository as Docker shows it: without `docker.io/` and `library/`. */
  readonly familiarRepository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
  /**
   * What to give the Docker API: familiar repository plus the digest, else the tag, else `latest`. Always one of
   * them, because a pull without any would fetch every tag. A digest wins over a tag, as it does in Docker.
   */
  readonly canonical: string;
}

const HUB = 'docker.io';

/** The name that the Docker Hub had first; still the same registry. */
const LEGACY_HUB = 'index.docker.io';

/** Of registry and path together, as the grammar's authors first had it; longer names exist nowhere. */
const LONGEST_NAME = 255;

/** Name, tag and the longest digest; the regular expressions below never see more. */
const LONGEST_TEXT = 600;

// The grammar of github.com/distribution/reference.
const HOST_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const REGISTRY = new RegExp(`^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const PATH_COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const PATH = new RegExp(`^${PATH_COMPONENT}(?:/${PATH_COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/;
const IMAGE_ID = /^(?:sha256:)?[a-f0-9]{64}$/;

/**
 * An image reference by the rules that Docker itself applies, so that what RTM accepts Docker accepts too.
 *
 * @param text such as `galaxy/engine:1.4.2`, `registry.example:5000/engine@sha256:…`
 * @throws RuntimeError `start_config_invalid` with a sentence that names the broken rule
 */
export function parseImageRef(text: string): ImageRef {
  const refuse = (rule: string): RuntimeError => {
    const shown = `"${toShownText(text, 200)}"`;
    return new RuntimeError('start_config_invalid', `image_ref ${shown} is not an image reference: ${rule}.`);
  };
  if (text === '') throw refuse('it is empty');
  if (text.length > LONGEST_TEXT) throw refuse(`it is longer than ${LONGEST_TEXT} characters`);
  if (IMAGE_ID.test(text))
    throw refuse('64 hexadecimal digits name an image by its id, not by its repository');

  const [beforeDigest, digest] = cut(text, '@');
  const { registry, remainder } = splitRegistry(beforeDigest);
  const [pathAsWritten, tag] = cut(remainder, ':');
  const path = registry === HUB && !pathAsWritten.includes('/') ? `library/${pathAsWritten}` : pathAsWritten;
  const repository = `${registry}/${path}`;

  // Docker 20.10 reads neither; later versions do.
  if (registry.startsWith('[')) throw refuse('a registry is named by its host name, not by an IPv6 address');
  if (registry !== registry.toLowerCase() && !/[.:]/.test(registry))
    throw refuse('a registry without a dot or a port must be in lower case');
  if (!REGISTRY.test(registry)) throw refuse('the part before the first slash is not a registry host');
  if (pathAsWritten === '') throw refuse('the repository name is missing');
  if (path !== path.toLowerCase()) throw refuse('the repository name must be in lower case');
  if (!PATH.test(path)) {
    throw refuse('the repository name may hold only lower-case letters and digits, separated by . _ - or /');
  }
  if (repository.length > LONGEST_NAME) throw refuse(`the name is longer than ${LONGEST_NAME} characters`);
  if (tag !== undefined && !TAG.test(tag)) {
    throw refuse(
      'the tag must be 1 to 128 letters, digits, dots, underscores or hyphens, not beginning with . or -',
    );
  }
  if (digest !== undefined && !DIGEST.test(digest)) {
    throw refuse(
      'the digest must be sha256, sha384 or sha512, a colon and as many lower-case hexadecimal digits',
    );
  }

  const familiarRepository = familiar(registry, path);
  const canonical =
    digest === undefined ? `${familiarRepository}:${tag ?? 'latest'}` : `${familiarRepository}@${digest}`;
  return { text, registry, path, repository, familiarRepository, tag, digest, canonical };
}

/** Docker's rule: the first part is a registry only when it cannot be the first part of a path on the Hub. */
function splitRegistry(name: string): { registry: string; remainder: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  if (!looksLikeRegistry(first)) return { registry: HUB, remainder: name };
  return { registry: first === LEGACY_HUB ? HUB : first, remainder: name.slice(slash + 1) };
}

function looksLikeRegistry(first: string): boolean {
  return first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase();
}

function familiar(registry: string, path: string): string {
  if (registry !== HUB) return `${registry}/${path}`;
  const official = /^library\/([^/]+)$/.exec(path)?.[1];
  if (official !== undefined) return official;
  // Shortened, `docker.io/evil.example/engine` would be pulled from evil.example.
  const [first = ''] = path.split('/');
  return looksLikeRegistry(first) ? `${registry}/${path}` : path;
}

function cut(text: string, separator: string): [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/**
 * Whether an image may run by the allowlist. A glob is held against the whole repository name, without tag and
 * digest, once as Docker shows it (`galaxy/engine`) and once fully qualified (`docker.io/galaxy/engine`); one match
 * suffices. `*` stands for any characters but a slash, `**` for any at all, everything else for itself. So
 * `galaxy/*` allows only the Docker Hub's `galaxy`, `ghcr.io/galaxy/**` everything below it there; a glob that
 * begins with an asterisk reaches into every registry.
 *
 * @param globs undefined when no allowlist is configured: then everything matches
 */
export function repositoryMatches(ref: ImageRef, globs: readonly string[] | undefined): boolean {
  if (globs === undefined) return true;
  return globs.some((glob) => {
    const pattern = globPattern(glob);
    return pattern.test(ref.familiarRepository) || pattern.test(ref.repository);
  });
}

function globPattern(glob: string): RegExp {
  const source = glob
    .split(/(\*+)/)
    .map((part) => (part === '*' ? '[^/]*' : part.startsWith('*') ? '.*' : part.replace(/[^\w-]/g, '\\$&')))
    .join('');
  return new RegExp(`^${source}$`);
}
